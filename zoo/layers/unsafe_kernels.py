"""Layers whose gradient TensorFlow computes wrongly, outside its memory."""

import math
import os
from typing import Any

import keras
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.layers.conv2d import Conv2D
from zoo.layers.depthwise_conv2d import DepthwiseConv2D, SeparableConv2D

SAFE = (Conv2D, DepthwiseConv2D, SeparableConv2D)
"""Layers that take every second pixel, or every third, before a convolution without strides."""

_CHANNELS = 16
"""The number of channels below which TensorFlow 2.21 writes outside its memory, with oneDNN on
Intel and AMD CPUs: `Conv2DBackpropFilter` of 1×1 kernels with strides, in float32. Python ended at
sides of 28 to 112 pixels and at 1 to 12 channels, not each time; from 16 channels on it did not."""

_WITH_KERNEL = (keras.layers.Conv1D, keras.layers.Conv2D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


def check_kernels(name: str, model: Any) -> None:
    """Refuse to compute gradients of a model that end the process, or spoil its memory.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.

    Raises:
        ArgumentError: A trainable convolution of Keras has a 1×1 kernel, strides above 1 and few
            channels, in float32 on a CPU.

    Example:
        >>> import zoo
        >>> check_kernels("cnn", zoo.build("cnn"))
    """
    layers = unsafe_layers(model)
    if not layers:
        return
    raise ArgumentError(
        f"{name} must have no trainable convolution of Keras with a 1×1 kernel, strides above 1 "
        f"and fewer than {_CHANNELS} channels: TensorFlow computes the gradient of such a "
        "layer outside of memory, which ends Python or spoils results. "
        f"Received: {', '.join(layers)}. For a Conv2D, DepthwiseConv2D or SeparableConv2D of "
        "keras.layers, use that of zoo.layers, which is the same layer with another gradient: "
        "from zoo.layers.twins import with_safe_convolutions; "
        "copy = keras.models.clone_model(model, clone_function=with_safe_convolutions); "
        "copy.set_weights(model.get_weights()). Or start Python with TF_ENABLE_ONEDNN_OPTS=0, "
        "which is slower."
    )


def unsafe_layers(model: Any, *, precision: str | None = None, as_keras: bool = False) -> list[str]:
    """Name the layers whose gradient ends the process or spoils its memory, on this machine.

    Args:
        model: A built layer or model; layers inside layers are looked at too.
        precision: The precision in which the layers would compute, such as `"float32"`; None
            takes that of each layer.
        as_keras: Whether a layer of `zoo.layers` stands for its twin in Keras.

    Returns:
        The names. There are none on a GPU, and without the kernels of oneDNN.

    Example:
        >>> layer = Conv2D(2, 1, strides=2, name="shortcut")
        >>> layer.build((None, 8, 8, 1))
        >>> unsafe_layers(layer)
        []
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or tf.config.list_logical_devices("GPU"):
        return []
    return [
        layer.name
        for layer in model._flatten_layers()
        if layer.built
        and layer.trainable
        and (as_keras or not isinstance(layer, SAFE))
        and _channels_of(layer) < _CHANNELS
        and set(layer.kernel_size) == {1}
        and max(layer.strides) > 1
        and (precision or layer.compute_dtype) == "float32"
    ]


def _channels_of(layer: Any) -> float:
    """Count the channels that the unsafe operation reads; infinitely many where it does not run."""
    if isinstance(layer, _TRANSPOSED):  # The gradient exchanges in- and output.
        return layer.filters
    # Of a single channel, the operation is the same.
    if isinstance(layer, _DEPTHWISE):
        return 1 if layer.kernel.shape[-2] == 1 else math.inf
    if isinstance(layer, _SEPARABLE):
        return 1 if layer.depthwise_kernel.shape[-2] == 1 else math.inf
    return layer.kernel.shape[-2] if isinstance(layer, _WITH_KERNEL) else math.inf
