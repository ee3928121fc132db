"""Activation functions with gradients by hand, and the layer that applies one."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.registration import register_layer
from zoo.layers.relu import rectifier
from zoo.layers.softmax import softmax_over


@ops.custom_gradient
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; backward, `dX = dY ⊙ (1 − Y²)`."""
    y = ops.tanh(x)
    # A single pass over memory.
    return y, lambda upstream: tf.raw_ops.TanhGrad(y=y, dy=upstream)


@ops.custom_gradient
def sigmoid(x: Any) -> Any:
    """The logistic function, `Y = 1 / (1 + e^(−X))`; backward, `dX = dY ⊙ Y ⊙ (1 − Y)`."""
    y = ops.sigmoid(x)
    # A single pass over memory.
    return y, lambda upstream: tf.raw_ops.SigmoidGrad(y=y, dy=upstream)


@ops.custom_gradient
def silu(x: Any) -> Any:
    """The swish of slope 1, `Y = X ⊙ S` with the logistic function S of X.

    Backward, `dX = dY ⊙ S ⊙ (1 + X ⊙ (1 − S))` (Hendrycks and Gimpel, 2016; Ramachandran et al.,
    2017).
    """
    s = ops.sigmoid(x)
    return x * s, lambda upstream: upstream * s * (1 + x * (1 - s))


@ops.custom_gradient
def gelu(x: Any) -> Any:
    """The Gaussian error linear unit, `Y = X ⊙ Φ(X)` with the normal distribution function Φ.

    Backward, `dX = dY ⊙ (Φ(X) + X ⊙ φ(X))` with the normal density φ (Hendrycks and Gimpel, 2016).
    """
    below = 0.5 * (1 + ops.erf(x * math.sqrt(0.5)))

    def backward(upstream: Any) -> Any:
        density = ops.exp(-0.5 * ops.square(x)) * (1 / math.sqrt(2 * math.pi))
        return upstream * (below + x * density)

    return x * below, backward


def handwritten(activation: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Find the twin of a Keras activation that has its gradient by hand.

    Args:
        activation: The `activation` of a layer: a function of Keras, any other function, or None.

    Returns:
        The twin for `linear`, `relu`, `sigmoid`, `tanh`, `silu` (which Keras also calls `swish`),
        `gelu` and `softmax`. Any other function is returned unchanged, with the gradient that
        TensorFlow derives.

    Example:
        >>> handwritten(keras.activations.elu) is keras.activations.elu
        True
    """
    if activation is None or activation is keras.activations.linear:
        return lambda x: x
    twins = {
        keras.activations.relu: rectifier(),
        keras.activations.sigmoid: sigmoid,
        keras.activations.tanh: tanh,
        keras.activations.silu: silu,
        keras.activations.gelu: gelu,
        keras.activations.softmax: softmax_over(),
    }
    return twins.get(activation, activation)


@register_layer((6,), activation="silu")
class Activation(keras.layers.Activation):
    """`keras.layers.Activation` with its gradient by hand: an activation function as a layer.

    `Y = f(X)` and `dX = dY ⊙ f'(X)` for a function of single numbers. The formulas of f' are in
    the docstrings of `zoo.layers.activations`. Activations other than linear, relu, sigmoid, tanh,
    silu, gelu and softmax have the gradient that TensorFlow derives.

    Example:
        >>> import numpy as np
        >>> Activation("gelu")(np.array([0.0, 1.0, 9.0])).numpy().round().tolist()
        [0.0, 1.0, 9.0]
    """

    def call(self, inputs: Any) -> Any:
        """Compute `f(X)` for inputs of any shape."""
        return handwritten(self.activation)(inputs)
