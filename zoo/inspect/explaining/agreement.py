"""How much maps agree: maps of several members on one scale, and rank correlations."""

import numpy as np
from numpy.typing import NDArray


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
