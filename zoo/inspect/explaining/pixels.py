"""Pixels in place of those that a method takes away, and maps in the size of the image."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError

COLOURS = {"black": 0.0, "grey": 127.5, "white": 255.0}
"""Name → value of all channels."""


def fill_pixels(name: str, value: Any, images: Any) -> Any:
    """Take pixels that stand for "no information".

    Args:
        name: Name of the argument, for the message.
        value: `"black"`, `"white"`, `"grey"`, `"mean"` for the mean colour of each image, `"blur"`
            for each image without its details, a number from 0 to 255, or an image [height, width,
            channels].
        images: A tensor, float32 [n, height, width, channels].

    Returns:
        A tensor, float32 [n or 1, height or 1, width or 1, channels].

    Raises:
        ArgumentError: The value is none of these.

    Example:
        >>> fill_pixels("fill", "grey", tf.zeros((2, 4, 4, 3))).numpy().ravel().tolist()
        [127.5, 127.5, 127.5]
    """
    channels = images.shape[-1]
    if isinstance(value, str) and value == "mean":
        return tf.reduce_mean(images, axis=(1, 2), keepdims=True)
    if isinstance(value, str) and value == "blur":
        return _blurred(images)
    if isinstance(value, str) and value in COLOURS:
        return tf.fill((1, 1, 1, channels), COLOURS[value])
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of several lengths
        array = np.empty(0, object)
    is_number = array.dtype.kind in "iuf" and array.shape in ((), tuple(images.shape[1:]))
    if not is_number or not ((array >= 0) & (array <= 255)).all():
        raise ArgumentError(
            f'{name} must be "black", "white", "grey", "mean", "blur", a number from 0 to 255, or '
            f"an image {tuple(images.shape[1:])} of such numbers. Received: {value!r:.80}. Pass "
            f'{name}="mean" for the mean colour of each image, for example.'
        )
    pixels = tf.constant(array, tf.float32)
    return pixels[None] if array.ndim else tf.fill((1, 1, 1, channels), pixels)


def in_words(value: Any) -> str:
    """Name pixels that `fill_pixels` takes, for captions.

    Example:
        >>> in_words("mean"), in_words(40)
        ('the mean colour', 'the grey level 40')
    """
    if isinstance(value, str):
        return {"mean": "the mean colour", "blur": "blurred pixels"}.get(value, value)
    return "another image" if np.ndim(value) else f"the grey level {float(value):g}"


def enlarged(maps: Any, height: int, width: int) -> Any:
    """Bring small maps to the size of the image, by bilinear interpolation.

    Args:
        maps: A tensor, float32 [n, k, rows, columns].
        height: The height of the image in pixels.
        width: Its width.

    Returns:
        A tensor, float32 [n, k, height, width].

    Example:
        >>> enlarged(tf.ones((1, 2, 3, 3)), 6, 6).shape
        TensorShape([1, 2, 6, 6])
    """
    last = tf.transpose(maps, (0, 2, 3, 1))
    return tf.transpose(tf.image.resize(last, (height, width)), (0, 3, 1, 2))


def _blurred(images: Any) -> Any:
    """Blur images by a normal distribution whose deviation is an eighth of the shorter side."""
    height, width, channels = images.shape[1:]
    deviation = min(height, width) / 8
    radius = min(math.ceil(2 * deviation), height, width)
    distances = np.arange(-radius, radius + 1) / deviation
    weights = np.exp(-(distances**2) / 2).astype("float32")
    kernel = tf.tile((weights / weights.sum())[:, None, None, None], (1, 1, channels, 1))
    margins = ((0, 0), (radius, radius), (radius, radius), (0, 0))
    padded = tf.pad(images, margins, mode="SYMMETRIC")
    columns = tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
    across = tf.transpose(kernel, (1, 0, 2, 3))
    return tf.nn.depthwise_conv2d(columns, across, (1, 1, 1, 1), "VALID")
