import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap
from sklearn.metrics import brier_score_loss, log_loss

from zoo.ensembles.measures.calibration import expected_calibration_error
from zoo.ensembles.measures.scores import (
    brier_score,
    log_losses,
    negative_log_likelihood,
    scores,
    squared_errors,
)
from zoo.errors import ArgumentError

few = settings(max_examples=50)


@st.composite
def answered(draw, least=0):
    """Draw probabilities [n, classes] from scores of at least this, and labels [n]."""
    n, classes = draw(st.integers(1, 10)), draw(st.integers(2, 4))
    drawn = draw(arrays(np.int64, (n, classes), elements=st.integers(least, 9)))
    drawn[:, 0] += drawn.sum(axis=1) == 0
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    return drawn / drawn.sum(axis=1, keepdims=True), labels


def calibrated(n, seed):
    """Three classes whose labels are drawn from the probabilities themselves."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), size=n)
    return probabilities, (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


@few
@given(answered(least=1))
def test_negative_log_likelihood_is_scikit_learns(drawn):
    probabilities, labels = drawn
    expected = log_loss(labels, probabilities, labels=range(probabilities.shape[1]))
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(expected)


@few
@given(answered())
def test_brier_score_is_its_definition(drawn):
    probabilities, labels = drawn
    expected = np.mean(
        [
            sum((p - (k == label)) ** 2 for k, p in enumerate(row))
            for row, label in zip(probabilities, labels, strict=True)
        ]
    )
    assert brier_score(probabilities, labels) == pytest.approx(expected, abs=1e-15)


def test_brier_score_of_two_classes_is_twice_scikit_learns():
    rng = np.random.default_rng(0)
    p, labels = rng.random(50), rng.integers(0, 2, 50)
    found = brier_score(np.column_stack([1 - p, p]), labels)
    assert found == pytest.approx(2 * brier_score_loss(labels, p))


def test_a_probability_of_0_costs_the_least_logarithm_of_float32():
    assert negative_log_likelihood([[0.0, 1.0]], [0]) == pytest.approx(87.3365, abs=1e-4)
    assert negative_log_likelihood(np.float32([[1e-42, 1.0]]), [0]) == pytest.approx(
        87.3365, abs=1e-4
    )
    assert negative_log_likelihood([[1e-30, 1.0]], [0]) == pytest.approx(30 * np.log(10))


def test_all_right_is_the_best_score_and_all_wrong_the_worst():
    sure = np.eye(3)
    assert (negative_log_likelihood(sure, [0, 1, 2]), brier_score(sure, [0, 1, 2])) == (0, 0)
    assert brier_score(sure, [1, 2, 0]) == 2
    result = scores(sure, [0, 1, 2], resamples=10)
    assert (result.accuracy.value, result.accuracy.low, result.accuracy.high) == (1, 1, 1)
    assert result.calibration_error.high == 0


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_values_are_those_of_the_single_functions(binning):
    probabilities, labels = calibrated(300, seed=0)
    result = scores(probabilities, labels, resamples=10, bins=7, binning=binning)
    error = expected_calibration_error(probabilities, labels, 7, binning)
    assert result.n == 300
    assert result.accuracy.value == pytest.approx(np.mean(probabilities.argmax(axis=1) == labels))
    assert result.negative_log_likelihood.value == pytest.approx(
        negative_log_likelihood(probabilities, labels)
    )
    assert result.brier.value == pytest.approx(brier_score(probabilities, labels))
    assert result.calibration_error.value == pytest.approx(error)


def test_intervals_are_scipys():
    probabilities, labels = calibrated(400, seed=1)
    result = scores(probabilities, labels, resamples=10_000, confidence=0.9)

    def error(indices):
        return expected_calibration_error(probabilities[indices], labels[indices])

    samples = {
        "accuracy": (probabilities.argmax(axis=1) == labels).astype(float),
        "negative_log_likelihood": log_losses(probabilities, labels),
        "brier": squared_errors(probabilities, labels),
        "calibration_error": np.arange(400),
    }
    for name, values in samples.items():
        statistic, draws = (error, 2000) if name == "calibration_error" else (np.mean, 10_000)
        oracle = bootstrap(
            (values,),
            statistic,
            n_resamples=draws,
            confidence_level=0.9,
            method="percentile",
            random_state=7,
        )
        # An end's standard error is about 2.1 s / sqrt(resamples): four of them.
        tolerance = 4 * 2.1 * oracle.standard_error * np.sqrt(1 / draws + 1 / 10_000)
        found = getattr(result, name)
        assert found.low == pytest.approx(oracle.confidence_interval.low, abs=tolerance), name
        assert found.high == pytest.approx(oracle.confidence_interval.high, abs=tolerance), name


def test_intervals_contain_the_true_value_at_their_confidence():
    # P(label is the best class) = E max p, and the expected Brier score is 1 - E sum p squared.
    many = np.random.default_rng(0).dirichlet(np.ones(3), size=200_000)
    accuracy, brier = many.max(axis=1).mean(), 1 - np.square(many).sum(axis=1).mean()
    held = np.zeros(2)
    for seed in range(200):
        result = scores(*calibrated(200, seed), resamples=400, confidence=0.9, seed=seed)
        held += (
            result.accuracy.low <= accuracy <= result.accuracy.high,
            (result.brier.low <= brier <= result.brier.high),
        )
    # 180 of 200 expected, with a standard error of 4.2; three of them, and one for the bias of n.
    assert (abs(held - 180) < 17).all(), held


def test_calibration_error_is_biased_upwards():
    # Perfectly calibrated, and yet above 0; resampled, higher still.
    result = scores(*calibrated(300, seed=3))
    assert result.calibration_error.low > 0
    middle = (result.calibration_error.low + result.calibration_error.high) / 2
    assert middle > result.calibration_error.value


def test_the_seed_decides():
    drawn = calibrated(50, seed=0)
    assert scores(*drawn, resamples=20, seed=1) == scores(*drawn, resamples=20, seed=1)
    assert scores(*drawn, resamples=20, seed=1) != scores(*drawn, resamples=20, seed=2)


def test_one_image_and_one_class():
    result = scores([[1.0]], [0], resamples=5)
    assert result.n == 1
    assert result.accuracy.value == 1
    assert result.negative_log_likelihood.high == 0


ROWS, LABELS = [[0.6, 0.4], [0.3, 0.7]], [0, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: negative_log_likelihood([0.5, 0.5], [0]), r"\[n, classes\].*shape \(2,\)"),
        (lambda: log_losses(ROWS, [0, -1]), "class ids from 0 to 1. Received: -1 at index 1"),
        (lambda: brier_score([[3.0, -2.0]], [0]), "Logits need a softmax"),
        (lambda: squared_errors(ROWS, [0]), "one for each of the 2 images"),
        (lambda: scores([[0.3, 0.3]], [0]), "rows that sum to 1. Received: a row that sums to 0.6"),
        (
            lambda: scores(ROWS, LABELS, resamples=0),
            "resamples must be a whole number of 1 or more",
        ),
        (lambda: scores(ROWS, LABELS, confidence=1), "confidence must be between 0 and 1"),
        (lambda: scores(ROWS, LABELS, seed=None), "seed must be a whole number of 0 or more.*None"),
        (lambda: scores(ROWS, LABELS, bins=2.5), "bins must be a whole number of 1 or more.*2.5"),
        (lambda: scores(ROWS, LABELS, binning="mas"), "\"mass\". Received: 'mas'"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
