"""How differently a committee's members answer: the measures of diversity.

Where a measure is 0 / 0 it is nan, not a number made up: Q and the correlation of a member that is
never wrong, say. A mean over pairs with an undefined one among them is undefined too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities, checked_votes
from zoo.ensembles.combining.voting import checked_shares
from zoo.errors import ArgumentError


@dataclass(frozen=True)
class Ambiguity:
    """The squared error of the mean probabilities, taken apart: ensemble = members − ambiguity.

    Attributes:
        members: mean of the members' Brier scores, from 0 to 2.
        ambiguity: mean squared distance of the members from their mean, from 0 to 2.
        ensemble: Brier score of the mean probabilities, from 0 to 2.
    """

    members: float
    ambiguity: float
    ensemble: float


@dataclass(frozen=True, eq=False)
class Diversity:
    """Every measure of diversity; those of pairs are float64 [members, members].

    Attributes:
        disagreement: as from `disagreement`.
        q_statistic: as from `q_statistic`.
        correlation: as from `correctness_correlation`.
        kappa: as from `cohen_kappa`.
        double_fault: as from `double_fault`.
        entropy: as from `entropy_measure`.
        interrater_kappa: as from `interrater_kappa`.
        ambiguity: as from `ambiguity`.
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
        return {
            "disagreement": pair_mean(self.disagreement),
            "q_statistic": pair_mean(self.q_statistic),
            "correlation": pair_mean(self.correlation),
            "kappa": pair_mean(self.kappa),
            "double_fault": pair_mean(self.double_fault),
            "entropy": self.entropy,
            "interrater_kappa": self.interrater_kappa,
            "ambiguity": self.ambiguity.ambiguity,
        }


