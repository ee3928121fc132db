"""Which models and optimisers can run side by side as one wide model, and why others cannot."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import layers

from zoo.training.transfer.freezing import begun_after
from zoo.training.transfer.layer_rates import layer_factors_of

ACTIVATIONS = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "celu", "silu", "mish"),
    *("sigmoid", "hard_sigmoid", "hard_silu", "tanh", "softplus", "softsign", "exponential"),
)
"""Names of the activations that work on each number by itself."""

OPTIMIZERS = (
    *("SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"),
)
"""Names of the optimisers that work on each weight by itself, unless they clip by norms."""


VARYING_SETTINGS = (
    *("weight_decay", "momentum", "beta_1", "beta_2", "epsilon", "rho", "beta"),
    *("learning_rate_power", "l1_regularization_strength", "l2_regularization_strength"),
    "l2_shrinkage_regularization_strength",
)
"""Names of the optimisers' settings, beside the learning rate, that may differ between copies."""

RATES_OF_SCHEDULES = ("initial_learning_rate", "warmup_target")
"""Names of a schedule's settings that may differ between copies."""

SCHEDULES = (
    *("CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay"),
    *("PolynomialDecay", "RecipeSchedule"),
)
"""Names of the schedules whose rates may differ between copies."""


def obstacle(model: keras.Model) -> str:
    """Tell why a model cannot run side by side with any other model.

    Args:
        model: A built Keras model.

    Returns:
        The reason, in words that stand behind the name of the model; an empty text for a model
        that can be fused.

    Example:
        >>> import zoo
        >>> obstacle(zoo.build("cnn"))
        'layers of the type Conv2D'
        >>> obstacle(zoo.build("lasso_mlp"))
        ''
    """
    if not _is_chain(model):
        return "not a chain of layers of Keras"
    shared = True
    for layer in model.layers:
        if reason := _obstacle_of_layer(layer, shared=shared):
            return reason
        shared = shared and not layer.weights
    return "no weights" if shared else ""


def obstacle_of_optimizer(optimizer: keras.optimizers.Optimizer) -> str:
    """Tell why an optimiser cannot train several models as one wide model.

    Args:
        optimizer: A Keras optimiser.

    Returns:
        The reason, in words that stand behind the name of the model; an empty text for an
        optimiser that works on each weight by itself.

    Example:
        >>> import keras
        >>> obstacle_of_optimizer(keras.optimizers.SGD(0.1, clipnorm=1.0))
        'the optimizer with clipnorm, which looks at many weights at a time'
    """
    if layer_factors_of(optimizer):
        return "layer_decay, which gives each layer a learning rate of its own"
    kind, config = type(optimizer).__name__, optimizer.get_config()
    if kind not in OPTIMIZERS or not type(optimizer).__module__.startswith("keras."):
        return f"the optimizer {kind}, which may look at many weights at a time"
    for name in ("clipnorm", "global_clipnorm"):
        if config.get(name):
            return f"the optimizer with {name}, which looks at many weights at a time"
    return ""


def architecture_key(model: keras.Model) -> str | None:
    """Describe a model's layers, for finding models that can run side by side as copies.

    Copies may differ in their dropout and in their penalties.

    Args:
        model: A built Keras model.

    Returns:
        A text that is equal for models of the same layers, or None for a model that cannot be
        fused, because it is not a chain of layers that are known here.

    Example:
        >>> import zoo
        >>> a, b = (zoo.build("lasso_mlp", seed=seed) for seed in (0, 1))
        >>> architecture_key(a) == architecture_key(b), architecture_key(zoo.build("cnn"))
        (True, None)
    """
    if obstacle(model):
        return None
    copied = [layer for layer in model.layers if not isinstance(layer, layers.Dropout)]
    return _text(map(_description, copied))


