"""Standardisation of the pixels, as a layer after the first layer of a model."""

from typing import Any

from zoo.errors import ArgumentError


def with_standardization(model: Any, kind: Any) -> Any:
    """Add a standardisation after the first layer of a model, which scales pixels to 0..1.

    Args:
        model: A built `keras.Model` whose first layer is a `Rescaling`.
        kind: The class of the layer: `zoo.layers.PerImageStandardization` or
            `zoo.layers.MeanImageStandardization`.

    Returns:
        A new `keras.Model` with the weights and random states of `model`.

    Raises:
        ArgumentError: The first layer of the model is not a `Rescaling`.

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
            "The first layer of a model must be a Rescaling for standardize=, which adds a layer "
            f"after it. Received: {model.name}, whose first layer is "
            f"{type(inner[0]).__name__ if inner else 'missing'}. Begin the model with a Rescaling, "
            "or leave standardize= out."
        )
    # Not in half precision, where few digits are left after the mean is subtracted.
    dtype = "float64" if model.layers[-1].compute_dtype == "float64" else "float32"
    standardization = kind(dtype=dtype, name="standardization")

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        output = layer(*arguments, **keywords)
        return standardization(output) if layer.name == inner[0].name else output

    copy = keras.models.clone_model(model, call_function=call)
    for layer in inner:
        for old, new in zip(layer.variables, copy.get_layer(layer.name).variables, strict=True):
            new.assign(old)
    return copy
