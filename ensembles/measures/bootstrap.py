"""The bootstrap over images: how much a number would change on other images of the same kind.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import checked_fraction
from zoo.errors import ArgumentError

CHUNK = 2**22
"""The number of counts that are in memory at once: 32 MiB, for any number of resamples."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: The number, measured on all images.
        low: Lower end of the interval.
        high: Upper end of the interval.

    Example:
        >>> print(Estimate(value=0.4712, low=0.4523, high=0.4908))
        0.4712 [0.4523, 0.4908]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def resampled_counts(
    n: int, resamples: int, rng: np.random.Generator, rows: int
) -> Iterator[NDArray[np.float64]]:
    """Draw n images with replacement, many times, and count how often each image is drawn.

    The mean over a resample is `counts @ values / n`, so that the means of several scores over
    many resamples are one matrix product.

    Args:
        n: Number of images.
        resamples: The number of times that n images are drawn.
        rng: Random generator that draws the images.
        rows: The number of resamples in each array.

    Yields:
        Whole numbers, float64 [rows, n], a row for each resample. The last array may have fewer
        rows.

    Example:
        >>> for counts in resampled_counts(5, resamples=3, rng=np.random.default_rng(0), rows=2):
        ...     print(counts.shape, counts.sum(axis=1))
        (2, 5) [5. 5.]
        (1, 5) [5.]
    """
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=size * n)
        yield counts.reshape(size, n).astype(np.float64)


def resampled_means(values: ArrayLike, resamples: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """Average scores over resampled images, the same images for all scores.

    Args:
        values: Scores, float [n, scores], one row for each image.
        resamples: A whole number, 1 or more.
        seed: A whole number, 0 or more.

    Returns:
        Means, float64 [resamples, scores].

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> resampled_means([[0.0], [1.0], [1.0]], resamples=4).shape
        (4, 1)
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ArgumentError(
            f"values must be [n, scores], with no axis of length 0. Received: shape "
            f"{values.shape}. For a single score, pass values[:, np.newaxis]."
        )
    whole_number("resamples", resamples, 1)
    whole_number("seed", seed, 0)
    n, rng = len(values), np.random.default_rng(seed)
    parts = resampled_counts(n, resamples, rng, rows=max(1, CHUNK // n))
    return np.concatenate([counts @ values for counts in parts]) / n


def percentile_interval(
    samples: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bound the values of most resamples: the percentile interval (Efron & Tibshirani, 1993).

    Args:
        samples: Values of the resamples, float [resamples, …].
        confidence: The fraction of the resamples that lies within the interval, between 0 and 1.

    Returns:
        The lower and the upper ends, float64 […].

    Raises:
        ArgumentError: `confidence` is not between 0 and 1.

    Example:
        >>> low, high = percentile_interval(np.arange(101.0), confidence=0.9)
        >>> f"{low:.1f} to {high:.1f}"
        '5.0 to 95.0'
    """
    tail = (1 - checked_fraction("confidence", confidence)) / 2
    low, high = np.quantile(np.asarray(samples), [tail, 1 - tail], axis=0)
    return low, high
