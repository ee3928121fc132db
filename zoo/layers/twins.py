"""Twins: the layer of Keras whose behaviour a layer of `zoo.layers` repeats."""

from typing import Any

import keras


def keras_twin(kind: Any) -> Any:
    """Find the class in `keras.layers` that a class of `zoo.layers` is a twin of.

    Args:
        kind: A class of layers.

    Returns:
        The class of Keras, or None where `kind` is not a class of `zoo.layers` or has no twin.

    Example:
        >>> import zoo.layers
        >>> keras_twin(zoo.layers.Dense) is keras.layers.Dense
        True
    """
    twin = getattr(keras.layers, kind.__name__, None)
    return twin if kind.__module__.startswith("zoo.layers") and twin is not kind else None


def consists_of_twins(layer: Any) -> bool:
    """Whether the parts of a layer or model are Keras's own layers and at least one twin."""
    kinds = [type(part) for part in layer._flatten_layers()]
    own = [kind for kind in kinds if not kind.__module__.startswith(("keras.", "zoo.layers"))]
    return not own and any(map(keras_twin, kinds))


def with_keras_layers(config: Any) -> Any:
    """Replace the layers of `zoo.layers` in a configuration by their Keras twins, at any depth.

    Args:
        config: The configuration of a layer or model.

    Returns:
        A changed copy.
    """
    if isinstance(config, list | tuple):
        return type(config)(map(with_keras_layers, config))
    if not isinstance(config, dict):
        return config
    changed = {key: with_keras_layers(value) for key, value in config.items()}
    registered = str(config.get("registered_name"))
    kind = keras.saving.get_registered_object(registered) if registered.startswith("zoo>") else None
    if kind and keras_twin(kind):
        changed |= {"module": "keras.layers", "registered_name": None}
    return changed


def with_safe_convolutions(layer: Any) -> Any:
    """Copy a layer; a convolution of Keras becomes that of `zoo.layers`, where there is one.

    The function is a `clone_function` for `keras.models.clone_model`.

    Args:
        layer: A layer of Keras, or a model inside a model.

    Returns:
        The new layer, with new weights.

    Example:
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 1, strides=2)]
        >>> model = keras.Sequential(layers)
        >>> copy = keras.models.clone_model(model, clone_function=with_safe_convolutions)
        >>> type(copy.layers[0]).__module__
        'zoo.layers.conv2d'
    """
    from zoo import layers

    if isinstance(layer, keras.Model) and hasattr(layer, "inputs"):
        return keras.models.clone_model(layer, clone_function=with_safe_convolutions)
    kinds = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
    safe = {getattr(keras.layers, name): getattr(layers, name) for name in kinds}
    return safe.get(type(layer), type(layer)).from_config(layer.get_config())
