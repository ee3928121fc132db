"""The rectified linear unit, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.registration import register_layer


def _relu(x: Any) -> Any:
    return tf.nn.relu(x)


def _relu_gradient(upstream: Any, y: Any) -> Any:
    return tf.raw_ops.ReluGrad(gradients=upstream, features=y)


_BY_XLA = {
    function: tf.function(function, autograph=False, jit_compile=True)
    for function in (_relu, _relu_gradient)
}
"""XLA's kernels, which take half the time of TensorFlow's for bfloat16 on a CPU."""


def _fast(function: Callable[..., Any], x: Any) -> Callable[..., Any]:
    """Give the faster kernel for inputs like `x`. Outside graphs, XLA would compile each shape."""
    by_xla = x.dtype == tf.bfloat16 and tf.inside_function() and tf.test.is_built_with_xla()
    return _BY_XLA[function] if by_xla else function


@lru_cache
def rectifier(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Callable[[Any], Any]:
    """Make the function `keras.activations.relu` with these options, and its gradient.

    Backward: `dX = dY ⊙ f'(X)`. The slope f' is 1 between threshold and `max_value`,
    `negative_slope` below, and 0 above. At the threshold and at `max_value` themselves there is no
    derivative, and the slope of the outer side is used, as TensorFlow does at 0.

    Args:
        negative_slope: Slope below the threshold.
        max_value: The largest output, or None for no limit.
        threshold: The input above which the slope is 1.

    Returns:
        A function of one tensor.
    """
    is_plain = (negative_slope, max_value, threshold) == (0.0, None, 0.0)

    @ops.custom_gradient
    def relu(x: Any) -> Any:
        if is_plain:
            y = _fast(_relu, x)(x)
        else:
            y = keras.activations.relu(x, negative_slope, max_value, threshold)

        def backward(upstream: Any) -> Any:
            if is_plain:  # the same product with less work: a single pass over memory
                return _fast(_relu_gradient, x)(upstream, y)
            gradient = ops.where(x > threshold, upstream, upstream * negative_slope)
            return gradient if max_value is None else ops.where(x < max_value, gradient, 0)

        return y, backward

    return relu


@register_layer((6,))
class ReLU(keras.layers.ReLU):
    """`keras.layers.ReLU` with its gradient by hand: `Y = max(X, 0)`.

    Backward: `dX = dY ⊙ [X > 0]`, all of the shape of X (Fukushima, 1969; Nair and Hinton, 2010).
    At 0 there is no derivative, and 0 is used, as in TensorFlow. With the options of
    `keras.layers.ReLU` the slope is 1 between `threshold` and `max_value`, `negative_slope`
    below and 0 above.

    Example:
        >>> import numpy as np
        >>> ReLU()(np.array([-1.0, 0.0, 2.0])).numpy().tolist()
        [0.0, 0.0, 2.0]
    """

    def call(self, inputs: Any) -> Any:
        """Compute `max(X, 0)` for inputs of any shape."""
        return rectifier(self.negative_slope, self.max_value, self.threshold)(inputs)
