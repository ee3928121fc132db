"""Standardisation of the pixels as a layer behind a model's first."""

from typing import Any

from zoo.errors import ArgumentError


def with_standardization(model: Any, kind: Any) -> Any:
    """Put a standardisation behind a model's first layer, the one that scales pixels to 0..1.

    Args:
        model: A built `keras.Model` whose first layer is a `Rescaling`.
        kind: The class of the layer: `zoo.layers.PerImageStandardization` or
            `zoo.layers.MeanImageStandardization`.

    Returns:
        A new `keras.Model` with the weights and random states of the old one.

    Raises:
        ArgumentError: A model that begins in another way.

    Example:
        >>> import zoo
        >>> model = with_standardization(zoo.build("softmax"), zoo.layers.PerImageStandardization)
        >>> [type(layer).__name__ for layer in model.layers][1:3]
        ['Rescaling', 'PerImageStandardization']
    """
    import keras

    inner = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if not inner or not isinstance(inner[0], keras.layers.Rescaling):
        raise ArgumentError(
            f"standardize= stands behind the Rescaling that a model begins with, and {model.name} "
            f"begins with {type(inner[0]).__name__ if inner else 'nothing'}"
        )
    # In float32, since few of half precision's digits are left when the mean is gone.
    standardization = kind(dtype="float32", name="standardization")

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        output = layer(*arguments, **keywords)
        return standardization(output) if layer.name == inner[0].name else output

    copy = keras.models.clone_model(model, call_function=call)
    for layer in inner:
        for old, new in zip(layer.variables, copy.get_layer(layer.name).variables, strict=True):
            new.assign(old)
    return copy
