"""Which activation functions have a gradient by hand."""

from collections.abc import Callable
from typing import Any

import keras

from zoo.layers.relu import rectifier
from zoo.layers.softmax import softmax_over


def handwritten(activation: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """The twin of a Keras activation with its gradient by hand.

    Args:
        activation: A layer's `activation`: a Keras function or one of your own.

    Returns:
        For `linear`, `relu` and `softmax` the twin; any other function as it is, with the
        gradient that Keras gives it.

    Example:
        >>> handwritten(keras.activations.tanh) is keras.activations.tanh
        True
    """
    if activation is None or activation is keras.activations.linear:
        return lambda x: x
    twins = {
        keras.activations.relu: rectifier(),
        keras.activations.softmax: softmax_over(),
    }
    return twins.get(activation, activation)
