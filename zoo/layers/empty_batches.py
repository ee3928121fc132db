"""Empty batches, on which TensorFlow's convolution and pooling kernels fail or abort (2.21)."""

from typing import Any

import tensorflow as tf


def never_empty(images: Any) -> Any:
    """Replace an empty batch by a single image of zeros, and return any other batch unchanged.

    Args:
        images: [batch, height, width, channels].

    Returns:
        The same images, or zeros [1, height, width, channels]. After the kernel, `as_many_as`
        removes the result for the zeros again.
    """
    if images.shape[0]:
        return images
    missing = tf.cast(tf.equal(tf.shape(images)[0], 0), "int32")
    # A batch that is not empty is not copied.
    padded = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
    return tf.ensure_shape(padded, [None, *images.shape[1:]])


def as_many_as(images: Any, result: Any) -> Any:
    """Remove the result of a kernel for the zeros that took the place of an empty batch.

    Args:
        images: The images before `never_empty`, [batch, height, width, channels].
        result: A result for each of the images after `never_empty`, [batch or 1, ...].

    Returns:
        The results for the images, [batch, ...].

    Example:
        >>> images = tf.zeros((0, 4, 4, 1))
        >>> as_many_as(images, 2 * never_empty(images)).shape
        TensorShape([0, 4, 4, 1])
    """
    # Without a slice where none is needed: TensorFlow reuses memory only of what is no slice.
    return result if images.shape[0] else result[: tf.shape(images)[0]]
