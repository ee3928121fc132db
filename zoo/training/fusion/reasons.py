"""Why models that learn from the same batches are not computed as one wide model."""

from collections.abc import Sequence
from typing import Any

from zoo.training.fusion.fusible import (
    fixed_settings,
    fusible_rows,
    obstacle,
    obstacle_of_optimizer,
    stem_key,
)


def reasons_apart(
    names: Sequence[str], models: Sequence[Any], optimizers: Sequence[Any]
) -> dict[str, list[str]]:
    """Tell which models run by themselves, or in a smaller group, and why.

    Args:
        names: The models' names.
        models: Built Keras models that learn from the same batches.
        optimizers: Their optimisers.

    Returns:
        Reason → the names of the models that it holds for. A reason is a text that stands behind
        the names. Models of the largest group that is fused are not among them.

    Example:
        >>> import keras, zoo
        >>> models = [zoo.build(name) for name in ("mlp", "cnn")]
        >>> reasons_apart(["mlp", "cnn"], models, [keras.optimizers.SGD(0.1)] * 2)
        {'layers of the type Conv2D': ['cnn']}
    """
    groups = fusible_rows(models, optimizers)
    blocked = {
        row: obstacle(models[row]) or obstacle_of_optimizer(optimizers[row])
        for row in range(len(models))
    }
    free = [rows for rows in groups if not blocked[rows[0]]]
    largest = max(free, key=len, default=[])
    reasons: dict[str, list[str]] = {}
    for rows in groups:
        for row in rows if rows is not largest else ():
            reason = blocked[row] or _difference(
                names[largest[0]],
                *((models[k], optimizers[k]) for k in (row, largest[0])),
            )
            reasons.setdefault(reason, []).append(names[row])
    return reasons


def _difference(other_name: str, member: tuple[Any, Any], other: tuple[Any, Any]) -> str:
    """Tell in what a model that could be fused differs from another, in words after its name."""
    (model, optimizer), (other_model, other_optimizer) = member, other
    if stem_key(model) != stem_key(other_model):
        if model.dtype_policy != other_model.dtype_policy:
            return (
                f"computed in {model.dtype_policy.name}, where {other_name} is computed in "
                f"{other_model.dtype_policy.name}"
            )
        return f"other first layers than {other_name}"
    own, others = fixed_settings(optimizer), fixed_settings(other_optimizer)
    if own["optimizer"] != others["optimizer"]:
        return f"the optimizer {own['optimizer']}, where {other_name} has {others['optimizer']}"
    name = next(name for name, value in own.items() if value != others[name])
    if name == "schedule":
        return f"another schedule of the learning rate than {other_name}"
    return f"{name}={own[name]}, where {other_name} has {name}={others[name]}"
