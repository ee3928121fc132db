"""Selection of members, and of their weights, on validation images.

Never select on the images that judge the committee: its scores on them would be too good.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import (
    checked_labels,
    checked_probabilities,
    logarithms,
)
from zoo.errors import ArgumentError
from zoo.metrics import LEAST_PROBABILITY

DECIMALS = 12
"""Log losses are compared to this many decimals: smaller differences are only rounding."""


def greedy_selection(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rounds: int = 50,
    scoring: Literal["accuracy", "log_loss"] = "log_loss",
    start: int = 0,
) -> NDArray[np.int64]:
    """Pick members, each time the member that improves the mean probabilities most.

    A member may be picked several times, which raises its weight: forward selection with
    replacement (Caruana et al., 2004).

    Args:
        probabilities: float [members, n, classes], on validation images.
        labels: int [n], the true class ids.
        rounds: The number of picks.
        scoring: The score to improve: `"log_loss"`, or `"accuracy"`, where log loss decides
            between equal accuracies. Between equal scores, the member of the lowest number wins.
        start: The number of the best single members with which the selection starts, once each.
            A few such members keep the selection from fitting to chance in these images.

    Returns:
        int64 [members], how often each member was picked, for use as the `weights` of `soft_vote`.
        The counts are those after the round with the best score; among equal scores, after the
        earliest of these rounds.

    Raises:
        ArgumentError: The arguments are not as described.

    Example:
        >>> members = [[[0.9, 0.1], [0.6, 0.4]], [[0.2, 0.8], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]]
        >>> greedy_selection(members, labels=[0, 1], rounds=8)
        array([3, 1, 0])
    """
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    whole_number("rounds", rounds, 1)
    if whole_number("start", start, 0) > members:
        raise ArgumentError(
            f"start must be {members} or less, the number of members. Received: {start}."
        )
    if scoring == "log_loss":
        # The probabilities of the other classes make no difference.
        probabilities = _of_label(probabilities, labels)[..., np.newaxis]
        labels = np.zeros_like(labels)
    elif scoring != "accuracy":
        raise ArgumentError(f'scoring must be "accuracy" or "log_loss". Received: {scoring!r}.')
    counts = np.zeros(members, np.int64)
    counts[_ranking(probabilities, labels)[:start]] = 1
    sums = np.tensordot(counts, probabilities, axes=1)
    history = [(_failure(sums / start, labels), counts.copy())] if start else []
    for size in range(start + 1, start + rounds + 1):
        failures = [_failure((sums + member) / size, labels) for member in probabilities]
        pick = failures.index(min(failures))
        counts[pick] += 1
        sums += probabilities[pick]
        history.append((failures[pick], counts.copy()))
    return min(history, key=lambda selection: selection[0])[1]


def simplex_weights(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Find the weights for which the weighted mean probabilities have the least log loss.

    Weights w of 0 or more with a sum of 1 that minimise the mean of −log Σ_m w_m p_m(label): the
    mixture weights of greatest likelihood, stacking of predictive distributions (Yao et al.,
    2018). The problem is convex. SciPy's SLSQP solves it in few steps and gives weights that are
    exactly 0; the update of EM only comes near 0.

    Args:
        probabilities: float [members, n, classes], on validation images. Probabilities below
            1.2e-38, the smallest normal number of float32, are raised to it.
        labels: int [n], the true class ids.

    Returns:
        float64 [members], with a sum of 1, for use as the `weights` of `soft_vote`. The log loss is
        within 1e-5 nats of the minimum.

    Raises:
        ArgumentError: The probabilities or labels are not as described.

    Example:
        >>> members = [[[0.9, 0.1], [0.6, 0.4]], [[0.2, 0.8], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]]
        >>> simplex_weights(members, labels=[0, 1]).round(3)
        array([0.757, 0.243, 0.   ])
    """
    from scipy.optimize import minimize  # imported here, since the import is slow

    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    of_label = np.maximum(_of_label(probabilities, labels), LEAST_PROBABILITY)

    def mixed(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(weights @ of_label, LEAST_PROBABILITY)

    found = minimize(
        lambda weights: -np.log(mixed(weights)).mean(),
        np.full(members, 1 / members),
        jac=lambda weights: -(of_label @ (1 / mixed(weights))) / n,
        method="SLSQP",
        bounds=[(0, 1)] * members,
        constraints={
            "type": "eq",
            "fun": lambda weights: weights.sum() - 1,
            "jac": lambda weights: np.ones(members),
        },
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    weights = np.maximum(found.x, 0.0)
    return weights / weights.sum()


def best_members(probabilities: ArrayLike, labels: ArrayLike, count: int) -> NDArray[np.int64]:
    """Rank the members, and keep the best.

    Args:
        probabilities: float [members, n, classes], on validation images.
        labels: int [n], the true class ids.
        count: The number of members to keep, from 1 to all.

    Returns:
        int64 [count], the numbers of the members, the best first: by accuracy, then by log loss,
        then by number.

    Raises:
        ArgumentError: The arguments are not as described.

    Example:
        >>> wrong, right, surer = [[0.2, 0.8]], [[0.6, 0.4]], [[0.9, 0.1]]
        >>> best_members([wrong, right, surer], labels=[0], count=2)
        array([2, 1])
    """
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    if whole_number("count", count, 1) > members:
        raise ArgumentError(
            f"count must be {members} or less, the number of members. Received: {count}."
        )
    return np.array(_ranking(probabilities, labels)[:count])


def _ranking(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[int]:
    """List the numbers of the members, the best first."""
    failures = [_failure(member, labels) for member in probabilities]
    return sorted(range(len(failures)), key=failures.__getitem__)


def _failure(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[int, float]:
    """Count the wrong decisions, and compute the log loss. With a single class, none is wrong."""
    # In float32, as `committee_probabilities` decides.
    wrong = int((probabilities.astype(np.float32).argmax(axis=1) != labels).sum())
    loss = -logarithms(_of_label(probabilities, labels)).mean()
    return wrong, round(float(loss), DECIMALS)


def _of_label(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take the probability of each image's label, [..., n]."""
    return probabilities[..., np.arange(len(labels)), labels]
