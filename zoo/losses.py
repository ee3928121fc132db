"""Losses whose gradients are written by hand.

Example:
    >>> import numpy as np
    >>> import zoo
    >>> loss = zoo.losses.SoftmaxCrossEntropy()
    >>> round(float(loss(np.array([1]), np.zeros((1, 2)))), 4)
    0.6931
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.errors import ArgumentError

__all__ = ["SoftmaxCrossEntropy"]


@lru_cache
def cross_entropy_over(axis: int = -1) -> Callable[[Any, Any], Any]:
    """Make the cross-entropy of targets with the softmax of logits, and its gradient.

    Args:
        axis: The axis of the classes.

    Returns:
        A function of targets and logits, both float [..., classes, ...]. It returns the loss of
        each sample, of the shape without that axis.
    """

    @ops.custom_gradient
    def cross_entropy(targets: Any, logits: Any) -> Any:
        shifted = logits - tf.reduce_max(logits, axis=axis, keepdims=True)
        exponentials = ops.exp(shifted)
        normalizer = ops.sum(exponentials, axis=axis, keepdims=True)
        log_probabilities = shifted - ops.log(normalizer)

        def backward(upstream: Any) -> tuple[Any, Any]:
            upstream = ops.expand_dims(upstream, axis)
            mass = ops.sum(targets, axis=axis, keepdims=True)
            d_logits = (exponentials / normalizer) * mass - targets
            return -log_probabilities * upstream, d_logits * upstream

        # A class whose target is 0 adds 0, also if its logit is minus infinity.
        terms = tf.math.multiply_no_nan(log_probabilities, targets)
        return -tf.reduce_sum(terms, axis=axis), backward

    return cross_entropy


@keras.saving.register_keras_serializable(package="zoo")
class SoftmaxCrossEntropy(keras.losses.Loss):
    """Cross-entropy of the softmax of logits, with its gradient by hand.

    For logits z [batch, ..., classes], targets y and p = softmax(z):

        L = −Σ_k y_k log p_k,   ∂L/∂z = p Σ_k y_k − y,   which is p − y for targets that add up to 1

    (Bridle, 1990). The largest logit is subtracted before exp, so the loss is finite for logits of
    ±1e4 and beyond. Labels are class ids, whose rank is lower by 1 than that of the logits or whose
    last axis is 1, or they are one-hot or soft targets of the shape of the logits. An id that is
    not the id of a class makes the loss NaN.

    Args:
        label_smoothing: Share s of each target that is spread over all classes,
            `y (1 − s) + s / classes` (Szegedy et al., 2016).
        axis: The axis of the classes.
        reduction: How the losses of a batch are combined, as in every Keras loss.
        name: Name of the loss.
        dtype: Dtype of the computation, as in every Keras loss.

    Raises:
        ArgumentError: `label_smoothing` is not from 0 to 1.

    Example:
        >>> import numpy as np
        >>> loss = SoftmaxCrossEntropy()
        >>> float(loss(np.array([1]), np.array([[1e4, -1e4]])))
        20000.0
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "softmax_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not 0 <= label_smoothing <= 1:
            raise ArgumentError(
                f"label_smoothing must be from 0 to 1. Received: {label_smoothing!r}. Pass 0 to "
                "keep the labels as they are."
            )
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of each sample."""
        logits, labels = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
        classes = logits.shape[self.axis]
        if len(labels.shape) == len(logits.shape) and labels.shape[self.axis] == 1 != classes:
            labels = ops.squeeze(labels, self.axis)
        if len(labels.shape) == len(logits.shape) - 1:
            ids = ops.cast(labels, "int32")
            labels = ops.one_hot(ids, classes, self.axis, logits.dtype)
            known = ops.expand_dims(ops.logical_and(ids >= 0, ids < classes), self.axis)
            labels = ops.where(known, labels, float("nan"))
        if len(labels.shape) != len(logits.shape):
            raise ArgumentError(
                "Labels must be class ids, with an axis less than the logits, or targets of the "
                f"shape of the logits. Received: labels {tuple(labels.shape)}, logits "
                f"{tuple(logits.shape)}. Remove the last axis of class ids, or encode them as "
                "one-hot targets (keras.utils.to_categorical)."
            )
        if self.label_smoothing:
            labels = labels * (1 - self.label_smoothing) + self.label_smoothing / classes
        return cross_entropy_over(self.axis)(labels, logits)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments of the constructor."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing, "axis": self.axis}
