from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.ensembles.significance import PairedTest, mcnemar
from zoo.errors import ArgumentError


def paired(both, only_first, only_second, neither=0):
    """Make labels and two classifiers' answers with these counts."""
    counts = [both, only_first, only_second, neither]
    labels = np.zeros(sum(counts), int)
    return labels, np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)


def exact_p_value(b, c):
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1))
    return min(1.0, 2 * tail / 2 ** (b + c))


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(0, 60), st.integers(0, 60))
def test_p_value_is_the_two_sided_binomial_sum(both, b, c):
    test = mcnemar(*paired(both, b, c, neither=1))
    assert (test.n, test.only_first, test.only_second) == (both + b + c + 1, b, c)
    assert test.difference == (b - c) / test.n
    assert test.p_value == pytest.approx(exact_p_value(b, c), rel=1e-12)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_swapping_the_classifiers_changes_the_sign_only(b, c):
    labels, first, second = paired(1, b, c)
    one, other = mcnemar(labels, first, second), mcnemar(labels, second, first)
    assert one.difference == -other.difference
    assert (one.only_first, one.only_second) == (other.only_second, other.only_first)
    assert one.p_value == other.p_value


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
        (([0, 1], [0, 1], [0]), r"second must be .* of one length.*shape \(1,\)"),
        (([0, 1], [[0, 1]], [0, 1]), r"first must be class ids.*shape \(1, 2\)"),
        (([0, 1], [0, 1], [0.2, 0.8]), "second must be class ids, integers.*float64"),
        (([], [], []), "1 or more"),
    ],
)
def test_errors_say_what_was_expected_and_received(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        mcnemar(*arguments)