def stem_key(model: keras.Model) -> str | None:
    """Describe a model's first layers, for finding models that can share their first product.

    Args:
        model: A built Keras model.

    Returns:
        A text that is equal for models of the same layers up to the first dense layer, whatever
        that layer's units, activation and penalties, or None for a model without an
        `architecture_key`.

    Example:
        >>> import zoo
        >>> stem_key(zoo.build("lasso_mlp")) == stem_key(zoo.build("deep_mlp"))
        True
    """
    if obstacle(model):
        return None
    described = []
    for layer in model.layers:
        name, config = _description(layer)
        if layer.weights:
            config = {k: value for k, value in config.items() if k not in ("units", "activation")}
        described.append((name, config))
        if layer.weights:
            break
    return _text(described)


def optimizer_key(optimizer: keras.optimizers.Optimizer) -> str | None:
    """Describe an optimiser, for finding optimisers that a single wide optimiser can replace.

    Args:
        optimizer: A Keras optimiser.

    Returns:
        A text that is equal for optimisers that differ at most in numbers such as the learning
        rate, the momentum and the weight decay; or None for an optimiser that looks at more than
        one weight at a time.

    Example:
        >>> import keras
        >>> keys = [optimizer_key(keras.optimizers.SGD(rate)) for rate in (0.1, 0.2)]
        >>> keys[0] == keys[1]
        True
        >>> optimizer_key(keras.optimizers.SGD(0.1, clipnorm=1.0)) is None
        True
    """
    return None if obstacle_of_optimizer(optimizer) else _text([fixed_settings(optimizer)])


