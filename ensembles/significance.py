"""Whether the difference between two classifiers on the same images may be luck."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zoo.errors import ArgumentError


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers compared on the same images.

    Attributes:
        n: how many images.
        only_first: how many only the first gets right.
        only_second: how many only the second gets right.
        difference: accuracy of the first less that of the second, a fraction.
        p_value: if both were equally good, the probability of a difference this large or larger,
            either way.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    p_value: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is beyond chance at the 5 % level."""
        return self.p_value < 0.05

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


def mcnemar(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> PairedTest:
    """Test whether two classifiers differ in accuracy: McNemar's test in its exact form.

    Only the images that exactly one of the two gets right can tell them apart. Were both equally
    good, each of these would fall to either one like a fair coin, so that with b and c such
    images p = min(1, 2 P(X ≤ min(b, c))) for X ~ Binomial(b + c, ½), and p = 1 if there are none
    (McNemar, 1947).

    Args:
        labels: int [n], the true class ids.
        first: int [n], the first classifier's class ids.
        second: int [n], the second's.

    Returns:
        The counts, the difference in accuracy and the two-sided p-value.

    Raises:
        ArgumentError: unless all three are integers [n] of one length, 1 or more.

    Example:
        >>> mcnemar([0, 0, 1, 1], first=[0, 0, 1, 0], second=[0, 1, 0, 1])
        PairedTest(n=4, only_first=2, only_second=1, difference=0.25, p_value=1.0)
    """
    from scipy.stats import binomtest  # loaded on use: it is slow to import

    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)
    for name, ids in {"labels": labels, "first": first, "second": second}.items():
        if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu" or len(ids) != len(labels):
            raise ArgumentError(
                f"{name} must be class ids, integers [n], of one length with labels, 1 or more. "
                f"Received: {ids.dtype} of shape {ids.shape}, labels of shape {labels.shape}"
            )
    n = len(labels)
    only_first = int(((first == labels) & (second != labels)).sum())
    only_second = int(((first != labels) & (second == labels)).sum())
    discordant = only_first + only_second
    p_value = binomtest(only_first, discordant, 0.5).pvalue if discordant else 1.0
    return PairedTest(n, only_first, only_second, (only_first - only_second) / n, float(p_value))


def _frequency(p_value: float) -> str:
    if p_value >= 0.995:
        return "nearly every test set"
    for size in (100, 1_000, 10_000):
        if p_value >= 1 / size:
            return f"{round(p_value * size)} of {size:,} test sets"
    return "fewer than 1 of 10,000 test sets"
