"""What every builder begins and ends with."""

from types import ModuleType
from typing import Any

from zoo.errors import ArgumentError


def pixels(
    layers: ModuleType, name: str, input_shape: tuple[int, int, int], smallest: int = 1
) -> tuple[Any, Any]:
    """Begin a model: raw pixels 0..255 come in, values 0..1 go on.

    Args:
        layers: The layer library.
        name: The entry, for the error.
        input_shape: (height, width, channels).
        smallest: Shortest side that the architecture takes, in pixels.

    Returns:
        The input and the scaled tensor, [batch, height, width, channels].

    Raises:
        ArgumentError: A side is shorter than `smallest`.
    """
    if min(input_shape[:2]) < smallest:
        raise ArgumentError(
            f"{name} needs images of at least {smallest}×{smallest} pixels. "
            f"Received: input_shape={input_shape}"
        )
    inputs = layers.Input(input_shape, name="pixels")
    return inputs, layers.Rescaling(1 / 255)(inputs)


def activate(layers: ModuleType, activation: str, x: Any) -> Any:
    """Apply an activation as a layer, so that each library brings its own gradient."""
    return layers.ReLU()(x) if activation == "relu" else layers.Activation(activation)(x)


def classify(
    layers: ModuleType,
    name: str,
    inputs: Any,
    features: Any,
    num_classes: int,
    classifier_activation: str | None,
    **dense: Any,
) -> Any:
    """End a model: one number a class, in float32 even under mixed precision.

    Args:
        layers: The layer library.
        name: The entry, which becomes the model's name.
        inputs: The model's input.
        features: [batch, features].
        num_classes: How many classes.
        classifier_activation: `"softmax"` for probabilities, None for logits.
        **dense: Further arguments of the last dense layer.

    Returns:
        The `keras.Model`.

    Raises:
        ArgumentError: Any other activation.
    """
    import keras

    if classifier_activation not in ("softmax", None):
        raise ArgumentError(
            f'classifier_activation is "softmax" or None. Received: {classifier_activation!r}'
        )
    dtype = "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"
    outputs = layers.Dense(num_classes, dtype=dtype, name="logits", **dense)(features)
    if classifier_activation:
        outputs = layers.Softmax(dtype=dtype, name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name=name)
