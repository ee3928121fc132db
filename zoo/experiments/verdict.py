"""The comparison of an accuracy measured here with an accuracy that a report published."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.ensembles.measures.significance import LEVEL, required_test_size

CONSISTENT, ABOVE, BELOW, CANNOT_TELL = "consistent", "above", "below", "cannot tell"


@dataclass(frozen=True)
class Verdict:
    """How an accuracy measured here compares with a published accuracy.

    Attributes:
        word: `"consistent"`, `"above"`, `"below"` or `"cannot tell"`.
        difference: The accuracy here less the nearest accuracy that the report writes so, a
            fraction.
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
    accuracies: Sequence[float],
    n: int,
    published: tuple[float, float],
    published_n: int | None,
    tolerance: float,
) -> Verdict:
    """Compare accuracies of some seeds with a published accuracy, as of other networks.

    The two numbers come from two trainings and perhaps two samples of images, so they are compared
    as independent samples. With p̂ the share of all answers that are right, s² the variance over the
    k seeds (0 for a single seed, which tells nothing about it) and m images in the report, the
    standard error of the difference d is

        se = √(p̂ (1 − p̂) (1/n + 1/m) + s²/k)

    where p̂ counts a right and a wrong answer more than there are, so that an accuracy of 100 % also
    has an error. `"above"` and `"below"` mean |d| > 1.96 se (5 % level). `"consistent"` means that
    the 95 % interval of d lies within the tolerance: |d| + 1.96 se ≤ tolerance (two one-sided
    tests; Schuirmann, 1987). Otherwise the images cannot tell.

    Args:
        accuracies: The accuracy of each seed, fractions.
        n: The number of images of each accuracy.
        published: The lowest and the highest accuracy that the report writes so, fractions.
        published_n: The number of images in the report. None takes `n`.
        tolerance: A difference that counts as none, a fraction.

    Returns:
        The verdict.

    Example:
        >>> print(judge([0.445], 2505, (0.455, 0.465), None, 0.05))
        consistent
        >>> print(judge([0.9], 100, (0.83, 0.84), None, 0.05))
        cannot tell (n = 100; 407 images would)
    """
    from scipy.special import ndtri

    k, m = len(accuracies), published_n or n
    mean = sum(accuracies) / k
    nearest = min(max(mean, published[0]), published[1])
    difference = mean - nearest
    spread = sum((value - mean) ** 2 for value in accuracies) / (k - 1) / k if k > 1 else 0.0
    right = (mean * n + nearest * m + 1) / (n + m + 2)
    images = right * (1 - right) * (1 / n + 1 / m)
    z = float(ndtri(1 - LEVEL / 2))
    half_width = z * math.sqrt(images + spread)
    if abs(difference) > half_width:
        return Verdict(ABOVE if difference > 0 else BELOW, difference, half_width, n)
    if abs(difference) + half_width <= tolerance:
        return Verdict(CONSISTENT, difference, half_width, n)
    # The images that find the difference, or rule out one as large as the tolerance.
    to_tell = max(abs(difference), tolerance - abs(difference))
    other = right + to_tell if right + to_tell <= 1 else right - to_tell
    needed = int(required_test_size(right * (1 - other), other * (1 - right)))
    return Verdict(CANNOT_TELL, difference, half_width, n, needed if needed > min(n, m) else None)
