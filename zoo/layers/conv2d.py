"""Convolution, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.activations import handwritten
from zoo.layers.average_pooling2d import every_pixel_of
from zoo.layers.dense import add_bias
from zoo.layers.empty_batches import as_many_as, never_empty
from zoo.layers.registration import register_layer


@lru_cache
def convolution(
    strides: tuple[int, int], padding: str, dilation: tuple[int, int], groups: int
) -> Callable[[Any, Any], Any]:
    """Make a convolution, and its gradient.

    Args:
        strides: Steps between outputs, (rows, columns).
        padding: `"valid"` or `"same"`.
        dilation: Distance between the kernel's taps, (rows, columns).
        groups: How many groups of channels are convolved separately.

    Returns:
        A function of x [batch, height, width, channels] and kernel [rows, columns,
        channels / groups, filters], which returns [batch, height', width', filters].
    """
    options: dict[str, Any] = {"strides": [1, *strides, 1], "padding": padding.upper()}

    @ops.custom_gradient
    def convolve(x: Any, kernel: Any) -> Any:
        xs = _split(never_empty(x), groups)
        kernels = [spread_kernel(part, dilation) for part in _split(kernel, groups)]
        ys = [
            tf.raw_ops.Conv2D(input=a, filter=k, **options)
            for a, k in zip(xs, kernels, strict=True)
        ]

        def backward(upstream: Any) -> tuple[Any, Any]:
            d_xs, d_kernels = [], []
            for a, k, d_y in zip(xs, kernels, _split(never_empty(upstream), groups), strict=True):
                d_xs.append(_full_convolution(a, k, d_y, options))
                d_kernels.append(_correlation(a, k, d_y, options)[:: dilation[0], :: dilation[1]])
            return as_many_as(x, _join(d_xs)), _join(d_kernels)

        return as_many_as(x, _join(ys)), backward

    return convolve


def _full_convolution(x: Any, kernel: Any, upstream: Any, options: dict[str, Any]) -> Any:
    """Compute dX: convolve the upstream gradient, spread by strides, with the flipped kernel."""
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, out_backprop=upstream, **options
    )


def _correlation(x: Any, kernel: Any, upstream: Any, options: dict[str, Any]) -> Any:
    """Compute dK: sum the inputs under each tap of the kernel times the upstream gradient."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=tf.shape(kernel), out_backprop=upstream, **options
    )


def spread_kernel(kernel: Any, dilation: tuple[int, int]) -> Any:
    """Put zeros between the taps, which makes a plain kernel of a dilated kernel.

    Args:
        kernel: [rows, columns, channels, filters].
        dilation: Distance between the taps, (rows, columns).

    Returns:
        [(rows − 1) · dilation + 1, (columns − 1) · dilation + 1, channels, filters].

    Example:
        >>> spread_kernel(tf.ones((3, 2, 1, 4)), (2, 3)).shape
        TensorShape([5, 4, 1, 4])
    """
    if dilation == (1, 1):
        return kernel
    rows, columns, channels, filters = kernel.shape
    (down, across) = dilation
    stretched = tf.reshape(kernel, [rows, 1, columns, 1, channels, filters])
    stretched = tf.pad(stretched, [[0, 0], [0, down - 1], [0, 0], [0, across - 1], [0, 0], [0, 0]])
    stretched = tf.reshape(stretched, [rows * down, columns * across, channels, filters])
    return stretched[: (rows - 1) * down + 1, : (columns - 1) * across + 1]


def _split(x: Any, groups: int) -> list[Any]:
    return [x] if groups == 1 else tf.split(x, groups, axis=-1)


def _join(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=-1)


@register_layer((7, 7, 2), filters=3, kernel_size=3)
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with its gradient by hand.

    Forward, for X [batch, height, width, channels], K [rows, columns, channels, filters], strides
    s and dilation d (the operation is a cross-correlation, which the field calls convolution):

        Z[n, i, j, f] = Σ_{a, b, c} X[n, s i + d a, s j + d b, c] K[a, b, c, f] + b[f]

    The side of Z is `⌊(H + P − d (k − 1) − 1) / s⌋ + 1` for padding P, which is 0 for `"valid"`.
    For `"same"` the side is `⌈H / s⌉`. The activation turns the upstream gradient dY into dZ.
    Backward:

        dX[n, p, q, c] = Σ dZ[n, i, j, f] K[a, b, c, f] over f and all s i + d a = p, s j + d b = q
        dK[a, b, c, f] = Σ_{n, i, j} X[n, s i + d a, s j + d b, c] dZ[n, i, j, f]
        db[f] = Σ_{n, i, j} dZ[n, i, j, f]

    dX is the full convolution of dZ, spread by the strides, with the flipped kernel; dK is the
    correlation of X with dZ (LeCun et al., 1989; Dumoulin and Visin, 2016). TensorFlow's kernels
    compute both. Groups are convolved one after another. A 1×1 kernel with strides is computed as a
    1×1 kernel without strides on every s-th pixel, which is the same. Activations have the same
    gradients as in `zoo.layers.Dense`.

    Example:
        >>> import numpy as np
        >>> Conv2D(4, 3, padding="same")(np.ones((2, 5, 5, 1), "float32")).shape
        TensorShape([2, 5, 5, 4])
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Cross-correlate inputs [batch, height, width, channels] with the kernel."""
        strides = self.strides
        if self.kernel_size == (1, 1):
            # A 1×1 kernel looks only at the pixels at multiples of the strides. TensorFlow 2.21
            # writes outside its memory if it computes dK of a 1×1 kernel with strides.
            inputs, strides = every_pixel_of(strides)(inputs), (1, 1)
        convolve = convolution(strides, self.padding, self.dilation_rate, self.groups)
        return convolve(inputs, kernel)

    def call(self, inputs: Any) -> Any:
        """Compute `f(X ∗ K + b)` in the layer's data format."""
        channels_first = self.data_format == "channels_first"
        x = ops.transpose(inputs, (0, 2, 3, 1)) if channels_first else inputs
        x = self.convolution_op(x, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            x = add_bias(x, tf.convert_to_tensor(self.bias))
        x = ops.transpose(x, (0, 3, 1, 2)) if channels_first else x
        return handwritten(self.activation)(x)
