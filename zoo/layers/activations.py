"""Activation functions with gradients by hand."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from zoo.layers.relu import rectifier
from zoo.layers.softmax import softmax_over


@ops.custom_gradient
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; backward, `dX = dY ⊙ (1 − Y²)`."""
    y = ops.tanh(x)
    return y, lambda upstream: upstream * (1 - ops.square(y))


@ops.custom_gradient
def sigmoid(x: Any) -> Any:
    """The logistic function, `Y = 1 / (1 + e^(−X))`; backward, `dX = dY ⊙ Y ⊙ (1 − Y)`."""
    y = ops.sigmoid(x)
    return y, lambda upstream: upstream * y * (1 - y)


def handwritten(activation: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Find the twin of a Keras activation that has its gradient by hand.

    Args:
        activation: The `activation` of a layer: a function of Keras, any other function, or None.

    Returns:
        The twin for `linear`, `relu`, `sigmoid`, `tanh` and `softmax`. Any other function is
        returned unchanged, with the gradient that TensorFlow derives.

    Example:
        >>> handwritten(keras.activations.gelu) is keras.activations.gelu
        True
    """
    if activation is None or activation is keras.activations.linear:
        return lambda x: x
    twins = {
        keras.activations.relu: rectifier(),
        keras.activations.sigmoid: sigmoid,
        keras.activations.tanh: tanh,
        keras.activations.softmax: softmax_over(),
    }
    return twins.get(activation, activation)
