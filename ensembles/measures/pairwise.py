"""Diversity of each pair of members, as matrices [members, members].

Where a measure is 0 / 0 it is nan: for example, Q and the correlation of a member that is never
wrong. The mean over pairs is nan as well if one of the pairs is nan. `zoo.ensembles.measures`
describes the arguments that the functions share.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import check_any_image, checked_labels, checked_votes
from zoo.errors import ArgumentError


def disagreement(votes: ArrayLike) -> NDArray[np.float64]:
    """Measure how often each pair of members answers differently.

    The measure of Skalak (1996) and Ho (1998) counts the images that exactly one of the two members
    gets right: `disagreement((votes == labels).astype(int))`.

    Args:
        votes: int [members, n].

    Returns:
        Fraction of images with different answers, float64 [members, members].

    Raises:
        ArgumentError: The votes are not as described, or there is no image.

    Example:
        >>> disagreement([[0, 1, 2, 2], [0, 1, 1, 0]])
        array([[0. , 0.5],
               [0.5, 0. ]])
    """
    votes = _some_votes(votes)
    return 1 - _agreements(votes) / votes.shape[1]


def cohen_kappa(votes: ArrayLike) -> NDArray[np.float64]:
    """Measure how much more often than by chance each pair of members gives the same answer.

    With a the fraction of images with the same answer, and e = Σ_k f_k g_k, where f_k and g_k are
    the fractions of images for which the two members answer class k, κ = (a − e) / (1 − e) (Cohen,
    1960; between classifiers, Margineantu & Dietterich, 1997).

    Args:
        votes: int [members, n].

    Returns:
        Kappa, float64 [members, members], from −1 to 1: 1 if all answers are the same, 0 if as many
        answers are the same as by chance; nan for two members that give the same class on every
        image.

    Raises:
        ArgumentError: The votes are not as described, or there is no image.

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
    # In whole numbers, so that 0 / 0 is found exactly.
    by_chance = counts @ counts.T
    return _ratio(n * _agreements(votes) - by_chance, n**2 - by_chance)


def q_statistic(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Measure how strongly the successes of each pair of members go together: Yule's Q.

    With a images that both members get right, d images that neither gets right, and b and c images
    that only the first and only the second gets right, Q = (ad − bc) / (ad + bc) (Yule, 1900).

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        Q, float64 [members, members], from −1 to 1: 0 if the members are independent, below 0 if
        they are wrong on different images; nan where ad + bc is 0, as for a member that is always
        right.

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> q_statistic(votes, labels=[0, 0, 0, 0, 0]).round(3)
        array([[1.   , 0.333],
               [0.333, 1.   ]])
    """
    both, first, second, neither = _successes(votes, labels)
    return _ratio(both * neither - first * second, both * neither + first * second)


def correctness_correlation(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Correlate the successes of each pair of members: Pearson's correlation of being right.

    ρ = (ad − bc) / √((a + b)(c + d)(a + c)(b + d)), with the counts of `q_statistic`. The
    correlation has the sign of Q and is never further from 0 than Q (Kuncheva & Whitaker, 2003).

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        The correlation, float64 [members, members], from −1 to 1; nan for a member that is always
        or never right.

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> correctness_correlation(votes, labels=[0, 0, 0, 0, 0]).round(3)
        array([[1.   , 0.167],
               [0.167, 1.   ]])
    """
    both, first, second, neither = _successes(votes, labels)
    # The number of successes of each member times the number of its failures.
    spread = ((both + first) * (second + neither)).diagonal().astype(np.float64)
    return _ratio(both * neither - first * second, np.sqrt(np.outer(spread, spread)))


def double_fault(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Measure how often both members of each pair are wrong (Giacinto & Roli, 2001).

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        The fraction of the images, float64 [members, members]. On the diagonal stands the error
        rate of each member.

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> votes = [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
        >>> double_fault(votes, labels=[0, 0, 0, 0, 0])
        array([[0.4, 0.2],
               [0.2, 0.4]])
    """
    both, first, second, neither = _successes(votes, labels)
    return neither / (both + first + second + neither)


def pair_mean(matrix: ArrayLike) -> float:
    """Average a measure over the pairs of members.

    Args:
        matrix: The measure, symmetric, float [members, members].

    Returns:
        The mean of the values above the diagonal; nan for one member, or if a pair is nan.

    Raises:
        ArgumentError: The array has another shape.

    Example:
        >>> pair_mean([[1, 0.25, 0.5], [0.25, 1, 0.75], [0.5, 0.75, 1]])
        0.5
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ArgumentError(
            f"matrix must be [members, members]. Received: shape {matrix.shape}. Pass a measure of "
            "pairs, such as disagreement(votes)."
        )
    pairs = matrix[np.triu_indices(len(matrix), k=1)]
    return float(pairs.mean()) if pairs.size else float("nan")


def _some_votes(votes: ArrayLike) -> NDArray[np.int64]:
    """Check votes on one image or more."""
    votes = checked_votes(votes)
    check_any_image(votes.shape[1])
    return votes


def correct_votes(votes: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Mark which votes are right.

    Args:
        votes: int [members, n].
        labels: int [n].

    Returns:
        True for a right vote, bool [members, n].

    Raises:
        ArgumentError: An argument is not as described, or there is no image.

    Example:
        >>> correct_votes([[0, 1], [1, 1]], labels=[0, 1]).tolist()
        [[True, True], [False, True]]
    """
    votes = checked_votes(votes)
    return votes == checked_labels(labels, votes.shape[1])


def _successes(votes: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.int64], ...]:
    """Count the images that both, only the first, only the second and neither gets right."""
    # Products of float64 are a fast matrix product, and exact for counts below 2**53.
    right = correct_votes(votes, labels).astype(np.float64)
    wrong = 1 - right
    tables = (right @ right.T, right @ wrong.T, wrong @ right.T, wrong @ wrong.T)
    both, first, second, neither = (table.astype(np.int64) for table in tables)
    return both, first, second, neither


def _agreements(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the images on which each pair of members gives the same answer."""
    return np.array([(votes == member).sum(axis=1) for member in votes])


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """Divide arrays; a quotient by 0 is nan."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
