import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.calibration import calibration_curve

from zoo.ensembles.measures.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    apply_temperature,
    binned,
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
)
from zoo.ensembles.measures.scores import negative_log_likelihood
from zoo.errors import ArgumentError
from zoo.metrics import accuracy_interval

few = settings(max_examples=50)

BINNINGS = ["width", "mass"]


@st.composite
def answered(draw):
    """Draw probabilities [n, classes], with ties and zeros among them, and labels [n]."""
    n, classes = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    scores = draw(arrays(np.int64, (n, classes), elements=st.integers(0, 9)))
    scores[:, 0] += scores.sum(axis=1) == 0
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    return scores / scores.sum(axis=1, keepdims=True), labels


def continuous(n, classes, seed=0, temperature=1.0):
    """Probabilities without ties, and labels drawn from what they are at this temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(n, classes))
    labels = (softmax(logits / temperature, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(logits, axis=1), np.minimum(labels, classes - 1)


@few
@given(answered(), st.integers(1, 20))
def test_error_is_its_definition_bin_by_bin(drawn, bins):
    probabilities, labels = drawn
    confidence, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    expected = 0.0
    for each in range(bins):
        inside = (confidence > each / bins) & (confidence <= (each + 1) / bins)
        if inside.any():
            accuracy = np.mean(answers[inside] == labels[inside])
            expected += inside.mean() * abs(accuracy - confidence[inside].mean())
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(expected)


@pytest.mark.parametrize("bins", [1, 4, 10])
def test_bins_of_equal_mass_are_equal_parts_of_the_sorted_images(bins):
    probabilities, labels = continuous(40, 3)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    parts = np.array_split(np.argsort(confidence), bins)
    expected = sum(
        len(part) / 40 * abs(correct[part].mean() - confidence[part].mean()) for part in parts
    )
    found = expected_calibration_error(probabilities, labels, bins, "mass")
    assert found == pytest.approx(expected)


@few
@given(st.integers(1, 50), st.integers(1, 60))
def test_bins_of_equal_mass_differ_by_one_image_at_most(n, bins):
    probabilities, labels = continuous(n, 3)
    bin_of, confidence, _ = binned(probabilities, labels, bins, "mass")
    sizes = np.bincount(bin_of, minlength=bins)
    assert len(sizes) == bins
    assert np.ptp(sizes) <= 1
    assert (np.diff(bin_of[np.argsort(confidence)]) >= 0).all()


@pytest.mark.parametrize("binning", BINNINGS)
@few
@given(drawn=answered(), random=st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(binning, drawn, random):
    probabilities, labels = drawn
    order = random.sample(range(len(labels)), len(labels))
    error = expected_calibration_error(probabilities, labels, 5, binning)
    shuffled = expected_calibration_error(probabilities[order], labels[order], 5, binning)
    assert error == pytest.approx(shuffled, abs=1e-12)


@pytest.mark.parametrize("binning", BINNINGS)
@few
@given(drawn=answered(), bins=st.integers(1, 20))
def test_curve_holds_every_image_once_and_gives_the_error(binning, drawn, bins):
    probabilities, labels = drawn
    curve = reliability_curve(probabilities, labels, bins, binning)
    assert curve.count.sum() == len(labels)
    assert (curve.count > 0).all()
    assert (np.diff(curve.confidence) > 0).all()
    error = expected_calibration_error(probabilities, labels, bins, binning)
    assert curve.error == pytest.approx(error, abs=1e-12)
    for right, count, low, high in zip(
        curve.accuracy * curve.count, curve.count, curve.low, curve.high, strict=True
    ):
        assert (low, high) == accuracy_interval(round(right), count)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_curve_is_scikit_learns(binning, strategy):
    probabilities, labels = continuous(1000, 4)
    correct = probabilities.argmax(axis=1) == labels
    curve = reliability_curve(probabilities, labels, 10, binning)
    accuracy, confidence = calibration_curve(
        correct, probabilities.max(axis=1), n_bins=10, strategy=strategy
    )
    np.testing.assert_allclose(curve.accuracy, accuracy)
    np.testing.assert_allclose(curve.confidence, confidence)


@pytest.mark.parametrize("binning", BINNINGS)
def test_sure_and_right_is_perfect_and_sure_and_wrong_the_worst(binning):
    sure = np.eye(3)
    assert expected_calibration_error(sure, [0, 1, 2], binning=binning) == 0
    assert expected_calibration_error(sure, [1, 2, 0], binning=binning) == 1


def test_a_confidence_on_the_border_belongs_to_the_bin_that_it_ends():
    bin_of, *_ = binned([[0.5, 0.5], [0.75, 0.25], [1, 0]], [0, 0, 0], 4, "width")
    assert bin_of.tolist() == [1, 2, 3]


@few
@given(answered())
def test_fitted_temperature_is_the_best_of_all(drawn):
    probabilities, labels = drawn
    fitted = fit_temperature(probabilities, labels)
    assert LOWEST_TEMPERATURE <= fitted <= HIGHEST_TEMPERATURE

    def loss(log_temperature):
        scaled = apply_temperature(probabilities, np.exp(log_temperature))
        return negative_log_likelihood(scaled, labels)

    bounds = np.log([LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE])
    oracle = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    assert loss(np.log(fitted)) <= oracle.fun + 1e-7


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_fitted_temperature_is_that_of_the_labels(temperature):
    probabilities, labels = continuous(20_000, 5, temperature=temperature)
    # 1 / T has a standard error of about 1 %, and so has T.
    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.04)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_flatter_probabilities_want_a_lower_temperature(factor):
    probabilities, labels = continuous(500, 4, temperature=1.5)
    flatter = apply_temperature(probabilities, factor)
    expected = fit_temperature(probabilities, labels) / factor
    assert fit_temperature(flatter, labels) == pytest.approx(expected, rel=1e-6)


def test_temperature_of_answers_that_are_all_right_or_all_wrong_is_at_an_end():
    rows = [[0.6, 0.4], [0.3, 0.7], [1.0, 0.0]]
    assert fit_temperature(rows, [0, 1, 0]) == LOWEST_TEMPERATURE
    assert fit_temperature(rows, [1, 0, 1]) == HIGHEST_TEMPERATURE
    assert fit_temperature(np.eye(3), [0, 1, 2]) == LOWEST_TEMPERATURE


def test_temperature_of_rows_that_it_does_not_change_is_1():
    assert fit_temperature([[0.25] * 4, [0.25] * 4], [0, 3]) == 1
    assert fit_temperature([[1.0], [1.0]], [0, 0]) == 1


@few
@given(answered(), st.floats(0.01, 100))
def test_temperature_keeps_the_order_of_the_classes(drawn, temperature):
    probabilities, _ = drawn
    scaled = apply_temperature(probabilities, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    order = np.argsort(probabilities, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(scaled, order, axis=1), axis=1) >= 0).all()


@few
@given(answered())
def test_temperature_1_changes_nothing(drawn):
    probabilities, _ = drawn
    np.testing.assert_allclose(apply_temperature(probabilities, 1), probabilities, atol=1e-15)


def test_extreme_temperatures_leave_the_best_class_or_none():
    np.testing.assert_array_equal(apply_temperature([[0.6, 0.4]], 5e-324), [[1, 0]])
    np.testing.assert_array_equal(apply_temperature([[0.6, 0.4]], 1e300), [[0.5, 0.5]])


ROWS, LABELS = [[0.6, 0.4], [0.3, 0.7]], [0, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_calibration_error([ROWS], LABELS), r"\[n, classes\].*shape \(1, 2, 2\)"),
        (lambda: expected_calibration_error(ROWS, [0, 2]), "class ids from 0 to 1. Received: 2"),
        (
            lambda: expected_calibration_error(ROWS, LABELS, bins=0),
            "bins must be a whole number of 1",
        ),
        (
            lambda: expected_calibration_error(ROWS, LABELS, binning="equal"),
            'binning must be "width" or "mass". Received: \'equal\'',
        ),
        (lambda: reliability_curve(ROWS, [0]), "one for each of the 2 images"),
        (lambda: reliability_curve(np.zeros((0, 2)), []), "no axis of length 0"),
        (lambda: fit_temperature([[2.0, -1.0]], [0]), "Logits need a softmax"),
        (lambda: fit_temperature(ROWS, [0.0, 1.0]), "labels must be class ids, integers"),
        (lambda: apply_temperature(ROWS, 0), "temperature must be above 0 and finite. Received: 0"),
        (lambda: apply_temperature(ROWS, np.nan), "above 0 and finite. Received: nan"),
        (lambda: apply_temperature(ROWS, np.inf), "above 0 and finite. Received: inf"),
        (lambda: apply_temperature([0.5, 0.5], 1), r"\[n, classes\].*shape \(2,\)"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
