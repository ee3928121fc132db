from math import comb, inf, isinf, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, bootstrap, chi2

from zoo.ensembles.measures import significance
from zoo.ensembles.measures.scores import log_losses
from zoo.ensembles.measures.significance import (
    PairedTest,
    cochran_q,
    holm,
    mcnemar,
    paired_bootstrap,
    required_test_size,
)
from zoo.errors import ArgumentError

few = settings(max_examples=50)


def paired(both, only_first, only_second, neither=0):
    """Make labels and two classifiers' answers with these counts."""
    counts = [both, only_first, only_second, neither]
    labels = np.zeros(sum(counts), int)
    return labels, np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)


def exact_p_value(b, c):
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1))
    return min(1.0, 2 * tail / 2 ** (b + c))


@few
@given(st.integers(0, 3), st.integers(0, 60), st.integers(0, 60))
def test_p_value_is_the_two_sided_binomial_sum(both, b, c):
    test = mcnemar(*paired(both, b, c, neither=1))
    assert (test.n, test.only_first, test.only_second) == (both + b + c + 1, b, c)
    assert test.difference == (b - c) / test.n
    assert test.p_value == pytest.approx(exact_p_value(b, c), rel=1e-12)


@few
@given(st.integers(0, 40), st.integers(0, 40))
def test_swapping_the_classifiers_changes_the_sign_only(b, c):
    labels, first, second = paired(1, b, c)
    test, swapped = mcnemar(labels, first, second), mcnemar(labels, second, first)
    assert test.difference == -swapped.difference
    assert (test.only_first, test.only_second) == (swapped.only_second, swapped.only_first)
    assert test.p_value == swapped.p_value


def test_difference_is_that_of_the_accuracies():
    rng = np.random.default_rng(0)
    labels, first, second = rng.integers(0, 3, (3, 200))
    expected = (first == labels).mean() - (second == labels).mean()
    assert mcnemar(labels, first, second).difference == pytest.approx(expected)


def test_images_both_get_wrong_in_different_ways_say_nothing():
    test = mcnemar([0, 0], [1, 2], [2, 1])
    assert (test.only_first, test.only_second, test.p_value) == (0, 0, 1.0)


CHANCE = "; a difference this large would come by chance in "


@pytest.mark.parametrize(
    ("difference", "p_value", "sentence"),
    [
        # direction
        (0.012, 0.31, "better by 1.2 points" + CHANCE + "31 of 100 test sets"),
        (-0.012, 0.31, "worse by 1.2 points" + CHANCE + "31 of 100 test sets"),
        # amount: always points, never 0.0
        (0.01, 0.31, "better by 1.0 points" + CHANCE + "31 of 100 test sets"),
        (-0.0004, 0.9, "worse by less than 0.1 points" + CHANCE + "90 of 100 test sets"),
        # chance: from nearly always to hardly ever
        (0.002, 1.0, "better by 0.2 points" + CHANCE + "nearly every test set"),
        (0.002, 0.995, "better by 0.2 points" + CHANCE + "nearly every test set"),
        (0.002, 0.994, "better by 0.2 points" + CHANCE + "99 of 100 test sets"),
        (0.03, 0.01, "better by 3.0 points" + CHANCE + "1 of 100 test sets"),
        (0.04, 0.0034, "better by 4.0 points" + CHANCE + "3 of 1,000 test sets"),
        (0.05, 0.0002, "better by 5.0 points" + CHANCE + "2 of 10,000 test sets"),
        (0.06, 0.00009, "better by 6.0 points" + CHANCE + "fewer than 1 of 10,000 test sets"),
        (0.06, 0.0, "better by 6.0 points" + CHANCE + "fewer than 1 of 10,000 test sets"),
        # neither
        (0.0, 1.0, "no better and no worse: the same accuracy"),
    ],
)
def test_sentence(difference, p_value, sentence):
    first, second = max(0, round(10_000 * difference)), max(0, round(-10_000 * difference))
    assert PairedTest(10_000, first, second, difference, p_value).sentence() == sentence


def test_sentence_of_classifiers_that_err_equally_often_on_different_images():
    assert mcnemar(*paired(5, 3, 3)).sentence() == "no better and no worse: the same accuracy"


