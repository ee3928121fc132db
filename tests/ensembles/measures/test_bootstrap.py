import numpy as np
import pytest
from scipy.stats import bootstrap, multinomial

from zoo.ensembles.measures import bootstrap as ours
from zoo.ensembles.measures.bootstrap import (
    Estimate,
    percentile_interval,
    resampled_counts,
    resampled_means,
)
from zoo.errors import ArgumentError


def drawn(n, resamples, rows):
    rng = np.random.default_rng(0)
    return list(resampled_counts(n, resamples, rng, rows))


def test_each_resample_draws_as_many_images_as_there_are():
    [counts] = drawn(7, resamples=100, rows=200)
    assert counts.shape == (100, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_counts_come_a_few_rows_at_once():
    counts = drawn(30, resamples=10, rows=3)
    assert [part.shape for part in counts] == [(3, 30)] * 3 + [(1, 30)]
    np.testing.assert_array_equal(np.concatenate(counts), *drawn(30, resamples=10, rows=10))


def test_counts_are_multinomial():
    resamples = 20_000
    [counts] = drawn(5, resamples, rows=resamples)
    oracle = multinomial(5, np.full(5, 0.2))
    # Means and covariances of 20,000 draws: standard errors below 0.01, and four of them.
    np.testing.assert_allclose(counts.mean(axis=0), oracle.mean(), atol=0.04)
    np.testing.assert_allclose(np.cov(counts.T), oracle.cov(), atol=0.04)


@pytest.mark.parametrize("chunk", [1, 20, 35, 10**6])
def test_chunks_change_nothing(chunk, monkeypatch):
    values = np.random.default_rng(0).normal(size=(10, 3))
    expected = resampled_means(values, resamples=9, seed=4)
    monkeypatch.setattr(ours, "CHUNK", chunk)
    # The counts are the same; the product may be added up in another order.
    np.testing.assert_allclose(resampled_means(values, resamples=9, seed=4), expected, rtol=1e-12)


def test_scores_are_taken_on_the_same_images():
    values = np.random.default_rng(0).normal(size=20)
    means = resampled_means(np.column_stack([values, -2 * values]), resamples=50)
    np.testing.assert_allclose(means[:, 1], -2 * means[:, 0], rtol=1e-12)


def test_interval_is_scipys():
    values = np.random.default_rng(1).exponential(size=200)
    low, high = percentile_interval(resampled_means(values[:, np.newaxis], 20_000, seed=3))
    oracle = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", random_state=5
    ).confidence_interval
    # An end of such an interval, of a standard error s of the mean, has itself one of about
    # s sqrt(p (1 - p) / 20,000) / density = 0.019 s; both together, four of them: 0.11 s.
    tolerance = 0.11 * values.std() / np.sqrt(200)
    assert low[0] == pytest.approx(oracle.low, abs=tolerance)
    assert high[0] == pytest.approx(oracle.high, abs=tolerance)


def test_the_seed_decides():
    values = np.random.default_rng(0).normal(size=(10, 1))
    means, again, other = (resampled_means(values, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(means, again)
    assert (means != other).any()


def test_one_image_is_drawn_every_time():
    np.testing.assert_array_equal(resampled_means([[0.25, 4.0]], 3), [[0.25, 4.0]] * 3)


def test_estimate_reads_as_value_and_interval():
    assert str(Estimate(1.5, -0.25, 2)) == "1.5000 [-0.2500, 2.0000]"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: resampled_means([1.0, 2.0]), r"values must be \[n, scores\].*shape \(2,\)"),
        (lambda: resampled_means(np.zeros((0, 2))), r"no axis of length 0.*shape \(0, 2\)"),
        (lambda: resampled_means([[1.0]], resamples=0), "resamples must be a whole number of 1 or"),
        (lambda: resampled_means([[1.0]], seed=-1), "seed must be a whole number of 0 or more"),
        (lambda: percentile_interval([1.0], confidence=95), "confidence must be between 0 and 1"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
