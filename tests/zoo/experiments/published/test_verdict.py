import math

import numpy as np
import pytest

from zoo.experiments.published.verdict import judge


@pytest.mark.parametrize(
    ("accuracies", "n", "published", "m", "word"),
    [
        ([0.457], 2505, (0.305, 0.315), None, "above"),
        ([0.25], 2505, (0.305, 0.315), None, "below"),
        ([0.445], 2505, (0.455, 0.465), None, "consistent"),
        ([0.90], 10_000, (0.915, 0.925), None, "below"),
        ([0.90], 100, (0.85, 0.86), None, "cannot tell (n = 100; "),
        ([0.457], 2505, (0.305, 0.315), 20, "cannot tell (n = 2,505; "),
        ([0.85, 0.75], 5000, (0.835, 0.845), None, "cannot tell (n = 5,000; more seeds would)"),
        ([1.0], 30, (0.99, 1.0), None, "cannot tell"),
        ([1.0], 500, (0.99, 1.0), None, "consistent"),
        ([1.0], 50, (0.3, 0.4), None, "above"),
    ],
)
def test_the_word_follows_from_the_interval_of_the_difference(accuracies, n, published, m, word):
    assert str(judge(accuracies, n, published, m, 0.05)).startswith(word)


def test_a_value_within_the_rounding_of_the_report_differs_by_nothing():
    assert judge([0.4648], 2505, (0.455, 0.465), None, 0.05).difference == 0


def test_the_interval_is_that_of_two_independent_samples():
    verdict = judge([0.5], 1000, (0.45, 0.45), 1000, 0.05)
    assert verdict.half_width == pytest.approx(1.96 * math.sqrt(0.475 * 0.525 * 2 / 1000), rel=1e-3)


def test_as_many_images_as_it_says_would_tell():
    here, report = 0.50, 0.46
    verdict = judge([here], 500, (report, report), None, 0.05)
    assert verdict.word == "cannot tell"
    rng = np.random.default_rng(0)
    drawn = rng.binomial(verdict.images, [[here], [report]], (2, 1000)) / verdict.images
    told = [
        judge([a], verdict.images, (b, b), None, 0.05).word != "cannot tell" for a, b in drawn.T
    ]
    assert np.mean(told) >= 0.75


def test_equal_networks_are_called_different_in_5_of_100_test_sets():
    rng = np.random.default_rng(0)
    pairs = rng.binomial(1000, 0.6, (2000, 2)) / 1000
    words = [judge([a], 1000, (b, b), None, 0.05).word for a, b in pairs]
    assert np.mean([word in ("above", "below") for word in words]) == pytest.approx(0.05, abs=0.015)
