"""The comparison of a value measured here with a value that a report published."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.ensembles.measures.significance import LEVEL

CONSISTENT, ABOVE, BELOW, CANNOT_TELL = "consistent", "above", "below", "cannot tell"

POWER = 0.8
"""The probability with which the number of images that would tell finds the difference."""


@dataclass(frozen=True)
class Verdict:
    """How a value measured here compares with a published value.

    Attributes:
        word: `"consistent"`, `"above"`, `"below"` or `"cannot tell"`.
        difference: The value here less the nearest value that the report writes so, a fraction.
        half_width: Half the width of the 95 % interval of the difference, a fraction.
        n: The number of images here.
        images: The number of images, here and in the report, that would tell; None if the word is
            another than `"cannot tell"`, or if not the images but the seeds are too few.
    """

    word: str
    difference: float
    half_width: float
    n: int
    images: int | None = None

    def __str__(self) -> str:
        if self.word != CANNOT_TELL:
            return self.word
        if self.images is None:
            return f"{self.word} (n = {self.n:,}; more seeds would)"
        return f"{self.word} (n = {self.n:,}; {self.images:,} images would)"


def judge(
    values: Sequence[float],
    n: int,
    published: tuple[float, float],
    published_n: int | None,
    tolerance: float,
    variance: float | None = None,
) -> Verdict:
    """Compare accuracies of some seeds, or values of another measure, with a published value.

    The two numbers come from two trainings and perhaps two samples of images, so they are compared
    as independent samples. With v the variance of a value that is measured on a single image, s²
    the variance over the k seeds (0 for a single seed, which tells nothing about it) and m images
    in the report, the standard error of the difference d is

        se = √(v (1/n + 1/m) + s²/k)

    For an accuracy, v = p̂ (1 − p̂) with p̂ the share of all answers that are right, where a right and
    a wrong answer more are counted than there are, so that an accuracy of 100 % also has an error.
    `"above"` and `"below"` mean |d| > 1.96 se (5 % level). `"consistent"` means that the 95 %
    interval of d lies within the tolerance: |d| + 1.96 se ≤ tolerance (two one-sided tests;
    Schuirmann, 1987). Otherwise the images cannot tell.

    Args:
        values: The value with each seed, fractions.
        n: The number of images of each value.
        published: The lowest and the highest value that the report writes so, fractions.
        published_n: The number of images in the report. None takes `n`.
        tolerance: A difference that counts as none, a fraction.
        variance: The variance v, for a measure that is no accuracy.

    Returns:
        The verdict.

    Example:
        >>> print(judge([0.445], 2505, (0.455, 0.465), None, 0.05))
        consistent
        >>> print(judge([0.9], 100, (0.83, 0.84), None, 0.05))
        cannot tell (n = 100; 505 images would)
    """
    from scipy.special import ndtri

    k, m = len(values), published_n or n
    mean = sum(values) / k
    nearest = min(max(mean, published[0]), published[1])
    difference = mean - nearest
    spread = sum((value - mean) ** 2 for value in values) / (k - 1) / k if k > 1 else 0.0
    if variance is None:
        right = (mean * n + nearest * m + 1) / (n + m + 2)
        variance = right * (1 - right)
    z = float(ndtri(1 - LEVEL / 2))
    half_width = z * math.sqrt(variance * (1 / n + 1 / m) + spread)
    if abs(difference) > half_width:
        return Verdict(ABOVE if difference > 0 else BELOW, difference, half_width, n)
    if abs(difference) + half_width <= tolerance:
        return Verdict(CONSISTENT, difference, half_width, n)
    # The images that find the difference, or rule out a difference as large as the tolerance.
    to_tell = max(abs(difference), tolerance - abs(difference))
    needed = math.ceil(2 * variance * ((z + float(ndtri(POWER))) / to_tell) ** 2)
    return Verdict(CANNOT_TELL, difference, half_width, n, needed if needed > min(n, m) else None)
