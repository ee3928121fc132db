"""Addition and multiplication of several tensors, with their gradients by hand."""

import functools
import math
import operator
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.layers.registration import register_layer


@ops.custom_gradient
def add(*terms: Any) -> Any:
    """Add tensors element by element, `Y = X_1 + … + X_n`.

    Backward: every `dX_k` is dY, summed over the axes along which X_k was broadcast.

    Args:
        *terms: Tensors of the same rank. A side is that of the other tensors, or 1.

    Returns:
        The sum, with the longest side along each axis.
    """

    def backward(upstream: Any) -> tuple[Any, ...]:
        return tuple(_summed_to(upstream, term) for term in terms)

    return functools.reduce(operator.add, terms), backward


@ops.custom_gradient
def multiply(*factors: Any) -> Any:
    """Multiply tensors element by element, `Y = X_1 ⊙ … ⊙ X_n`.

    Backward: `dX_k = dY ⊙ Π_{j ≠ k} X_j`, summed over the axes along which X_k was broadcast.

    Args:
        *factors: Tensors of the same rank. A side is that of the other tensors, or 1.

    Returns:
        The product, with the longest side along each axis.
    """

    def backward(upstream: Any) -> tuple[Any, ...]:
        others = [factors[:k] + factors[k + 1 :] for k in range(len(factors))]
        return tuple(
            _summed_to(math.prod(rest, start=upstream), factor)
            for rest, factor in zip(others, factors, strict=True)
        )

    return functools.reduce(operator.mul, factors), backward


def _summed_to(gradient: Any, x: Any) -> Any:
    """Sum a gradient over the axes along which x was broadcast, so that it has the shape of x."""
    if gradient.shape[1:].is_fully_defined() and x.shape[1:].is_fully_defined():
        # The batch is the same in all tensors: Keras's layers refuse others.
        sides = zip(x.shape[1:], gradient.shape[1:], strict=True)
        axes: Any = [1 + k for k, (own, side) in enumerate(sides) if own != side]
        if not axes:
            return gradient
    else:
        axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(x), s1=tf.shape(gradient)).r0
    # A long sum in half precision stops growing.
    half = gradient.dtype in (tf.float16, tf.bfloat16)
    wide = tf.cast(gradient, tf.float32) if half else gradient
    total = tf.cast(tf.reduce_sum(wide, axis=axes, keepdims=True), gradient.dtype)
    return tf.reshape(total, tf.shape(x))


@register_layer(((4, 3), (1, 3)))
class Add(keras.layers.Add):
    """`keras.layers.Add` with its gradient by hand: the sum of tensors.

    Forward, for tensors X_1, …, X_n of the same shape: `Y = X_1 + … + X_n`. Backward:
    `dX_k = dY` for each of them, so that a shortcut passes a gradient on unchanged (He et al.,
    2016). Along an axis on which X_k has the side 1 and is repeated, dX_k is the sum of dY. Sparse
    tensors have the gradient that TensorFlow derives.

    Example:
        >>> import numpy as np
        >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy().tolist()
        [[11.0, 22.0]]
    """

    def _merge_function(self, inputs: Any) -> Any:
        """Add tensors of the same rank. Sparse tensors are added as by Keras."""
        if not _are_plain(inputs):
            return super()._merge_function(inputs)
        return add(*map(tf.convert_to_tensor, inputs))


@register_layer(((4, 3), (1, 3)))
class Multiply(keras.layers.Multiply):
    """`keras.layers.Multiply` with its gradient by hand: the product of tensors.

    Forward, for tensors X_1, …, X_n of the same shape: `Y = X_1 ⊙ … ⊙ X_n`. Backward:
    `dX_k = dY ⊙ Π_{j ≠ k} X_j`. Along an axis on which X_k has the side 1 and is repeated, as the
    weights of the channels in squeeze-and-excitation (Hu et al., 2018), dX_k is the sum of that.
    Sparse and masked tensors have the gradient that TensorFlow derives; masked elements count as 1,
    as in Keras.

    Example:
        >>> import numpy as np
        >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy().tolist()
        [[10.0, 40.0]]
    """

    def _merge_function(self, inputs: Any) -> Any:
        """Multiply tensors of the same rank. Masked and sparse ones are multiplied as by Keras."""
        if not _are_plain(inputs) or _are_masked(inputs):
            return super()._merge_function(inputs)
        return multiply(*map(tf.convert_to_tensor, inputs))


def _are_plain(inputs: Any) -> bool:
    """Whether no tensor is sparse."""
    return not any(isinstance(x, tf.SparseTensor | tf.IndexedSlices) for x in inputs)


def _are_masked(inputs: Any) -> bool:
    """Whether a tensor carries a mask of Keras."""
    return any(getattr(x, "_keras_mask", None) is not None for x in inputs)
