"""Random erasing: a rectangle of an image gets random pixels (Zhong et al., 2020)."""

import math
from typing import Any

import tensorflow as tf

AREAS = (0.02, 0.4)
"""The smallest and the largest area of a rectangle, as shares of the image's area."""

ASPECT = 0.3
"""The smallest ratio of height to width; the largest is the inverse."""


def rectangles(numbers: Any, height: Any, width: Any) -> tuple[Any, Any, Any, Any]:
    """Draw a rectangle inside each image.

    Area and ratio are drawn from the ranges of the paper, the ratio uniformly on a logarithmic
    scale, so that high and wide rectangles are equally frequent. The paper draws again where a
    rectangle does not fit into the image; here a side that is too long is as long as the image.

    Args:
        numbers: Uniform in [0, 1), [count, 4].
        height: Height of the images in pixels.
        width: Width of the images in pixels.

    Returns:
        The first row, the first column, the number of rows and the number of columns of the
        rectangles, whole numbers as floats [count] each.

    Example:
        >>> [side.numpy().tolist() for side in rectangles([[0.5, 0.5, 0.0, 0.999]], 10, 10)]
        [[0.0], [5.0], [5.0], [5.0]]
    """
    area, ratio, row, column = tf.unstack(tf.convert_to_tensor(numbers, "float64"), axis=1)
    height, width = tf.cast(height, "float64"), tf.cast(width, "float64")
    area = (AREAS[0] + (AREAS[1] - AREAS[0]) * area) * height * width
    ratio = tf.exp(math.log(ASPECT) * (2 * ratio - 1))
    rows = tf.clip_by_value(tf.round(tf.sqrt(area * ratio)), 1, height)
    columns = tf.clip_by_value(tf.round(tf.sqrt(area / ratio)), 1, width)
    top = tf.floor(row * (height - rows + 1))
    left = tf.floor(column * (width - columns + 1))
    return top, left, rows, columns


def inside(top: Any, left: Any, rows: Any, columns: Any, height: Any, width: Any) -> Any:
    """Mark the pixels that are inside of rectangles.

    Args:
        top: The first row of each rectangle, [count].
        left: The first column.
        rows: The number of rows.
        columns: The number of columns.
        height: Height of the images in pixels.
        width: Width of the images in pixels.

    Returns:
        bool [count, height, width, 1].

    Example:
        >>> marked = inside(*([float(side)] for side in (0, 1, 1, 2)), 2, 3)
        >>> marked[0, ..., 0].numpy().tolist()
        [[False, True, True], [False, False, False]]
    """
    sides = (tf.convert_to_tensor(side)[:, None, None, None] for side in (top, left, rows, columns))
    top, left, rows, columns = sides
    row = tf.cast(tf.range(height), top.dtype)[:, None, None]
    column = tf.cast(tf.range(width), top.dtype)[:, None]
    return (row >= top) & (row < top + rows) & (column >= left) & (column < left + columns)


def erase(images: Any, numbers: Any, noise: Any, probability: float) -> Any:
    """Replace a rectangle of some images by random pixels.

    Args:
        images: Pixels 0..255, float [batch, height, width, channels].
        numbers: Uniform in [0, 1), [batch, 5]: a number that decides whether the image is changed,
            and the numbers of its rectangle.
        noise: The random pixels, uniform in [0, 1), of the shape of the images.
        probability: The probability that an image is changed.

    Returns:
        Images of the same shape and dtype. The random pixels are whole numbers from 0 to 255.

    Example:
        >>> images = tf.zeros([1, 10, 10, 1])
        >>> erased = erase(images, [[0.0] + [0.5] * 4], tf.ones_like(images) / 2, probability=0.25)
        >>> int(tf.reduce_sum(erased)) // 128
        25
    """
    numbers = tf.convert_to_tensor(numbers, "float64")
    height, width = tf.unstack(tf.shape(images)[1:3])
    erased = inside(*rectangles(numbers[:, 1:], height, width), height, width)
    erased &= numbers[:, 0, None, None, None] < probability
    return tf.where(erased, tf.cast(tf.floor(256 * noise), images.dtype), images)
