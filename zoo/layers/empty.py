"""Empty batches, on which TensorFlow's convolution and pooling kernels fail or abort (2.21)."""

from typing import Any

import tensorflow as tf


def never_empty(images: Any) -> Any:
    """Replace an empty batch by a single image of zeros, and return any other batch unchanged.

    Args:
        images: [batch, height, width, channels].

    Returns:
        The same images, or zeros [1, height, width, channels]. After the kernel, `[:batch]` removes
        the result for the zeros again.
    """
    if images.shape[0]:
        return images
    missing = tf.cast(tf.equal(tf.shape(images)[0], 0), "int32")
    # A batch that is not empty is not copied.
    padded = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
    return tf.ensure_shape(padded, [None, *images.shape[1:]])
