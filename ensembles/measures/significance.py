"""Significance: whether a difference between classifiers on the same images may be luck.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_fraction, checked_labels, checked_scores, checked_votes
from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval, resampled_means
from zoo.errors import ArgumentError
from zoo.metrics import checked_ids

LEVEL = 0.05
"""A difference with a p-value below this level is called beyond chance."""


@dataclass(frozen=True)
class PairedTest:
    """The comparison of two classifiers on the same images.

    Attributes:
        n: Number of images.
        only_first: Number of images that only the first classifier gets right.
        only_second: Number of images that only the second classifier gets right.
        difference: Accuracy of the first less that of the second, a fraction.
        p_value: If both were equally good, the probability of a difference at least this large in
            either direction.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    p_value: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is beyond chance at the 5 % level."""
        return self.p_value < LEVEL

    def sentence(self) -> str:
        """Say in plain words how the first compares with the second.

        "By chance" means: if both were equally good. "Points" are percentage points of accuracy.

        Example:
            >>> test = PairedTest(
            ...     n=1000, only_first=80, only_second=68, difference=0.012, p_value=0.366
            ... )
            >>> print(test.sentence())  # doctest: +NORMALIZE_WHITESPACE
            better by 1.2 points;
            a difference this large would come by chance in 37 of 100 test sets
        """
        if self.only_first == self.only_second:
            return "no better and no worse: the same accuracy"
        direction = "better" if self.difference > 0 else "worse"
        points = 100 * abs(self.difference)
        amount = f"{points:.1f}" if points >= 0.05 else "less than 0.1"
        return (
            f"{direction} by {amount} points; "
            f"a difference this large would come by chance in {_frequency(self.p_value)}"
        )


@dataclass(frozen=True)
class CochranTest:
    """The comparison of several classifiers on the same images.

    Attributes:
        n: Number of images.
        members: Number of classifiers.
        statistic: Cochran's Q.
        p_value: If all were equally good, the probability of a Q at least this large.
    """

    n: int
    members: int
    statistic: float
    p_value: float


def mcnemar(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> PairedTest:
    """Test whether two classifiers differ in accuracy: McNemar's test in its exact form.

    Only images that exactly one of the two classifiers gets right tell the classifiers apart. If
    both were equally good, each such image would belong to either classifier with the probability
    ½. With b images that only the first gets right and c images that only the second gets right,
    p = min(1, 2 P(X ≤ min(b, c))) for X ~ Binomial(b + c, ½), and p = 1 if there are none
    (McNemar, 1947).

    Args:
        labels: int [n].
        first: Class ids that the first classifier gives, int [n].
        second: Class ids that the second classifier gives, int [n].

    Returns:
        The counts, the difference in accuracy and the two-sided p-value.

    Raises:
        ArgumentError: The arguments are not integers [n] of the same length, 1 or more.

    Example:
        >>> mcnemar([0, 0, 1, 1], first=[0, 0, 1, 0], second=[0, 1, 0, 1])
        PairedTest(n=4, only_first=2, only_second=1, difference=0.25, p_value=1.0)
    """
    from scipy.stats import binomtest  # imported here, since the import is slow

    labels, first, second = checked_ids(labels=labels, first=first, second=second)
    n = len(labels)
    only_first = int(((first == labels) & (second != labels)).sum())
    only_second = int(((first != labels) & (second == labels)).sum())
    discordant = only_first + only_second
    p_value = binomtest(only_first, discordant, 0.5).pvalue if discordant else 1.0
    return PairedTest(n, only_first, only_second, (only_first - only_second) / n, float(p_value))


def cochran_q(labels: ArrayLike, votes: ArrayLike) -> CochranTest:
    """Test whether any of several classifiers differ in accuracy: Cochran's Q test.

    With k classifiers of which r_i are right on image i, R = Σ r_i, and c_j images that
    classifier j gets right, Q = (k − 1) (k Σ c_j² − R²) / (k R − Σ r_i²), and p is the upper tail
    of the χ² distribution with k − 1 degrees of freedom (Cochran, 1950). The distribution holds
    for many images. For two classifiers, `mcnemar` has the exact p-value.

    Args:
        labels: int [n].
        votes: int [members, n], of two classifiers or more.

    Returns:
        Q and the p-value of Q. They are 0 and 1 if on every image all classifiers are right or all
        are wrong.

    Raises:
        ArgumentError: The arguments are not class ids of the same images, or there are fewer than
            two classifiers.

    Example:
        >>> test = cochran_q([0, 0, 0, 0], votes=[[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]])
        >>> test.statistic, round(test.p_value, 3)
        (6.5, 0.039)
    """
    from scipy.stats import chi2  # imported here, since the import is slow

    votes = checked_votes(votes)
    members, n = votes.shape
    labels = checked_labels(labels, n)
    if members < 2:
        raise ArgumentError(
            "votes must be of 2 classifiers or more. Received: 1 classifier. Add the votes of a "
            "classifier to compare it with."
        )
    correct = votes == labels
    by_member, by_image = correct.sum(axis=1), correct.sum(axis=0)
    right = int(by_image.sum())
    # In whole numbers, so that 0 / 0 is found exactly.
    between = (members - 1) * (members * int((by_member**2).sum()) - right**2)
    within = members * right - int((by_image**2).sum())
    statistic = between / within if within else 0.0
    return CochranTest(n, members, statistic, float(chi2.sf(statistic, members - 1)))


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Bound the difference between the mean scores of two classifiers by resampling the images.

    Any score of the single images can be compared: `first_votes == labels` compares accuracy, and
    `zoo.ensembles.measures.scores.log_losses` compares log loss. Each image keeps its pair of
    scores, so an image that is difficult for both classifiers does not widen the interval. The
    interval is the percentile interval (Efron & Tibshirani, 1993).

    Args:
        first: Scores of the first classifier, float or bool [n].
        second: Scores of the second classifier on the same images, float or bool [n].
        resamples: A whole number, 1 or more.
        confidence: A number between 0 and 1.
        seed: A whole number, 0 or more.

    Returns:
        The mean of the first scores less the mean of the second scores, with an interval.

    Raises:
        ArgumentError: The scores are not finite numbers of the same length, 1 or more, or another
            argument is not as described.

    Example:
        >>> print(paired_bootstrap(first=[1, 1, 1, 0, 1, 1], second=[1, 0, 1, 0, 0, 1]))
        0.3333 [0.0000, 0.6667]
    """
    first, second = checked_scores(first, "first"), checked_scores(second, "second")
    if len(first) != len(second):
        raise ArgumentError(
            "first and second must be scores of the same images. "
            f"Received: {len(first)} and {len(second)} scores. Score both classifiers on the same "
            "images, in the same order."
        )
    differences = first - second
    means = resampled_means(differences[:, np.newaxis], resamples, seed)[:, 0]
    low, high = percentile_interval(means, confidence)
    return Estimate(float(differences.mean()), float(low), float(high))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct the p-values of several tests for the number of tests: Holm's method.

    Of k p-values in rising order, the i-th becomes the largest of min(1, (k − j + 1) p_j) over
    j ≤ i (Holm, 1979). If corrected p-values below 5 % are called beyond chance, at most 5 of 100
    such sets of tests contain a wrong call, however the tests depend on each other.

    Args:
        p_values: P-values, float [k].

    Returns:
        Corrected p-values in the same order, float64 [k].

    Raises:
        ArgumentError: The p-values are not numbers from 0 to 1, one or more.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])
    """
    p_values = checked_scores(p_values, "p_values")
    if p_values.min() < 0 or p_values.max() > 1:
        raise ArgumentError(
            f"p_values must be from 0 to 1. Received: {p_values.tolist()}. Pass the p-values of "
            "the tests, not their statistics."
        )
    order = p_values.argsort()
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return corrected


def required_test_size(
    only_first: float, only_second: float, power: float = 0.8, level: float = LEVEL
) -> float:
    """Compute how many test images are enough to tell two classifiers apart.

    With b and c the fractions of images that only the first and only the second gets right,
    ψ = b + c, δ = b − c and z the normal quantiles, McNemar's test at the level α finds the
    difference with the given power from

        n = (z_{1 − α/2} √ψ + z_power √(ψ − δ²))² / δ²

    images on (Miettinen, 1968; Connor, 1987). The formula is for the test by the normal
    distribution. The exact test of `mcnemar` needs about 1 / |δ| images more.

    Args:
        only_first: The fraction b, which is `only_first / n` of a `PairedTest`.
        only_second: The fraction c, which is `only_second / n` of a `PairedTest`.
        power: The probability with which the test is to find the difference, between 0 and 1.
        level: The probability of finding a difference if there is none, between 0 and 1.

    Returns:
        The number of images, a whole number; infinite if the two fractions are equal.

    Raises:
        ArgumentError: The fractions are below 0 or their sum is above 1, or not
            0 < level < power < 1.

    Example:
        >>> required_test_size(only_first=0.05, only_second=0.03)
        1568.0
    """
    from scipy.special import ndtri  # imported here, since the import is slow

    if not (only_first >= 0 and only_second >= 0 and only_first + only_second <= 1 + 1e-12):
        raise ArgumentError(
            "only_first and only_second must be fractions of the images, with a sum of 1 at most. "
            f"Received: {only_first!r} and {only_second!r}. Divide the counts of a PairedTest by "
            "its n."
        )
    if checked_fraction("level", level) >= checked_fraction("power", power):
        raise ArgumentError(
            f"power must be greater than level. Received: power={power!r}, level={level!r}. "
            "Usual values are power=0.8 and level=0.05."
        )
    discordant, difference = only_first + only_second, only_first - only_second
    if abs(difference) < 1e-12:  # equal fractions, apart from rounding
        return math.inf
    # Rounding may bring the variance of a certain difference, 1 − 1², below 0.
    spread = math.sqrt(max(0.0, discordant - difference**2))
    reach = ndtri(1 - level / 2) * math.sqrt(discordant) + ndtri(power) * spread
    return float(math.ceil((reach / difference) ** 2))


images_to_tell = required_test_size
"""The earlier name of `required_test_size`."""


def _frequency(p_value: float) -> str:
    """Write a p-value as a number of test sets."""
    if p_value >= 0.995:
        return "nearly every test set"
    for size in (100, 1_000, 10_000):
        if p_value >= 1 / size:
            return f"{round(p_value * size)} of {size:,} test sets"
    return "fewer than 1 of 10,000 test sets"
