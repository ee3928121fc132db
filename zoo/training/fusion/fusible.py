"""Which models, and which optimisers, can run side by side as one wide model."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

import keras
from keras import layers

ACTIVATIONS = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "celu", "silu", "mish"),
    *("sigmoid", "hard_sigmoid", "hard_silu", "tanh", "softplus", "softsign", "exponential"),
)
"""Names of the activations that work on each number by itself."""

OPTIMIZERS = (
    *("SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"),
)
"""Names of the optimisers that work on each weight by itself, unless they clip by norms."""


def architecture_key(model: keras.Model) -> str | None:
    """Describe a model's layers, for finding models that can run side by side as copies.

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
    if not _is_chain(model):
        return None
    shared = True
    for layer in model.layers:
        if not _is_known(layer, shared=shared):
            return None
        shared = shared and not layer.weights
    return None if shared else _text(map(_description, model.layers))


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
    if architecture_key(model) is None:
        return None
    own = ("units", "activation", "kernel_regularizer", "bias_regularizer")
    described = []
    for layer in model.layers:
        name, config = _description(layer)
        if layer.weights:
            config = {key: value for key, value in config.items() if key not in own}
        described.append((name, config))
        if layer.weights:
            break
    return _text(described)


def optimizer_settings(optimizer: keras.optimizers.Optimizer) -> str | None:
    """Describe an optimiser, so that optimisers with equal settings can be replaced by one.

    Args:
        optimizer: A Keras optimiser.

    Returns:
        A text that is equal for optimisers of the same settings, or None for an optimiser that
        looks at more than one weight at a time.

    Example:
        >>> import keras
        >>> optimizer_settings(keras.optimizers.SGD(0.1)) is None
        False
        >>> optimizer_settings(keras.optimizers.SGD(0.1, clipnorm=1.0)) is None
        True
    """
    config = optimizer.get_config()
    if type(optimizer).__name__ not in OPTIMIZERS or config.get("clipnorm"):
        return None
    if config.get("global_clipnorm"):
        return None
    config.pop("name")
    return json.dumps([type(optimizer).__name__, config], sort_keys=True, default=str)


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


def _is_known(layer: Any, *, shared: bool) -> bool:
    kind = type(layer)
    if layer.activity_regularizer or not all(map(_has_simple_penalty, layer.weights)):
        return False
    moving = [layer.moving_mean, layer.moving_variance] if kind is layers.BatchNormalization else []
    if len(layer.trainable_weights) + len(moving) < len(layer.weights):
        return False  # the layer or a weight is frozen
    if kind in (layers.InputLayer, layers.Rescaling, layers.Flatten):
        return shared or kind is layers.Flatten
    if kind is layers.Dense:
        constrained = layer.kernel_constraint or layer.bias_constraint
        flat = len(layer.input.shape) == 2
        plain = flat and not constrained and not layer.lora_enabled
        return plain and _is_elementwise(layer.activation)
    if kind is layers.Activation:
        return _is_elementwise(layer.activation)
    if kind is layers.BatchNormalization:
        free = not (layer.beta_constraint or layer.gamma_constraint or layer.synchronized)
        return not shared and free and layer.axis in (-1, 1) and not layer.renorm
    if kind is layers.Softmax:
        return not shared and layer.axis == -1
    return kind in (layers.ReLU, layers.LeakyReLU, layers.ELU) or (
        kind is layers.Dropout and not shared
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
        if key not in ("name", "seed") and not key.endswith("_initializer")
    }
    return type(layer).__name__, config


def _text(described: Iterable[Any]) -> str:
    return json.dumps(list(described), sort_keys=True, default=str)
