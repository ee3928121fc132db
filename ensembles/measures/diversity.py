"""Diversity: how differently the members of a committee answer.

`diversity` computes all measures at once. The measures of each pair of members are in
`zoo.ensembles.measures.pairwise`. Where a measure is 0 / 0 it is nan. `zoo.ensembles.measures`
describes the arguments that the functions share.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities, checked_shares
from zoo.ensembles.measures.pairwise import (
    cohen_kappa,
    correct_votes,
    correctness_correlation,
    disagreement,
    double_fault,
    pair_mean,
    q_statistic,
)

__all__ = [
    "Ambiguity",
    "Diversity",
    "ambiguity",
    "cohen_kappa",
    "correctness_correlation",
    "disagreement",
    "diversity",
    "double_fault",
    "entropy_measure",
    "interrater_kappa",
    "pair_mean",
    "q_statistic",
]


@dataclass(frozen=True)
class Ambiguity:
    """The two parts of the squared error of the mean probabilities: ensemble = members − ambiguity.

    Attributes:
        members: Mean of the members' Brier scores, from 0 to 2.
        ambiguity: Mean squared distance of the members from their mean, from 0 to 2.
        ensemble: Brier score of the mean probabilities, from 0 to 2.
    """

    members: float
    ambiguity: float
    ensemble: float


@dataclass(frozen=True, eq=False)
class Diversity:
    """All measures of diversity; the measures of pairs are float64 [members, members].

    Attributes:
        disagreement: The result of `disagreement`.
        q_statistic: The result of `q_statistic`.
        correlation: The result of `correctness_correlation`.
        kappa: The result of `cohen_kappa`.
        double_fault: The result of `double_fault`.
        entropy: The result of `entropy_measure`.
        interrater_kappa: The result of `interrater_kappa`.
        ambiguity: The result of `ambiguity`.
    """

    disagreement: NDArray[np.float64]
    q_statistic: NDArray[np.float64]
    correlation: NDArray[np.float64]
    kappa: NDArray[np.float64]
    double_fault: NDArray[np.float64]
    entropy: float
    interrater_kappa: float
    ambiguity: Ambiguity

    def means(self) -> dict[str, float]:
        """Give one number for each measure: the mean over the pairs, or the number itself."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        means = {
            name: pair_mean(value) if isinstance(value, np.ndarray) else value
            for name, value in values.items()
        }
        return {**means, "ambiguity": self.ambiguity.ambiguity}


def diversity(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Diversity:
    """Compute all measures of diversity.

    Args:
        probabilities: float [members, n, classes].
        labels: int [n].
        weights: float [members], or None. Only `ambiguity` has weights.

    Returns:
        The measures.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> members = [[[0.9, 0.1], [0.2, 0.8]], [[0.8, 0.2], [0.7, 0.3]]]
        >>> measures = diversity(members, labels=[0, 1])
        >>> measures.means()["disagreement"], measures.entropy
        (0.5, 0.5)
    """
    probabilities = checked_probabilities(probabilities)
    _, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    votes = probabilities.argmax(axis=2)
    return Diversity(
        disagreement(votes),
        q_statistic(votes, labels),
        correctness_correlation(votes, labels),
        cohen_kappa(votes),
        double_fault(votes, labels),
        entropy_measure(votes, labels),
        interrater_kappa(votes, labels),
        ambiguity(probabilities, labels, weights),
    )


def entropy_measure(votes: ArrayLike, labels: ArrayLike) -> float:
    """Measure how evenly the members split into right and wrong ones: the entropy measure E.

    With L members of which r are right on an image, E is the mean over the images of
    min(r, L − r) / (L − ⌈L / 2⌉) (Kuncheva & Whitaker, 2003).

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        A number from 0 to 1: 0 if on every image all members are right or all are wrong, 1 if on
        every image half of the members are right; nan for one member.

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> entropy_measure([[0, 1], [0, 0], [1, 0]], labels=[0, 0])
        1.0
    """
    correct = correct_votes(votes, labels)
    members, right = len(correct), correct.sum(axis=0)
    if members == 1:
        return float("nan")
    return float(np.minimum(right, members - right).mean() / (members // 2))


def interrater_kappa(votes: ArrayLike, labels: ArrayLike) -> float:
    """Measure how much more often than by chance the members are right or wrong together.

    With L members of which r are right on an image, n images and p the mean accuracy,
    κ = 1 − Σ r (L − r) / (L n (L − 1) p (1 − p)). This is the kappa of Fleiss (1981) of being
    right, as in Kuncheva & Whitaker (2003).

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        A number from −1 / (L − 1) to 1: 1 if on every image all members are right or all are
        wrong, 0 if the members are independent; nan for one member, and if all votes are right or
        all are wrong.

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> interrater_kappa([[0, 1], [0, 1], [0, 1]], labels=[0, 0])
        1.0
        >>> interrater_kappa([[0, 1], [1, 0]], labels=[0, 0])
        -1.0
    """
    correct = correct_votes(votes, labels)
    members, right = len(correct), correct.sum(axis=0)
    total = int(right.sum())
    # p (1 − p) over the common denominator, in whole numbers, so that 0 / 0 is found exactly.
    chance = (members - 1) * total * (correct.size - total)
    if chance == 0:
        return float("nan")
    return 1 - int((right * (members - right)).sum()) * correct.size / chance


def ambiguity(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Ambiguity:
    """Measure how much of the squared error of the members their mean probabilities avoid.

    With weights w that sum to 1, probabilities p_m, their mean p̄ = Σ_m w_m p_m and y the one-hot
    label, on every image

        |p̄ − y|² = Σ_m w_m |p_m − y|² − Σ_m w_m |p_m − p̄|²

    (Krogh & Vedelsby, 1995). So the mean is better than the average member by exactly as much as
    the members differ from the mean. All three terms are averaged over the images.

    Args:
        probabilities: float [members, n, classes].
        labels: int [n].
        weights: float [members], or None.

    Returns:
        The three terms.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> terms = ambiguity([[[1.0, 0.0]], [[0.0, 1.0]]], labels=[0])
        >>> terms
        Ambiguity(members=1.0, ambiguity=0.5, ensemble=0.5)
    """
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    target = np.eye(num_classes)[checked_labels(labels, n, num_classes)]
    shares = checked_shares(weights, members)
    mean = np.tensordot(shares, probabilities, axes=1)
    return Ambiguity(
        members=float(shares @ [_squared_distance(member, target) for member in probabilities]),
        ambiguity=float(shares @ [_squared_distance(member, mean) for member in probabilities]),
        ensemble=_squared_distance(mean, target),
    )


def _squared_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Average the squared distance of the rows over the images."""
    return float(np.square(first - second).sum(axis=1).mean())
