"""Which models a graph can train after the models that it was made for."""

import json
from collections.abc import Sequence
from typing import Any

from zoo.training.fusion.branch import dropouts_of
from zoo.training.fusion.fusible import (
    architecture_key,
    copies_of,
    fusible_rows,
    spares_vectors,
    tails_of,
)
from zoo.training.fusion.moving_average import average_of
from zoo.training.fusion.wide_optimizer import optimizer_structure
from zoo.training.transfer.layer_rates import layer_factors_of


def graph_key(models: Sequence[Any], optimizers: Sequence[Any], *, stay: bool = False) -> Any:
    """Describe all that the graph of a `ModelGroup` depends on.

    A model by itself is trained in place, so its graph depends on the model. The graph of fused
    models depends on their layers, and on which settings differ; not on the values that differ.

    Args:
        models: Built Keras models.
        optimizers: Their optimisers.
        stay: Whether fused models are also asked by themselves, so that the graph depends on them.

    Returns:
        A value that is equal for models and optimisers that one graph can train.

    Example:
        >>> import keras, zoo
        >>> def key_of(seed, dropout, rates):
        ...     models = [zoo.build("mlp", seed=seed, dropout=dropout) for _ in rates]
        ...     return graph_key(models, [keras.optimizers.SGD(rate) for rate in rates])
        >>> key_of(0, 0.1, (0.1, 0.2)) == key_of(1, 0.3, (0.3, 0.4))
        True
        >>> key_of(0, 0.1, (0.1, 0.2)) == key_of(1, 0.0, (0.3, 0.4))  # without dropout
        False
    """
    keys = []
    for rows in fusible_rows(models, optimizers):
        own = [models[row] for row in rows], [optimizers[row] for row in rows]
        if len(rows) > 1:
            keys.append((rows, _structure(*own)))
        if len(rows) == 1 or stay:
            keys.append((rows, [_description(*pair) for pair in zip(*own, strict=True)]))
    return keys


def _structure(models: Sequence[Any], optimizers: Sequence[Any]) -> Any:
    """Describe the graph of fused models."""
    tails = tails_of(models)
    branches = []
    for rows in copies_of(models):
        weights = zip(*(models[row].weights for row in rows), strict=True)
        penalized = [any(map(_has_penalty, parts)) for parts in weights]
        dropouts = dropouts_of([tails[row] for row in rows])
        branches.append([architecture_key(models[rows[0]]), len(rows), dropouts, penalized])
    return [branches, optimizer_structure(optimizers)]


def _has_penalty(weight: Any) -> bool:
    return any(getattr(weight.regularizer, name, 0) for name in ("l1", "l2"))


def _description(model: Any, optimizer: Any) -> Any:
    """Describe the graph of a model by itself."""
    variables = [(id(variable.value), variable.trainable) for variable in model.variables]
    try:
        factors = [*layer_factors_of(optimizer).values()]
        average = average_of(optimizer)
        others = [factors, spares_vectors(optimizer), average and average.decay]
        configs = [model.get_config(), _without_names(optimizer.get_config()), others]
        kinds = [type(model), type(optimizer)]
        return [variables, kinds, json.dumps(configs, sort_keys=True, default=str)]
    except (NotImplementedError, TypeError, ValueError):  # the model cannot describe itself
        return object()


def _without_names(config: Any) -> Any:
    """Leave the names out of an optimiser's configuration, since Keras numbers the names."""
    if not isinstance(config, dict):
        return config
    return {key: _without_names(value) for key, value in config.items() if key != "name"}