def diversity(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Diversity:
    """Measure diversity in every way of this module.

    Args:
        probabilities: float [members, n, classes]; a member votes for the class it finds most
            probable, the lowest label among equals.
        labels: int [n], the true class ids.
        weights: float [members], what each member counts in the ambiguity decomposition; the other
            measures are of members and pairs as such. None counts each as one.

    Returns:
        The measures.

    Raises:
        ArgumentError: for probabilities, labels or weights that are not as described.

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


def disagreement(votes: ArrayLike) -> NDArray[np.float64]:
    """Count how often each two members answer differently.

    The measure of Skalak (1996) and Ho (1998) counts the images that exactly one of the two gets
    right; that is `disagreement((votes == labels).astype(int))`.

    Args:
        votes: int [members, n], class ids.

    Returns:
        float64 [members, members], the fraction of images with different answers.

    Raises:
        ArgumentError: for votes that are not as described, or no images.

    Example:
        >>> disagreement([[0, 1, 2, 2], [0, 1, 1, 0]])
        array([[0. , 0.5],
               [0.5, 0. ]])
    """
    votes = _some_votes(votes)
    return 1 - _agreements(votes) / votes.shape[1]


def cohen_kappa(votes: ArrayLike) -> NDArray[np.float64]:
    """Measure how much more often than by chance each two members answer alike.

    With a the fraction of images answered alike and e = Σ_k f_k g_k, where f_k and g_k are the
    fractions that either one calls class k, κ = (a − e) / (1 − e) (Cohen, 1960; between
    classifiers, Margineantu & Dietterich, 1997).

    Args:
        votes: int [members, n], class ids.

    Returns:
        float64 [members, members], from −1 to 1: 1 for the same answers, 0 for as many as by
        chance; nan for two that always give the one same answer.

    Raises:
        ArgumentError: for votes that are not as described, or no images.

    Example:
        >>> cohen_kappa([[0, 1, 1, 0], [0, 1, 0, 0]])
        array([[1. , 0.5],
               [0.5, 1. ]])
    """
    votes = _some_votes(votes)
    members, n = votes.shape
    classes, ids = np.unique(votes, return_inverse=True)
    cells = ids.reshape(votes.shape) + len(classes) * np.arange(members)[:, np.newaxis]
    counts = np.bincount(cells.ravel(), minlength=members * len(classes))
    counts = counts.reshape(members, len(classes))
    # In whole numbers, so that 0 / 0 is exactly that.
    by_chance = counts @ counts.T
    return _ratio(n * _agreements(votes) - by_chance, n**2 - by_chance)


def q_statistic(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Measure how much each two members' successes go together: Yule's Q.

    With a images that both get right, d that neither does, and b and c that only one does,
    Q = (ad − bc) / (ad + bc) (Yule, 1900).

    Args:
        votes: int [members, n], class ids.
        labels: int [n], the true class ids.

    Returns:
        float64 [members, members], from −1 to 1: 0 if independent, below 0 if they err on
        different images; nan where ad + bc is 0, as for a member that is always right.

    Raises:
        ArgumentError: for votes or labels that are not as described, or no images.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> q_statistic(votes, labels=[0, 0, 0, 0, 0]).round(3)
        array([[1.   , 0.333],
               [0.333, 1.   ]])
    """
    both, first, second, neither = _successes(votes, labels)
    return _ratio(both * neither - first * second, both * neither + first * second)


def correctness_correlation(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Correlate each two members' successes: Pearson's correlation of being right.

    ρ = (ad − bc) / √((a + b)(c + d)(a + c)(b + d)), with the counts of `q_statistic`; of the same
    sign as Q and never further from 0 (Kuncheva & Whitaker, 2003).

    Args:
        votes: int [members, n], class ids.
        labels: int [n], the true class ids.

    Returns:
        float64 [members, members], from −1 to 1; nan with a member that is always or never right.

    Raises:
        ArgumentError: for votes or labels that are not as described, or no images.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> correctness_correlation(votes, labels=[0, 0, 0, 0, 0]).round(3)
        array([[1.   , 0.167],
               [0.167, 1.   ]])
    """
    both, first, second, neither = _successes(votes, labels)
    # A member's number of successes times that of its failures.
    spread = ((both + first) * (second + neither)).diagonal().astype(np.float64)
    return _ratio(both * neither - first * second, np.sqrt(np.outer(spread, spread)))


def double_fault(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Count how often each two members are both wrong (Giacinto & Roli, 2001).

    Args:
        votes: int [members, n], class ids.
        labels: int [n], the true class ids.

    Returns:
        float64 [members, members], a fraction of the images; the diagonal is each one's error.

    Raises:
        ArgumentError: for votes or labels that are not as described, or no images.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> double_fault(votes, labels=[0, 0, 0, 0, 0])
        array([[0.4, 0.2],
               [0.2, 0.4]])
    """
    both, first, second, neither = _successes(votes, labels)
    return neither / (both + first + second + neither)


def entropy_measure(votes: ArrayLike, labels: ArrayLike) -> float:
    """Measure how evenly the members split into right and wrong ones: the entropy measure E.

    With L members of which r are right on an image, E is the mean over the images of
    min(r, L − r) / (L − ⌈L / 2⌉) (Kuncheva & Whitaker, 2003).

    Args:
        votes: int [members, n], class ids.
        labels: int [n], the true class ids.

    Returns:
        From 0, all are right or wrong together, to 1, half of them always; nan for one member.

    Raises:
        ArgumentError: for votes or labels that are not as described, or no images.

    Example:
        >>> entropy_measure([[0, 1], [0, 0], [1, 0]], labels=[0, 0])
        1.0
    """
    correct = _correct(votes, labels)
    members, right = len(correct), correct.sum(axis=0)
    if members == 1:
        return float("nan")
    return float(np.minimum(right, members - right).mean() / (members // 2))


def interrater_kappa(votes: ArrayLike, labels: ArrayLike) -> float:
    """Measure how much more than by chance the members are right and wrong together.

    With L members of which r are right on an image, n images and p the mean accuracy,
    κ = 1 − Σ r (L − r) / (L n (L − 1) p (1 − p)): Fleiss's kappa (1981) of being right, as in
    Kuncheva & Whitaker (2003).

    Args:
        votes: int [members, n], class ids.
        labels: int [n], the true class ids.

    Returns:
        1 if all are right or wrong together, 0 if independent, down to −1 / (L − 1); nan for one
        member, and if all are right on every image, or wrong.

    Raises:
        ArgumentError: for votes or labels that are not as described, or no images.

    Example:
        >>> interrater_kappa([[0, 1], [0, 1], [0, 1]], labels=[0, 0])
        1.0
        >>> interrater_kappa([[0, 1], [1, 0]], labels=[0, 0])
        -1.0
    """
    correct = _correct(votes, labels)
    members, right = len(correct), correct.sum(axis=0)
    total = int(right.sum())
    # p (1 − p) over the common denominator: whole numbers, so that 0 / 0 is exactly that.
    chance = (members - 1) * total * (correct.size - total)
    if chance == 0:
        return float("nan")
    return 1 - int((right * (members - right)).sum()) * correct.size / chance


def ambiguity(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Ambiguity:
    """Say how much of the members' squared error goes away in their mean probabilities.

    With weights w that sum to 1, probabilities p_m, their mean p̄ = Σ_m w_m p_m and y the one-hot
    label, on every image

        |p̄ − y|² = Σ_m w_m |p_m − y|² − Σ_m w_m |p_m − p̄|²

    (Krogh & Vedelsby, 1995): the mean is better than the members are on average by exactly as
    much as they differ from it. All three terms are averaged over the images.

    Args:
        probabilities: float [members, n, classes].
        labels: int [n], the true class ids.
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        The three terms.

    Raises:
        ArgumentError: for probabilities, labels or weights that are not as described.

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


def pair_mean(matrix: ArrayLike) -> float:
    """Average a measure over the pairs of members.

    Args:
        matrix: float [members, members], symmetric.

    Returns:
        The mean of what is above the diagonal; nan for one member, or with a nan among the pairs.

    Raises:
        ArgumentError: for an array of another shape.

    Example:
        >>> pair_mean([[1, 0.25, 0.5], [0.25, 1, 0.75], [0.5, 0.75, 1]])
        0.5
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ArgumentError(f"matrix must be [members, members]. Received: shape {matrix.shape}")
    pairs = matrix[np.triu_indices(len(matrix), k=1)]
    return float(pairs.mean()) if pairs.size else float("nan")


def _some_votes(votes: ArrayLike) -> NDArray[np.int64]:
    votes = checked_votes(votes)
    if votes.shape[1] == 0:
        raise ArgumentError("There must be one image or more. Received: none")
    return votes


def _correct(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    votes = checked_votes(votes)
    return votes == checked_labels(labels, votes.shape[1])


def _successes(votes: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.int64], ...]:
    """Count the images that both, only the first, only the second and neither gets right."""
    # Products of float64 are a fast matrix product, and exact for counts below 2**53.
    right = _correct(votes, labels).astype(np.float64)
    wrong = 1 - right
    tables = (right @ right.T, right @ wrong.T, wrong @ right.T, wrong @ wrong.T)
    both, first, second, neither = (table.astype(np.int64) for table in tables)
    return both, first, second, neither


def _agreements(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([(votes == member).sum(axis=1) for member in votes])


def _squared_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.square(first - second).sum(axis=1).mean())


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