@pytest.mark.parametrize(
    ("only_first", "only_second", "beyond"),
    [
        (5, 0, False),  # p = 2 / 32
        (6, 0, True),  # p = 2 / 64
        (0, 6, True),
        (0, 0, False),
    ],
)
def test_beyond_chance_is_a_p_value_below_5_percent(only_first, only_second, beyond):
    assert mcnemar(*paired(1, only_first, only_second)).beyond_chance is beyond


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1], [0]), "same length. Received: .*second of length 1"),
        (([0, 1], [[0, 1]], [0, 1]), r"first must be class ids.*shape \(1, 2\)"),
        (([0, 1], [0, 1], [0.2, 0.8]), "second must be class ids, integers.*float64"),
        (([], [], []), "1 or more"),
    ],
)
def test_errors_say_what_was_expected_and_received(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        mcnemar(*arguments)


@few
@given(
    arrays(np.int64, st.tuples(st.integers(2, 6), st.integers(1, 30)), elements=st.integers(0, 2))
)
def test_cochrans_q_is_the_spread_of_the_members_over_its_expectation(votes):
    correct = votes == 0
    assume((correct != correct[0]).any())  # else 0 / 0
    test = cochran_q(np.zeros(votes.shape[1], int), votes)
    k = len(votes)
    totals, rights = correct.sum(axis=1), correct.sum(axis=0)
    # Cochran (1950): squared deviations of the totals, over their variance under random order.
    expected = np.square(totals - totals.mean()).sum() / (rights * (k - rights) / k).sum() * (k - 1)
    assert (test.members, test.n) == votes.shape
    assert test.statistic == pytest.approx(expected, abs=1e-12)
    assert test.p_value == pytest.approx(chi2.sf(expected, k - 1), rel=1e-9)


@pytest.mark.parametrize(("b", "c"), [(10, 3), (5, 5), (0, 7)])
def test_cochrans_q_of_two_is_mcnemars_chi_squared(b, c):
    labels, first, second = paired(4, b, c, 2)
    test = cochran_q(labels, [first, second])
    assert test.statistic == pytest.approx((b - c) ** 2 / (b + c))
    assert test.p_value == pytest.approx(chi2.sf((b - c) ** 2 / (b + c), 1))


@pytest.mark.parametrize("votes", [[[0, 0], [0, 0]], [[1, 1], [2, 3]], [[0, 1], [0, 2]]])
def test_members_right_and_wrong_together_are_no_different(votes):
    test = cochran_q([0, 0], votes)
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_cochrans_q_of_many_images_is_exact():
    labels = np.zeros(300_000, int)
    votes = np.zeros((10, 300_000), int)
    votes[0, 0] = votes[1, 1] = 1
    # k = 10: two images of 9 right, c = (n - 1) twice and n eight times.
    assert cochran_q(labels, votes).statistic == pytest.approx(9 * (10 * 2 - 4) / 18, rel=1e-14)


def test_paired_bootstrap_is_scipys():
    rng = np.random.default_rng(0)
    first = rng.normal(size=300)
    second = first + rng.normal(loc=0.1, scale=0.2, size=300)
    found = paired_bootstrap(first, second, resamples=20_000, confidence=0.9, seed=1)
    oracle = bootstrap(
        (first, second),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        confidence_level=0.9,
        method="percentile",
        batch=1000,
        random_state=2,
    )
    assert found.value == pytest.approx(first.mean() - second.mean())
    # An end's standard error is about 2.1 s / sqrt(resamples): four of them, for both.
    tolerance = 4 * 2.1 * oracle.standard_error * sqrt(2 / 20_000)
    assert found.low == pytest.approx(oracle.confidence_interval.low, abs=tolerance)
    assert found.high == pytest.approx(oracle.confidence_interval.high, abs=tolerance)


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    first = rng.normal(size=300)
    second = first + rng.normal(scale=0.1, size=300)
    paired, apart = (
        paired_bootstrap(first, second),
        paired_bootstrap(first, rng.permutation(second)),
    )
    assert 5 * (paired.high - paired.low) < apart.high - apart.low


def test_paired_bootstrap_takes_accuracy_and_log_loss():
    labels, first, second = paired(50, 12, 4, 10)
    accuracy = paired_bootstrap(first == labels, second == labels)
    assert accuracy.value == mcnemar(labels, first, second).difference
    assert accuracy.low < accuracy.value < accuracy.high
    rows = np.random.default_rng(0).dirichlet(np.ones(2), size=len(labels))
    same = paired_bootstrap(log_losses(rows, labels), log_losses(rows, labels))
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_paired_bootstrap_of_the_swapped_pair_is_its_negative():
    first, second = np.random.default_rng(0).normal(size=(2, 40))
    found, swapped = paired_bootstrap(first, second), paired_bootstrap(second, first)
    expected = -swapped.value, -swapped.high, -swapped.low
    assert (found.value, found.low, found.high) == pytest.approx(expected)


P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.05]), min_size=1, max_size=8)


@few
@given(P_VALUES)
def test_holm_is_its_definition(p_values):
    rising = sorted(p_values)
    k = len(rising)
    stepped = [min(1, (k - j) * p_value) for j, p_value in enumerate(rising)]
    expected = [max(stepped[: rising.index(p_value) + 1]) for p_value in p_values]
    # Of equal p-values, the first has the largest factor.
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-12)


@few
@given(P_VALUES, st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level):
    rejected = set()
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected.add(index)
    assert set(np.flatnonzero(holm(p_values) <= level)) == rejected


def test_holm_of_a_known_example():
    # As by statsmodels 0.15, multipletests(method="holm").
    found = holm([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02], rtol=1e-12)


