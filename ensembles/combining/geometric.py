"""Geometric voting: the committee's probabilities are the geometric mean of its members'."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import (
    checked_member_probabilities,
    checked_shares,
    logarithms,
)
from zoo.ensembles.combining.definition import Definition
from zoo.ensembles.combining.weights import reduce_classes, tensor_shares
from zoo.metrics import LEAST_PROBABILITY


def geometric_vote(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Multiply the members' probabilities: the normalised, weighted geometric mean.

    With weights w that sum to 1, q_k ∝ Π_m p_mk^w_m: a product of experts (Hinton, 2002) to the
    power of 1 / members, also called a logarithmic opinion pool (Genest & Zidek, 1986). If a
    single member finds a class nearly impossible, that class has little chance. In `soft_vote` the
    other members would outvote this member.

    Args:
        probabilities: float [members, n, classes]. Probabilities below 1.2e-38, the smallest normal
            number of float32, are raised to it. So a probability of 0 lowers the chance of a class
            very much, but the other members can still outvote it.
        weights: float [members], the weight of each member; None gives each member the weight 1.

    Returns:
        float64 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: The probabilities or weights are not as described.

    Example:
        >>> members = [[[0.999, 0.001]], [[0.2, 0.8]], [[0.2, 0.8]]]
        >>> geometric_vote(members).round(3)
        array([[0.799, 0.201]])
    """
    from scipy.special import softmax  # imported here, since the import is slow

    probabilities = checked_member_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    mean = np.zeros(probabilities.shape[1:])
    for share, member in zip(shares, probabilities, strict=True):
        mean += share * logarithms(member)
    return softmax(mean, axis=1)


def _terms(probabilities: NDArray) -> tuple[NDArray[np.float64]]:
    return (logarithms(probabilities),)


def _decide(mean: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.special import softmax  # imported here, since the import is slow

    # The softmax in float32 ties means that differ by less than 1e-7. Others need no softmax.
    near = mean >= reduce_classes(np.maximum, mean)[..., np.newaxis] - 1e-6
    decisions = near.argmax(axis=-1)
    tied = reduce_classes(np.add, near.astype(np.int16)) > 1
    decisions[tied] = softmax(mean[tied], axis=-1).astype(np.float32).argmax(axis=-1)
    return decisions


def _on_tensors(probabilities: Any, weights: Any) -> Any:
    from keras import ops

    logits = ops.log(ops.maximum(probabilities, LEAST_PROBABILITY))
    return ops.softmax(ops.sum(tensor_shares(weights, probabilities) * logits, axis=0))


DEFINITION = Definition("geometric", geometric_vote, _on_tensors, terms=_terms, decide=_decide)
