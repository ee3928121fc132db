"""Layers whose gradient TensorFlow computes wrongly, outside its memory."""

import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from zoo.errors import ArgumentError

_CHANNELS = 8
"""The number of channels up to which TensorFlow 2.21 writes outside its memory, on Intel CPUs with
oneDNN: `Conv2DBackpropFilter` of 1×1 kernels with strides, in float32, of 56 or 60 pixels."""


def check_kernels(name: str, model: Any) -> None:
    """Refuse to train a model with a layer whose gradient ends the process, or spoils its memory.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.

    Raises:
        ArgumentError: A trainable `keras.layers.Conv2D` has a 1×1 kernel, strides above 1 and few
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
        f"{name} must have no trainable keras.layers.Conv2D with a 1×1 kernel, strides above 1 and "
        f"{_CHANNELS} input channels or fewer: TensorFlow computes the gradient of such a "
        "layer outside of memory, which ends Python or spoils results. "
        f"Received: {', '.join(layers)}. Use zoo.layers.Conv2D instead, which "
        "is the same layer with another gradient: "
        "from zoo.layers.twins import with_safe_convolutions; "
        "copy = keras.models.clone_model(model, clone_function=with_safe_convolutions); "
        "copy.set_weights(model.get_weights()). Or start Python with TF_ENABLE_ONEDNN_OPTS=0, "
        "which is slower."
    )


def _unsafe_layers(model: Any) -> Iterator[str]:
    """Name the layers, also inside other layers, with the unsafe gradient."""
    for layer in model._flatten_layers():
        if (
            type(layer) is keras.layers.Conv2D
            and layer.kernel_size == (1, 1)
            and max(layer.strides) > 1
            and layer.compute_dtype == "float32"
            and layer.trainable
            and layer.built
            and layer.kernel.shape[2] <= _CHANNELS
        ):
            yield layer.name