def test_the_earlier_name_of_the_required_test_size_is_known():
    assert significance.images_to_tell is required_test_size


def exact_power(b, c, n, rejects):
    """Sum the probabilities of all outcomes that a test rejects."""
    power = 0.0
    for discordant in range(1, n + 1):
        weight = binom.pmf(discordant, n, b + c)
        if weight > 1e-12:
            first = np.arange(discordant + 1)
            chance = binom.pmf(first, discordant, b / (b + c))
            power += weight * chance[rejects(first, discordant)].sum()
    return power


def by_the_normal_distribution(first, discordant):
    return abs(2 * first - discordant) > 1.959964 * np.sqrt(discordant)


def by_the_exact_test(first, discordant):
    return 2 * binom.cdf(np.minimum(first, discordant - first), discordant, 0.5) < 0.05


RATES = [(0.05, 0.03), (0.1, 0.05), (0.03, 0.06), (0.2, 0.1)]


@pytest.mark.parametrize(("b", "c"), RATES)
def test_the_required_size_finds_the_difference_four_times_in_five(b, c):
    rng = np.random.default_rng(0)
    n, repeats = int(required_test_size(b, c)), 20_000
    first, second, _ = rng.multinomial(n, [b, c, 1 - b - c], size=repeats).T
    found = by_the_normal_distribution(first, first + second)
    # Four standard errors of the simulation, and 1 point that the discrete counts are off the
    # normal distribution: the exact powers here are from 80.4 to 81.0 %.
    assert found.mean() == pytest.approx(0.8, abs=4 * sqrt(0.16 / repeats) + 0.01)
    assert exact_power(b, c, n, by_the_normal_distribution) == pytest.approx(0.805, abs=0.006)


@pytest.mark.parametrize(("b", "c"), RATES)
def test_the_exact_test_needs_a_few_images_more(b, c):
    n = required_test_size(b, c)
    assert 0.76 < exact_power(b, c, int(n), by_the_exact_test) < 0.8
    assert exact_power(b, c, int(n + 1 / abs(b - c)), by_the_exact_test) > 0.79


@few
@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_required_test_size_falls_with_the_difference(b, c):
    assert required_test_size(b, c) == required_test_size(c, b)
    assert isinf(required_test_size(b, b))
    if abs(b - c) > 1e-6:
        assert required_test_size(b, c) >= 1
        assert required_test_size(b, c, power=0.9) >= required_test_size(b, c)
        assert required_test_size(b, c, level=0.01) >= required_test_size(b, c)


def test_required_test_size_at_the_extremes():
    assert required_test_size(0, 0) == inf
    assert required_test_size(1, 0) == 4  # 1.96 squared, rounded up
    assert required_test_size(0.7 + 0.1 + 0.2, 0) == 4  # a sum of 1 to rounding


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cochran_q([0, 1], [[0, 1]]), "2 classifiers or more. Received: 1 classifier"),
        (lambda: cochran_q([0], [[0, 1], [0, 1]]), "one for each of the 2 images"),
        (lambda: cochran_q([0, 1], [0, 1]), r"votes must be integers \[members, n\]"),
        (lambda: cochran_q([], np.zeros((2, 0), int)), "one image or more"),
        (lambda: paired_bootstrap([1.0], [1.0, 2.0]), "same images. Received: 1 and 2 scores"),
        (lambda: paired_bootstrap([], []), r"first must be numbers \[n\], 1 or more"),
        (lambda: paired_bootstrap([1.0], [np.nan]), "second must be finite. Received: nan at"),
        (lambda: paired_bootstrap([1], [0], confidence=0), "confidence must be between 0 and 1"),
        (lambda: paired_bootstrap([1], [0], resamples=0.5), "resamples must be a whole number"),
        (lambda: paired_bootstrap([1], [0], seed=-3), "seed must be a whole number of 0 or more"),
        (lambda: holm([0.2, 1.2]), r"from 0 to 1. Received: \[0.2, 1.2\]"),
        (lambda: holm([]), "1 or more"),
        (lambda: holm([0.1, np.nan]), "p_values must be finite. Received: nan at index 1"),
        (lambda: required_test_size(0.7, 0.4), "sum of 1 at most. Received: 0.7 and 0.4"),
        (lambda: required_test_size(-0.1, 0.4), "must be fractions.*Received: -0.1 and 0.4"),
        (lambda: required_test_size(np.nan, 0.4), "must be fractions.*Received: nan"),
        (
            lambda: required_test_size(0.1, 0.2, power=1),
            "power must be between 0 and 1. Received: 1",
        ),
        (
            lambda: required_test_size(0.1, 0.2, level=5),
            "level must be between 0 and 1. Received: 5",
        ),
        (lambda: required_test_size(0.1, 0.2, power=0.01), "power must be greater than level"),
    ],
)
def test_errors_of_the_other_tests_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
