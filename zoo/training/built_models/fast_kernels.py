"""Faster kernels for layers of Keras, while a training step is made.

Keras computes each product and sum of batch normalisation by itself, and a ReLU of bfloat16 by a
slow kernel: together, `vgg` spent more time there than in its convolutions.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from zoo.layers.batch_normalization import fits_kernels, normalize_feature_maps
from zoo.layers.relu import rectifier


@contextmanager
def fast_kernels(model: Any) -> Iterator[None]:
    """Let layers of Keras train by faster kernels, inside the context.

    These are `keras.layers.BatchNormalization` of feature maps, and plain `keras.layers.ReLU` of
    bfloat16. The numbers are those of Keras up to rounding. Subclasses of the layers, layers that
    renormalise or share moments between machines, and all that does not learn, stay as they are.

    Args:
        model: A built `keras.Model`.

    Example:
        >>> import numpy as np, zoo
        >>> model, images = zoo.build("vgg", seed=0), np.ones((2, 48, 48, 1), "float32")
        >>> with fast_kernels(model):
        ...     fast = model(images, training=True)
        >>> np.allclose(fast, model(images, training=True), atol=1e-5)
        True
    """
    calls = {layer: call for layer in model._flatten_layers() if (call := _fast_call(layer))}
    # Past Keras's own way to set attributes, which would look for weights in them.
    for layer, call in calls.items():
        vars(layer)["call"] = call
    try:
        yield
    finally:
        for layer in calls:
            vars(layer).pop("call", None)


def _fast_call(layer: Any) -> Callable[..., Any] | None:
    """Give what takes the place of a layer's `call`, or None."""
    if type(layer) is keras.layers.BatchNormalization:
        special = layer.renorm or layer.synchronized
        return None if special else functools.partial(_normalize, layer)
    if type(layer) is keras.layers.ReLU and layer.compute_dtype == "bfloat16":
        is_plain = (layer.negative_slope, layer.max_value, layer.threshold) == (0, None, 0)
        return rectifier() if is_plain else None
    return None


def _normalize(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    if training and layer.trainable and fits_kernels(layer, inputs, mask):
        return normalize_feature_maps(layer, inputs)
    return type(layer).call(layer, inputs, training=training, mask=mask)
