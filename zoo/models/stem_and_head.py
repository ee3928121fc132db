"""The stem and the classifier head that all builders share: the first and last layers of a model.

Between them, each family of networks has its own layers.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from zoo.arguments import check_choice
from zoo.errors import ArgumentError


def stem(
    layers: ModuleType, name: str, input_shape: tuple[int, int, int], smallest: int = 1
) -> tuple[Any, Any]:
    """Begin a model: the input takes pixels 0..255, and the first layer scales them to 0..1.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        name: Name of the model, for the error.
        input_shape: (height, width, channels).
        smallest: The shortest side that the architecture takes, in pixels.

    Returns:
        The input and the scaled pixels, both [batch, height, width, channels].

    Raises:
        ArgumentError: A side of the image is shorter than `smallest`.
    """
    if min(input_shape[:2]) < smallest:
        raise ArgumentError(
            f"input_shape must be at least {smallest}×{smallest} pixels for {name}. "
            f"Received: {input_shape}. Load larger images (image_size=), or build another model."
        )
    inputs = layers.Input(input_shape, name="pixels")
    return inputs, layers.Rescaling(1 / 255)(inputs)


def activate(layers: ModuleType, activation: str, x: Any) -> Any:
    """Apply an activation as a layer, so that the layer library provides its gradient."""
    return layers.ReLU()(x) if activation == "relu" else layers.Activation(activation)(x)


def classifier_head(
    layers: ModuleType,
    name: str,
    inputs: Any,
    features: Any,
    num_classes: int,
    classifier_activation: str | None,
    **dense: Any,
) -> Any:
    """End a model with a number for each class, in float32 even under mixed precision.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        name: Name of the model.
        inputs: The input of the model, from `stem`.
        features: The features to classify by, [batch, features].
        num_classes: How many classes there are.
        classifier_activation: `"softmax"` for probabilities, None for logits.
        **dense: Further arguments of the last dense layer.

    Returns:
        The `keras.Model`. Its output is [batch, classes], float32, or float64 under that policy.

    Raises:
        ArgumentError: `classifier_activation` has another value.
    """

    def last_layer(**options: Any) -> Any:
        return layers.Dense(num_classes, **options, **dense)

    return probabilities_of(layers, name, inputs, last_layer, features, classifier_activation)


def probabilities_of(
    layers: ModuleType,
    name: str,
    inputs: Any,
    last_layer: Callable[..., Any],
    features: Any,
    classifier_activation: str | None,
) -> Any:
    """End a model with a last layer of any kind, in float32 even under mixed precision.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        name: Name of the model.
        inputs: The input of the model, from `stem`.
        last_layer: Makes the layer whose output is the logits, with `dtype` and `name`.
        features: The input of that layer.
        classifier_activation: As in `classifier_head`.

    Returns:
        The `keras.Model`, as `classifier_head` returns it.

    Raises:
        ArgumentError: `classifier_activation` has another value.
    """
    import keras

    remedy = "Pass None for logits"
    check_choice("classifier_activation", classifier_activation, ("softmax", None), remedy)
    dtype = "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"
    outputs = last_layer(dtype=dtype, name="logits")(features)
    if classifier_activation:
        outputs = layers.Softmax(dtype=dtype, name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name=name)


# Names of earlier versions.
pixels = stem
classify = classifier_head
