"""Average pooling, over windows and over whole images, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.empty_batches import as_many_as, never_empty
from zoo.layers.registration import register_layer


@lru_cache
def average_pooling(
    pool_size: tuple[int, int], strides: tuple[int, int], padding: str
) -> Callable[[Any], Any]:
    """Make an average pooling, and its gradient.

    Args:
        pool_size: Size of the window, (rows, columns).
        strides: Steps between windows, (rows, columns).
        padding: `"valid"` or `"same"`.

    Returns:
        A function of x [batch, height, width, channels], which returns the means
        [batch, height', width', channels].
    """
    options: dict[str, Any] = {
        "ksize": [1, *pool_size, 1],
        "strides": [1, *strides, 1],
        "padding": padding.upper(),
    }

    @ops.custom_gradient
    def pool(x: Any) -> Any:
        images = never_empty(x)

        def backward(upstream: Any) -> Any:
            d_y = never_empty(upstream)
            d_x = tf.raw_ops.AvgPoolGrad(orig_input_shape=tf.shape(images), grad=d_y, **options)
            return as_many_as(x, d_x)

        return as_many_as(x, tf.raw_ops.AvgPool(value=images, **options)), backward

    return pool


def every_pixel_of(strides: tuple[int, int]) -> Callable[[Any], Any]:
    """Make a function that takes every s-th pixel: a pooling over windows of a single pixel.

    The gradient of the pooling takes a quarter of the time of the gradient of a slice.

    Args:
        strides: Steps between the pixels that are taken, (rows, columns).

    Returns:
        A function of x [batch, height, width, channels].

    Example:
        >>> every_pixel_of((2, 2))(tf.reshape(tf.range(9.0), (1, 3, 3, 1))).numpy().ravel().tolist()
        [0.0, 2.0, 6.0, 8.0]
    """
    return average_pooling((1, 1), strides, "valid") if max(strides) > 1 else lambda x: x


@lru_cache
def mean_over(axes: tuple[int, int]) -> Callable[[Any], Any]:
    """Make the mean over two axes, which stay with the side 1, and its gradient.

    Backward: `dX = dY / n` at all of the n places that a mean was taken over.

    Args:
        axes: The axes of the mean.

    Returns:
        A function of one tensor.
    """

    @ops.custom_gradient
    def mean(x: Any) -> Any:
        y = ops.mean(x, axis=axes, keepdims=True)

        def backward(upstream: Any) -> Any:
            count = tf.math.reduce_prod([tf.shape(x)[axis] for axis in axes])
            return tf.broadcast_to(upstream / tf.cast(count, upstream.dtype), tf.shape(x))

        return y, backward

    return mean


@register_layer((7, 7, 2), pool_size=2)
class AveragePooling2D(keras.layers.AveragePooling2D):
    """`keras.layers.AveragePooling2D` with its gradient by hand: the mean of each window.

    Forward, for X [batch, height, width, channels], strides s, and the n(i, j) pixels of the
    window of (i, j) that lie inside the image:

        Y[n, i, j, c] = Σ_{a, b} X[n, s i + a, s j + b, c] / n(i, j)

    Backward, each pixel gets its share of each window that it lies in:

        dX[n, p, q, c] = Σ dY[n, i, j, c] / n(i, j) over all i, j with (p, q) in their window

    (LeCun et al., 1989.) TensorFlow's kernel computes both.

    Example:
        >>> import numpy as np
        >>> AveragePooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
        [2.5, 4.5, 10.5, 12.5]
    """

    def call(self, inputs: Any) -> Any:
        """Compute the means in the layer's data format."""
        channels_first = self.data_format == "channels_first"
        x = ops.transpose(inputs, (0, 2, 3, 1)) if channels_first else inputs
        x = average_pooling(self.pool_size, self.strides, self.padding)(x)
        return ops.transpose(x, (0, 3, 1, 2)) if channels_first else x


@register_layer((5, 4, 3))
class GlobalAveragePooling2D(keras.layers.GlobalAveragePooling2D):
    """`keras.layers.GlobalAveragePooling2D` with its gradient by hand: the mean of each channel.

    Forward, for X [batch, height, width, channels]: `Y[n, c] = Σ_{i, j} X[n, i, j, c] / (H W)`.
    Backward, each pixel gets the same share: `dX[n, i, j, c] = dY[n, c] / (H W)` (Lin et al.,
    2014).

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).numpy().tolist()
        [[1.5]]
    """

    def call(self, inputs: Any) -> Any:
        """Compute the means in the layer's data format."""
        axes = (2, 3) if self.data_format == "channels_first" else (1, 2)
        y = mean_over(axes)(inputs)
        return y if self.keepdims else ops.squeeze(y, axis=axes)