def fixed_settings(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Give the settings of an optimiser that must be the same for all copies.

    Args:
        optimizer: A Keras optimiser.

    Example:
        >>> import keras
        >>> fixed_settings(keras.optimizers.SGD(0.1, nesterov=True))["nesterov"]
        True
    """
    # The initial value of accumulators is in variables, which each model has by itself.
    varying = (*VARYING_SETTINGS, "name", "initial_accumulator_value")
    config = {key: value for key, value in optimizer.get_config().items() if key not in varying}
    rate = config.pop("learning_rate")
    schedule: Any = "constant"
    if not isinstance(rate, float):
        schedule = dict(rate)
        if schedule.get("class_name") in SCHEDULES:
            schedule["config"] = {
                key: key if key in RATES_OF_SCHEDULES and value is not None else value
                for key, value in schedule["config"].items()
                if key != "name"
            }
    own = {
        "weight_decay_of": "kernels" if spares_vectors(optimizer) else "all weights",
        "unfreeze_at": begun_after(optimizer),
    }
    return {"optimizer": type(optimizer).__name__, "schedule": schedule, **config, **own}


def spares_vectors(optimizer: keras.optimizers.Optimizer) -> bool:
    """Tell whether the weight decay of an optimiser leaves out biases and normalisations."""
    return bool(getattr(optimizer, "_exclude_from_weight_decay", None))


def fusible_rows(models: Sequence[Any], optimizers: Sequence[Any]) -> list[list[int]]:
    """Group the numbers of models that can run fused; any other model is a group of its own.

    Args:
        models: Built Keras models.
        optimizers: The optimiser of each model, or None for a model that only answers.

    Returns:
        The groups. In each of them, models of the same `architecture_key` stand side by side.

    Example:
        >>> import zoo
        >>> models = [zoo.build(name) for name in ("mlp", "cnn", "deep_mlp", "mlp")]
        >>> fusible_rows(models, [None] * 4)
        [[0, 3, 2], [1]]
    """
    groups: dict[Any, list[int]] = {}
    for row, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
        key = stem_key(model), optimizer_key(optimizer) if optimizer else ""
        groups.setdefault(row if None in key else key, []).append(row)
    kinds = [architecture_key(model) for model in models]
    return [sorted(rows, key=lambda row: kinds.index(kinds[row])) for rows in groups.values()]


def copies_of(models: Sequence[Any]) -> list[list[int]]:
    """Group the numbers of models of the same architecture, which stand one after another."""
    keys = [architecture_key(model) for model in models]
    groups = itertools.groupby(range(len(models)), keys.__getitem__)
    return [[*rows] for _, rows in groups]


def first_layer(model: Any) -> int:
    """Give the position of the first layer with weights, which is dense."""
    return next(number for number, layer in enumerate(model.layers) if layer.weights)


def tails_of(models: Sequence[Any]) -> list[list[Any]]:
    """Give the layers of each model from the first layer with weights on."""
    return [model.layers[first_layer(model) :] for model in models]


def _is_chain(model: Any) -> bool:
    if not type(model).__module__.startswith("keras."):
        return False  # its own code may compute something else
    parts = model.layers
    try:
        first = parts[0].output if isinstance(parts[0], layers.InputLayer) else parts[0].input
        ends_fit = model.inputs == [first] and model.outputs == [parts[-1].output]
        return ends_fit and all(b.input is a.output for a, b in itertools.pairwise(parts))
    except (AttributeError, ValueError):  # a layer is used twice, or not at all
        return False


def _obstacle_of_layer(layer: Any, *, shared: bool) -> str:
    """Tell why a layer cannot be part of a wide layer; see `obstacle`.

    Args:
        layer: A built layer of a chain.
        shared: Whether the layer stands before the first weights, so that all models share it.
    """
    kind = type(layer)
    if not _can_be_wide(layer, shared=shared):
        own = "" if kind.__module__.startswith("keras.") else f"{kind.__module__}."
        return f"layers of the type {own}{kind.__name__}"
    if layer.activity_regularizer or not all(map(_has_simple_penalty, layer.weights)):
        return f"a penalty other than L1 and L2 in the layer {layer.name}"
    moving = [layer.moving_mean, layer.moving_variance] if kind is layers.BatchNormalization else []
    if len(layer.trainable_weights) + len(moving) < len(layer.weights):
        return f"frozen weights in the layer {layer.name}"
    if getattr(layer, "lora_enabled", False):
        return f"LoRA weights in the layer {layer.name}"
    if any(weight.constraint for weight in layer.weights):
        return f"a constraint in the layer {layer.name}"
    if kind is layers.Dropout and layer.noise_shape is not None:
        return f"dropout of many units at a time in the layer {layer.name}"
    if kind is layers.Dropout and layer.compute_dtype != layer.input.dtype:
        return f"another precision in the layer {layer.name}"
    activation = getattr(layer, "activation", None)
    if activation is not None and not _is_elementwise(activation):
        return f"an activation of many units at a time in the layer {layer.name}"
    return ""


def _can_be_wide(layer: Any, *, shared: bool) -> bool:
    """Tell whether layers of this type and axis can run side by side."""
    kind = type(layer)
    if kind in (layers.InputLayer, layers.Rescaling):
        return shared
    if kind is layers.Dense:
        return len(layer.input.shape) == 2
    if kind is layers.BatchNormalization:
        plain = not (layer.synchronized or layer.renorm)
        return not shared and plain and layer.axis in (-1, 1)
    if kind is layers.Softmax:
        return not shared and layer.axis == -1
    if kind is layers.Dropout:
        return not shared
    return kind in (
        *(layers.Flatten, layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU),
    )


def _has_simple_penalty(weight: Any) -> bool:
    kinds = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
    return weight.regularizer is None or type(weight.regularizer) in kinds


def _is_elementwise(activation: Any) -> bool:
    return activation in [getattr(keras.activations, name) for name in ACTIVATIONS]


def _description(layer: Any) -> tuple[str, dict[str, Any]]:
    config = {
        key: value
        for key, value in layer.get_config().items()
        if key not in ("name", "seed") and not key.endswith(("_initializer", "_regularizer"))
    }
    return type(layer).__name__, config


def _text(described: Iterable[Any]) -> str:
    return json.dumps(list(described), sort_keys=True, default=str)
