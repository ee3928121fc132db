import numpy as np
import pytest
from scipy.stats import spearmanr

from zoo.inspect.explaining.agreement import rank_correlation, rank_correlations, scaled

MAPS = np.random.default_rng(0).normal(size=(3, 4, 5, 5)).astype("float32")


def test_rank_correlations_are_spearmans():
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(MAPS[0], MAPS[1], strict=True)
    ]
    assert rank_correlation(MAPS[0], MAPS[1]) == pytest.approx(expected)
    matrix = rank_correlations(MAPS)
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(np.mean(expected))
    assert np.diag(matrix) == pytest.approx(1)


def test_constant_maps_are_left_out():
    maps = MAPS.copy()
    maps[0, 0] = 0
    assert np.isnan(rank_correlation(maps[0], maps[1])[0])
    assert rank_correlations(maps)[0, 1] == pytest.approx(
        rank_correlation(maps[0, 1:], maps[1, 1:]).mean()
    )
    assert np.isnan(rank_correlations(np.zeros((2, 1, 3, 3)))).all()


def test_scaled_maps_end_at_1():
    values = scaled(np.concatenate([MAPS[0], np.zeros((1, 5, 5), "float32")]))
    assert values.dtype == np.float32
    assert np.abs(values).max(axis=(1, 2)).tolist() == [1, 1, 1, 1, 0]
