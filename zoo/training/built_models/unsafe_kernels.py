"""Layers whose gradient TensorFlow computes wrongly, outside its memory."""

import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.layers.conv2d import Conv2D
from zoo.layers.depthwise_conv2d import DepthwiseConv2D, SeparableConv2D

SAFE = (Conv2D, DepthwiseConv2D, SeparableConv2D)
"""Layers that take every second pixel, or every third, before a convolution without strides."""

_CHANNELS = 16
"""The number of channels below which TensorFlow 2.21 writes outside its memory, on Intel CPUs with
oneDNN: `Conv2DBackpropFilter` of 1×1 kernels with strides, in float32. Python ended at sides of 56,
60, 64 and 112 pixels and at 1 to 12 channels. It did not end at sides of 48 and less, nor from 16
channels on."""


def check_kernels(name: str, model: Any) -> None:
    """Refuse to train a model with a layer whose gradient ends the process, or spoils its memory.

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
    layers = list(_unsafe_layers(model))
    if not layers or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return
    if tf.config.list_logical_devices("GPU"):
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


def _unsafe_layers(model: Any) -> Iterator[str]:
    """Name the layers, also inside other layers, with the unsafe gradient."""
    for layer in model._flatten_layers():
        channels = _channels_of(layer) if layer.built and layer.trainable else None
        if (
            channels is not None
            and channels < _CHANNELS
            and set(layer.kernel_size) == {1}
            and max(layer.strides) > 1
            and layer.compute_dtype == "float32"
        ):
            yield layer.name


def _channels_of(layer: Any) -> int | None:
    """Count the channels that the unsafe operation reads; None for a layer without it."""
    if isinstance(layer, SAFE):
        return None
    if isinstance(layer, keras.layers.Conv2D):
        return layer.kernel.shape[2]
    if isinstance(layer, keras.layers.Conv2DTranspose):  # The gradient exchanges in- and output.
        return layer.filters
    # Of a single channel, the operation is the same.
    if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.kernel.shape[2] == 1:
        return 1
    if isinstance(layer, keras.layers.SeparableConv2D) and layer.depthwise_kernel.shape[2] == 1:
        return 1
    return None
