"""Blocks of layers that several families of convolutional networks share."""

from types import ModuleType
from typing import Any

MOMENTUM = 0.9
"""How much of the moving moments stays at each step: those of Keras, 0.99, lag behind for hundreds
of steps, in which the answers of the model are wrong. The papers' programs use 0.9."""


def conv_norm(
    layers: ModuleType, x: Any, filters: int, name: str, *, size: int = 3, stride: int = 1,
    padding: str = "same", relu: bool = True, initializer: str = "he_normal",
) -> Any:  # fmt: skip
    """Apply a convolution without bias, batch normalisation and, if wanted, a ReLU.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        x: The input, [batch, height, width, channels].
        filters: The channels of the output.
        name: The beginning of the layers' names, such as `"block1_1"`.
        size: The side of the kernel, in pixels.
        stride: The step between two outputs, in pixels.
        padding: `"same"` or `"valid"`.
        relu: Whether a ReLU follows.
        initializer: How the kernel is drawn.

    Returns:
        [batch, height', width', filters].
    """
    if size == 1:
        x, stride = every_pixel(layers, x, stride, name), 1
    convolution = layers.Conv2D(
        filters, size, strides=stride, padding=padding, use_bias=False,
        kernel_initializer=initializer, name=f"{name}_conv",
    )  # fmt: skip
    x = norm(layers, f"{name}_norm")(convolution(x))
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def norm(layers: ModuleType, name: str) -> Any:
    """Make a batch normalisation whose moving moments follow within tens of steps."""
    return layers.BatchNormalization(momentum=MOMENTUM, name=name)


def every_pixel(layers: ModuleType, x: Any, stride: int, name: str) -> Any:
    """Take every `stride`-th pixel, which is all that a 1×1 convolution with strides looks at.

    TensorFlow 2.21 writes outside its memory if it computes the gradient of a 1×1 convolution with
    strides, for few channels. So the builders take the pixels first, by a pooling over windows of
    a single pixel.
    """
    return layers.AveragePooling2D(1, stride, name=f"{name}_pixels")(x) if stride > 1 else x


def squeeze_and_excite(layers: ModuleType, x: Any, name: str, ratio: int = 8) -> Any:
    """Weigh the channels of each image by what the image shows as a whole (Hu et al., 2018).

    `Y = X ⊙ σ(W_2 max(W_1 m + b_1, 0) + b_2)` with the means m of the channels over all pixels.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        x: The input, [batch, height, width, channels].
        name: The beginning of the layers' names.
        ratio: How many times fewer units there are between the two matrices than channels.

    Returns:
        [batch, height, width, channels].
    """
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    weights = layers.Conv2D(
        max(channels // ratio, 4), 1, kernel_initializer="he_normal", name=f"{name}_reduce"
    )(weights)
    weights = layers.ReLU(name=f"{name}_reduce_relu")(weights)
    weights = layers.Conv2D(channels, 1, name=f"{name}_expand")(weights)
    weights = layers.Activation("sigmoid", name=f"{name}_weights")(weights)
    return layers.Multiply(name=f"{name}_excite")([x, weights])


def pooled_head_input(layers: ModuleType, x: Any, dropout: float) -> Any:
    """Take the mean of each channel, so that images of any size fit, and drop some of the means.

    Args:
        layers: The layer library, `keras.layers` or `zoo.layers`.
        x: The last feature map, [batch, height, width, channels].
        dropout: The share of the means that is dropped in training; 0 adds no layer.

    Returns:
        The features for `classifier_head`, [batch, channels].
    """
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    return layers.Dropout(dropout, name="dropout")(x) if dropout else x
