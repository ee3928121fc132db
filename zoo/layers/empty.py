"""Empty batches: TensorFlow's convolution and pooling kernels fail on them, or abort (2.21)."""

from typing import Any

import tensorflow as tf


def never_empty(images: Any) -> Any:
    """Stand one image of zeros in for an empty batch; give any other batch as it is.

    Args:
        images: [batch, height, width, channels].

    Returns:
        The same, or [1, height, width, channels]; `[:batch]` takes the stand-in off again.
    """
    if images.shape[0]:
        return images
    missing = tf.cast(tf.equal(tf.shape(images)[0], 0), "int32")
    # No copy where nothing is missing.
    padded = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
    return tf.ensure_shape(padded, [None, *images.shape[1:]])
