"""How much maps agree: maps of several members on one scale, and rank correlations."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval, resampled_means

LARGEST_CORRELATION = 0.5
"""Below this mean rank correlation with maps of randomised networks, a method passes.

Two maps with the correlation 0.5 share a quarter of the variance of their ranks (0.5² = 0.25). A
map that shares more with maps of networks that forgot what they learned shows the image, or the
architecture, more than what was learned. The number is a convention.
"""


@dataclass(frozen=True)
class Sanity:
    """How similar the maps of a network are to maps of the network with random weights.

    Attributes:
        correlation: The rank correlation of the maps with those of the network with random weights
            from the last layer down to another, the mean over these layers and over the images,
            with its 95 % interval, a bootstrap over the images. Near 0 is good.
        images: The number of images.

    Example:
        >>> print(Sanity(Estimate(0.12, 0.05, 0.2), images=16))
        passed: rank correlation 0.12 [0.05, 0.20] with randomised networks, 16 images
    """

    correlation: Estimate
    images: int

    @property
    def passes(self) -> bool:
        """Whether the whole interval is below 0.5: see `LARGEST_CORRELATION`."""
        return self.correlation.high < LARGEST_CORRELATION

    def __str__(self) -> str:
        if not self.images:
            return "not possible: the maps have the same value everywhere"
        value, low, high = self.correlation.value, self.correlation.low, self.correlation.high
        return (
            f"{'passed' if self.passes else 'failed'}: rank correlation {value:z.2f} "
            f"[{low:z.2f}, {high:z.2f}] with randomised networks, {self.images} images"
        )


def mean_estimate(values: np.ndarray, seed: int = 0) -> Estimate:
    """Average a number over images, with its 95 % interval: a bootstrap over the images.

    Args:
        values: A number for each image, [n]; nan where there is none.
        seed: The seed of the bootstrap.

    Returns:
        The mean with its interval; nan where no image has a number.

    Example:
        >>> print(mean_estimate(np.array([0.5, np.nan, 0.5])))
        0.5000 [0.5000, 0.5000]
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return Estimate(np.nan, np.nan, np.nan)
    low, high = percentile_interval(resampled_means(known[:, None], seed=seed)[:, 0])
    return Estimate(float(known.mean()), float(low), float(high))


def dependence(maps: np.ndarray, others: np.ndarray) -> NDArray[np.float64]:
    """Compute rank correlations, where a map without differences says nothing about another.

    Args:
        maps: The maps that are judged, float32 [n, ...].
        others: The maps with which they are compared, float32 of the same shape.

    Returns:
        float64 [n]: 0 where the other map has the same value everywhere; nan where the map that is
        judged has.

    Example:
        >>> ranked, level = np.array([[1.0, 2.0]]), np.array([[3.0, 3.0]])
        >>> dependence(ranked, level).tolist(), dependence(level, ranked).tolist()
        ([0.0], [nan])
    """
    level = np.ptp(others.reshape(len(others), -1), axis=1) == 0
    judged_level = np.ptp(maps.reshape(len(maps), -1), axis=1) == 0
    return np.where(level & ~judged_level, 0.0, rank_correlation(maps, others))


def scaled(maps: np.ndarray) -> NDArray[np.float32]:
    """Divide each map by its largest absolute value; a map of zeros stays as it is.

    Args:
        maps: float32 [..., height, width].

    Returns:
        float32 of the same shape, from -1 to 1.

    Example:
        >>> scaled(np.array([[[2.0, -4.0]], [[0.0, 0.0]]])).tolist()
        [[[0.5, -1.0]], [[0.0, 0.0]]]
    """
    largest = np.abs(maps).max(axis=(-2, -1), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps, "float32"), where=largest > 0)


def combined(member_maps: np.ndarray, weights: Any) -> NDArray[np.float32]:
    """Combine the maps of members: the weighted mean of the scaled maps.

    Args:
        member_maps: float32 [members, n, ..., height, width].
        weights: The weight of each member in the vote, or None for equal weights.

    Returns:
        float32 [n, ..., height, width].
    """
    return np.average(scaled(member_maps), axis=0, weights=weights).astype("float32")


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> NDArray[np.float64]:
    """Compute Spearman's rank correlation between pairs of maps.

    Args:
        maps: float32 [n, ...].
        others: float32 of the same shape.

    Returns:
        float64 [n], from -1 to 1; nan where a map has the same value everywhere.

    Example:
        >>> maps, others = np.array([[1.0, 2.0, 9.0]]), np.array([[1.0, 3.0, 2.0]])
        >>> rank_correlation(maps, others).round(6).tolist()
        [0.5]
    """
    first, second = (_standard_ranks(values) for values in (maps, others))
    return np.mean(first * second, axis=1)


def rank_correlations(member_maps: np.ndarray) -> NDArray[np.float64]:
    """Compute the mean rank correlation of each pair of members over the maps.

    Args:
        member_maps: float32 [members, n, ...], the maps of each member.

    Returns:
        float64 [members, members]. Maps with the same value everywhere have no ranks, and are left
        out of the mean; nan where no map is left.

    Example:
        >>> rank_correlations(np.array([[[1.0, 2.0]], [[2.0, 1.0]]])).round(6).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    ranks = np.stack([_standard_ranks(maps) for maps in member_maps])
    products = np.einsum("anp,bnp->nab", ranks, ranks) / ranks.shape[2]
    valid = np.isfinite(products)
    sums = np.where(valid, products, 0).sum(axis=0)
    return np.divide(
        sums, valid.sum(axis=0), out=np.full_like(sums, np.nan), where=valid.any(axis=0)
    )


def _standard_ranks(maps: np.ndarray) -> np.ndarray:
    """Give ranks with mean 0 and variance 1, float64 [n, pixels]; nan for a constant map."""
    from scipy.stats import rankdata  # imported here because the import is slow

    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    deviation = ranks.std(axis=1, keepdims=True)
    return np.divide(ranks, deviation, out=np.full_like(ranks, np.nan), where=deviation > 0)
