"""Softmax, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from zoo.errors import ArgumentError
from zoo.layers.registration import register_layer


@lru_cache
def softmax_over(axes: tuple[int, ...] = (-1,)) -> Callable[[Any], Any]:
    """Make the softmax over these axes, and its gradient.

    Backward: `dX = P ⊙ (dY − Σ dY ⊙ P)`, with the sum over the same axes.

    Args:
        axes: The axes over which the outputs add up to 1.

    Returns:
        A function of one tensor.
    """

    @ops.custom_gradient
    def differentiable(x: Any) -> Any:
        if len(axes) == 1:
            p = ops.softmax(x, axis=axes[0])
        else:
            p = ops.exp(x - ops.logsumexp(x, axis=axes, keepdims=True))

        def backward(upstream: Any) -> Any:
            return p * (upstream - ops.sum(upstream * p, axis=axes, keepdims=True))

        return p, backward

    def softmax(x: Any) -> Any:
        p = differentiable(x)
        # Keras's own softmax does the same. Keras's cross-entropies then find the logits, and stay
        # stable where a probability rounds to 0.
        p._keras_logits = x
        return p

    return softmax


@register_layer((6,))
class Softmax(keras.layers.Softmax):
    """`keras.layers.Softmax` with its gradient by hand: `p_i = exp(x_i) / Σ_j exp(x_j)`.

    The forward pass first subtracts the largest x, so that exp stays finite. Since
    `∂p_i/∂x_j = p_i ([i = j] − p_j)` (Bridle, 1990), the backward pass is
    `dX = P ⊙ (dY − Σ_j dY_j p_j)`, all of the shape of X [batch, …, classes].

    Example:
        >>> import numpy as np
        >>> Softmax()(np.zeros((1, 2))).numpy().tolist()
        [[0.5, 0.5]]
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Compute probabilities along `axis`. Elements that the mask leaves out get 0."""
        axes = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if not axes:
            raise ArgumentError(
                "axis must be a whole number, or one or more of them. Received: "
                f"axis={self.axis!r}. Leave it out for the last axis."
            )
        if mask is None:
            return softmax_over(axes)(inputs)
        _check_mask(mask, inputs)
        keep = ops.cast(mask, "float32") > 0.5
        # Keras's stand-in for minus infinity. The range of float16 is smaller.
        low = -3e4 if keras.backend.standardize_dtype(inputs.dtype) == "float16" else -1e9
        outputs = softmax_over(axes)(ops.where(keep, inputs, ops.cast(low, inputs.dtype)))
        return ops.where(keep, outputs, ops.zeros_like(outputs))


def _check_mask(mask: Any, inputs: Any) -> None:
    """Refuse a mask that cannot be broadcast to the inputs, as Keras's layer does."""
    sides = zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
    if len(mask.shape) > len(inputs.shape) or any(
        side not in (None, 1) and expected is not None and side != expected
        for side, expected in sides
    ):
        raise ArgumentError(
            "mask must be broadcastable to the inputs: it must not have more dimensions, and each "
            f"must be 1 or that of the inputs. Received: mask.shape={mask.shape}, "
            f"inputs.shape={inputs.shape}. Reshape the mask, or leave it out."
        )
