"""Max pooling, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.empty_batches import as_many_as, never_empty
from zoo.layers.registration import register_layer


@lru_cache
def pooling(
    pool_size: tuple[int, int], strides: tuple[int, int], padding: str
) -> Callable[[Any], Any]:
    """Make a max pooling, and its gradient.

    Args:
        pool_size: Size of the window, (rows, columns).
        strides: Steps between windows, (rows, columns).
        padding: `"valid"` or `"same"`.

    Returns:
        A function of x [batch, height, width, channels], which returns the maxima
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
        y = tf.raw_ops.MaxPool(input=images, **options)

        def backward(upstream: Any) -> Any:
            d_y = never_empty(upstream)
            d_x = tf.raw_ops.MaxPoolGrad(orig_input=images, orig_output=y, grad=d_y, **options)
            return as_many_as(x, d_x)

        return as_many_as(x, y), backward

    return pool


@register_layer((7, 7, 2))
class MaxPooling2D(keras.layers.MaxPooling2D):
    """`keras.layers.MaxPooling2D` with its gradient by hand: the largest value of each window.

    Forward, for X [batch, height, width, channels], strides s and positions (a, b) in the window:

        Y[n, i, j, c] = max over a, b of X[n, s i + a, s j + b, c]

    Backward, with (a*, b*) the position of the maximum in the window of (i, j). Among equal values
    the first counts, row by row:

        dX[n, p, q, c] = Σ dY[n, i, j, c] over all i, j with s i + a* = p and s j + b* = q

    So a value that is the maximum of several windows gets the sum of their gradients, and a value
    that is the maximum of no window gets 0 (Ranzato et al., 2007). TensorFlow's kernel computes
    both.

    Example:
        >>> import numpy as np
        >>> MaxPooling2D()(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
        [5.0, 7.0, 13.0, 15.0]
    """

    def call(self, inputs: Any) -> Any:
        """Compute the maxima in the layer's data format."""
        channels_first = self.data_format == "channels_first"
        x = ops.transpose(inputs, (0, 2, 3, 1)) if channels_first else inputs
        x = pooling(self.pool_size, self.strides, self.padding)(x)
        return ops.transpose(x, (0, 3, 1, 2)) if channels_first else x
