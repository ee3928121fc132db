"""Soft voting: the committee's probabilities are the weighted mean of its members'."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_member_probabilities, checked_weights
from zoo.ensembles.combining.definition import Definition
from zoo.ensembles.combining.weights import tensor_shares, weighted_mean


def soft_vote(probabilities: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """Average the members' probabilities.

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], the weight of each member; None gives each member the weight 1.

    Returns:
        float64 [n, classes], the weighted mean. Rows sum to 1 if the members' rows do.

    Raises:
        ArgumentError: The probabilities or weights are not as described.

    Example:
        >>> soft_vote([[[1.0, 0.0]], [[0.5, 0.5]]])
        array([[0.75, 0.25]])
    """
    probabilities = checked_member_probabilities(probabilities)
    return weighted_mean(probabilities, checked_weights(weights, len(probabilities)))


def _decide(mean: NDArray[np.float64]) -> NDArray[np.int64]:
    return mean.astype(np.float32).argmax(axis=-1)


def _on_tensors(probabilities: Any, weights: Any) -> Any:
    from keras import ops

    return ops.sum(tensor_shares(weights, probabilities) * probabilities, axis=0)


DEFINITION = Definition("soft", soft_vote, _on_tensors, decide=_decide)
