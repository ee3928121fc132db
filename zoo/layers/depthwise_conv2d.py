"""Convolution of each channel by itself, alone and before a 1×1 convolution."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.activations import handwritten
from zoo.layers.average_pooling2d import every_pixel_of
from zoo.layers.conv2d import convolution, spread_kernel
from zoo.layers.dense import add_bias
from zoo.layers.empty_batches import as_many_as, never_empty
from zoo.layers.registration import register_layer


@lru_cache
def depthwise_convolution(
    strides: tuple[int, int], padding: str, dilation: tuple[int, int]
) -> Callable[[Any, Any], Any]:
    """Make a depthwise convolution, and its gradient.

    Args:
        strides: Steps between outputs, (rows, columns).
        padding: `"valid"` or `"same"`.
        dilation: Distance between the kernel's taps, (rows, columns).

    Returns:
        A function of x [batch, height, width, channels] and kernel [rows, columns, channels,
        multiplier], which returns [batch, height', width', channels · multiplier].
    """
    options: dict[str, Any] = {"strides": [1, *strides, 1], "padding": padding.upper()}

    @ops.custom_gradient
    def convolve(x: Any, kernel: Any) -> Any:
        images = never_empty(x)
        spread = spread_kernel(kernel, dilation)
        y = tf.raw_ops.DepthwiseConv2dNative(input=images, filter=spread, **options)

        def backward(upstream: Any) -> tuple[Any, Any]:
            d_y = never_empty(upstream)
            d_x = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(images), filter=spread, out_backprop=d_y, **options
            )
            d_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=images, filter_sizes=tf.shape(spread), out_backprop=d_y, **options
            )
            return as_many_as(x, d_x), d_kernel[:: dilation[0], :: dilation[1]]

        return as_many_as(x, y), backward

    return convolve


def _convolve_depthwise(layer: Any, x: Any, kernel: Any) -> Any:
    """Convolve x [batch, height, width, channels] by the options of a layer.

    A 1×1 kernel looks only at the pixels at multiples of the strides. TensorFlow 2.21 writes
    outside its memory if it computes dK of such a kernel with strides, for a single channel.
    """
    strides = layer.strides
    if layer.kernel_size == (1, 1):
        x, strides = every_pixel_of(strides)(x), (1, 1)
    return depthwise_convolution(strides, layer.padding, layer.dilation_rate)(x, kernel)


@register_layer((7, 7, 2), kernel_size=3)
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D` with its gradient by hand.

    Each channel c of X [batch, height, width, channels] is convolved with its own m kernels
    K[:, :, c, 0], …, K[:, :, c, m − 1], for K [rows, columns, channels, m], strides s and
    dilation d. The channels of the output are f = c m + k:

        Z[n, i, j, c m + k] = Σ_{a, b} X[n, s i + d a, s j + d b, c] K[a, b, c, k] + b[c m + k]

    Backward, from dZ, which the activation makes of the upstream gradient dY:

        dX[n, p, q, c] = Σ dZ[n, i, j, c m + k] K[a, b, c, k] over k, s i + d a = p, s j + d b = q
        dK[a, b, c, k] = Σ_{n, i, j} X[n, s i + d a, s j + d b, c] dZ[n, i, j, c m + k]
        db[f] = Σ_{n, i, j} dZ[n, i, j, f]

    (Sifre, 2014; Howard et al., 2017.) TensorFlow's kernels compute both. Activations have the
    same gradients as in `zoo.layers.Dense`.

    Example:
        >>> import numpy as np
        >>> DepthwiseConv2D(3, depth_multiplier=2)(np.ones((2, 5, 5, 4), "float32")).shape
        TensorShape([2, 3, 3, 8])
    """

    def call(self, inputs: Any) -> Any:
        """Compute `f(X ∗ K + b)` in the layer's data format."""
        channels_first = self.data_format == "channels_first"
        x = ops.transpose(inputs, (0, 2, 3, 1)) if channels_first else inputs
        x = _convolve_depthwise(self, x, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            x = add_bias(x, tf.convert_to_tensor(self.bias))
        x = ops.transpose(x, (0, 3, 1, 2)) if channels_first else x
        return handwritten(self.activation)(x)


@register_layer((7, 7, 2), filters=3, kernel_size=3)
class SeparableConv2D(keras.layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` with its gradient by hand.

    A depthwise convolution with the kernel D, whose formula is in the docstring of
    `zoo.layers.DepthwiseConv2D`, and then a 1×1 convolution with the kernel P [channels, filters]:

        U = X ∗ D,   Z[n, i, j, f] = Σ_c U[n, i, j, c] P[c, f] + b[f]

    Backward, from dZ, which the activation makes of the upstream gradient dY:

        dP[c, f] = Σ_{n, i, j} U[n, i, j, c] dZ[n, i, j, f],   db[f] = Σ_{n, i, j} dZ[n, i, j, f]
        dU[n, i, j, c] = Σ_f dZ[n, i, j, f] P[c, f]

    and dX and dD from dU as in the depthwise convolution (Chollet, 2017).

    Example:
        >>> import numpy as np
        >>> SeparableConv2D(8, 3, padding="same")(np.ones((2, 5, 5, 4), "float32")).shape
        TensorShape([2, 5, 5, 8])
    """

    def call(self, inputs: Any) -> Any:
        """Compute `f((X ∗ D) P + b)` in the layer's data format."""
        channels_first = self.data_format == "channels_first"
        x = ops.transpose(inputs, (0, 2, 3, 1)) if channels_first else inputs
        x = _convolve_depthwise(self, x, tf.convert_to_tensor(self.depthwise_kernel))
        pointwise = convolution((1, 1), "valid", (1, 1), 1)
        x = pointwise(x, tf.convert_to_tensor(self.pointwise_kernel))
        if self.use_bias:
            x = add_bias(x, tf.convert_to_tensor(self.bias))
        x = ops.transpose(x, (0, 3, 1, 2)) if channels_first else x
        return handwritten(self.activation)(x)
