from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap, entropy
from sklearn.metrics import roc_auc_score

from zoo.ensembles.measures import uncertainty
from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval, resampled_counts
from zoo.ensembles.measures.uncertainty import (
    accuracy_at_coverage,
    detection_auroc,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    risk_coverage,
    risk_coverage_area,
)
from zoo.errors import ArgumentError

few = settings(max_examples=50)


@st.composite
def committees(draw):
    """Draw probabilities [members, n, classes] with zeros among them."""
    members, n, classes = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    scores = draw(arrays(np.int64, (members, n, classes), elements=st.integers(0, 9)))
    scores[..., 0] += scores.sum(axis=2) == 0
    return scores / scores.sum(axis=2, keepdims=True)


@st.composite
def answers(draw, most=20):
    """Draw confidence [n], with ties among it, and correct [n]."""
    n = draw(st.integers(1, most))
    return draw(arrays(float, n, elements=st.integers(0, 4))), draw(arrays(bool, n))


@few
@given(committees())
def test_entropies_are_scipys(probabilities):
    expected = entropy(probabilities.mean(axis=0), axis=1)
    np.testing.assert_allclose(predictive_entropy(probabilities), expected, atol=1e-14)
    expected = entropy(probabilities, axis=2).mean(axis=0)
    np.testing.assert_allclose(expected_entropy(probabilities), expected, atol=1e-14)


@few
@given(committees())
def test_mutual_information_is_the_mean_divergence_from_the_mean(probabilities):
    mean = np.broadcast_to(probabilities.mean(axis=0), probabilities.shape)
    expected = entropy(probabilities, mean, axis=2).mean(axis=0)
    np.testing.assert_allclose(mutual_information(probabilities), expected, atol=1e-14)


@few
@given(committees(), st.data())
def test_a_weight_of_k_counts_as_k_equal_members(probabilities, data):
    counts = data.draw(arrays(np.int64, len(probabilities), elements=st.integers(0, 3)))
    counts[0] += counts.sum() == 0
    repeated = probabilities.repeat(counts, axis=0)
    for measure in (predictive_entropy, expected_entropy, mutual_information):
        found = measure(probabilities, counts)
        np.testing.assert_allclose(found, measure(repeated), atol=1e-14)


@few
@given(committees())
def test_uncertainty_is_within_its_bounds(probabilities):
    members, _, classes = probabilities.shape
    rounding = 1e-14
    for measure in (predictive_entropy, expected_entropy):
        assert (measure(probabilities) >= 0).all()
        assert (measure(probabilities) <= np.log(classes) + rounding).all()
    assert (mutual_information(probabilities) >= 0).all()
    most = np.log(min(members, classes))
    assert (mutual_information(probabilities) <= most + rounding).all()


def test_members_that_agree_have_no_mutual_information():
    probabilities = np.tile([[0.3, 0.7], [1.0, 0.0]], (3, 1, 1))
    np.testing.assert_allclose(mutual_information(probabilities), 0, atol=1e-15)
    np.testing.assert_allclose(predictive_entropy(probabilities), [0.6109, 0], atol=1e-4)


def test_members_sure_of_different_classes_have_only_mutual_information():
    probabilities = np.eye(3)[:, np.newaxis]
    assert expected_entropy(probabilities) == [0]
    assert mutual_information(probabilities) == predictive_entropy(probabilities)
    assert mutual_information(probabilities) == pytest.approx([np.log(3)])


def test_float32_is_added_up_in_float64():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), (3, 5)).astype(np.float32)
    for measure in (predictive_entropy, expected_entropy, mutual_information):
        found = measure(probabilities)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, measure(probabilities.astype(np.float64)))


@settings(max_examples=30)
@given(answers(most=6))
def test_curve_is_the_mean_over_all_orders_of_equals(drawn):
    confidence, correct = drawn
    curves = []
    for order in permutations(range(len(correct))):
        if (np.diff(confidence[list(order)]) <= 0).all():
            wrong = ~correct[list(order)]
            curves.append([wrong[: k + 1].mean() for k in range(len(wrong))])
    curve = risk_coverage(confidence, correct)
    np.testing.assert_allclose(curve.risk, np.mean(curves, axis=0))
    assert curve.area == pytest.approx(np.mean(curves))
    np.testing.assert_allclose(curve.coverage * len(correct), np.arange(1, len(correct) + 1))


@few
@given(answers(), st.randoms(use_true_random=False))
def test_order_of_the_images_does_not_matter(drawn, random):
    confidence, correct = drawn
    order = random.sample(range(len(correct)), len(correct))
    curve, shuffled = (
        risk_coverage(confidence, correct),
        risk_coverage(confidence[order], correct[order]),
    )
    np.testing.assert_allclose(curve.risk, shuffled.risk, atol=1e-15)


@few
@given(answers())
def test_only_the_order_of_confidence_matters(drawn):
    confidence, correct = drawn
    curve, scaled = risk_coverage(confidence, correct), risk_coverage(np.exp(confidence), correct)
    np.testing.assert_array_equal(curve.risk, scaled.risk)


@few
@given(answers())
def test_answering_all_has_the_risk_of_all(drawn):
    confidence, correct = drawn
    assert risk_coverage(confidence, correct).risk[-1] == pytest.approx(np.mean(~correct))
    assert accuracy_at_coverage(confidence, correct, [1.0]) == pytest.approx([correct.mean()])


def test_all_right_and_all_wrong():
    confidence = [0.1, 0.5, 0.3]
    assert risk_coverage(confidence, [True] * 3).area == 0
    assert risk_coverage(confidence, [False] * 3).area == 1


def test_equal_confidence_orders_nothing():
    curve = risk_coverage(np.ones(8), np.arange(8) < 6)
    np.testing.assert_allclose(curve.risk, 0.25)
    assert curve.area == pytest.approx(0.25)


def test_coverage_is_reached_and_not_passed():
    confidence, correct = -np.arange(100.0), np.arange(100) < 7
    found = accuracy_at_coverage(confidence, correct, [0.07, 0.08, 0.075, 1e-9, 1])
    np.testing.assert_allclose(found, [1, 7 / 8, 7 / 8, 1, 0.07])


@few
@given(
    arrays(float, st.integers(1, 12), elements=st.integers(0, 5)),
    arrays(float, st.integers(1, 12), elements=st.integers(0, 5)),
)
def test_auroc_is_how_often_the_other_has_the_higher_score(here, elsewhere):
    higher = (elsewhere[:, np.newaxis] > here).mean()
    equal = (elsewhere[:, np.newaxis] == here).mean()
    found = detection_auroc(here, elsewhere, resamples=20)
    assert found.value == pytest.approx(higher + equal / 2)
    assert 0 <= found.low <= found.high <= 1
    mirrored = detection_auroc(-here, -elsewhere, resamples=1)
    assert mirrored.value == pytest.approx(1 - found.value)


def test_resampled_auroc_is_scikit_learns_on_the_same_images(monkeypatch):
    rng = np.random.default_rng(0)
    here, elsewhere = rng.integers(0, 6, 15), rng.integers(2, 9, 10)
    drawn = []

    def spy(n, *rest):
        for counts in resampled_counts(n, *rest):
            drawn.append(counts)
            yield counts

    resampled_counts = uncertainty.resampled_counts
    monkeypatch.setattr(uncertainty, "resampled_counts", spy)
    monkeypatch.setattr(uncertainty, "CHUNK", 3 * 25)  # three resamples at once
    found = uncertainty._resampled_auroc(here.astype(float), elsewhere.astype(float), 7, seed=0)
    # The scores from here come sorted.
    scores = np.concatenate([np.sort(here), elsewhere])
    weights = np.hstack([np.concatenate(drawn[::2]), np.concatenate(drawn[1::2])])
    expected = [
        roc_auc_score(np.arange(25) >= 15, scores, sample_weight=weight) for weight in weights
    ]
    np.testing.assert_allclose(found, expected)


def test_interval_of_the_auroc_is_scipys():
    rng = np.random.default_rng(0)
    here, elsewhere = rng.normal(size=80), rng.normal(loc=0.7, size=60)
    found = detection_auroc(here, elsewhere, resamples=10_000, confidence=0.9)
    oracle = bootstrap(
        (here, elsewhere),
        lambda x, y: (y[:, np.newaxis] > x).mean() + (y[:, np.newaxis] == x).mean() / 2,
        vectorized=False,
        n_resamples=2000,
        confidence_level=0.9,
        method="percentile",
        random_state=1,
    )
    # An end's standard error is about 2.1 s / sqrt(resamples): four of them.
    tolerance = 4 * 2.1 * oracle.standard_error * np.sqrt(1 / 2000 + 1 / 10_000)
    assert found.low == pytest.approx(oracle.confidence_interval.low, abs=tolerance)
    assert found.high == pytest.approx(oracle.confidence_interval.high, abs=tolerance)


def test_the_seed_decides():
    here, elsewhere = np.random.default_rng(0).normal(size=(2, 30))
    area, again, other = (detection_auroc(here, elsewhere, 50, seed=seed) for seed in (1, 1, 2))
    assert area == again != other


def test_scores_that_do_not_overlap_have_an_area_of_1():
    found = detection_auroc([0.1, 0.2], [0.3])
    assert (found.value, found.low, found.high) == (1, 1, 1)


ROWS = [[[0.6, 0.4]]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: predictive_entropy(ROWS[0]), r"\[members, n, classes\].*shape \(1, 2\)"),
        (lambda: expected_entropy([[[2.0, -1.0]]]), "Logits need a softmax"),
        (lambda: mutual_information([[[0.2, 0.2]]]), "rows that sum to 1"),
        (lambda: risk_coverage([[0.5]], [True]), r"confidence must be numbers \[n\]"),
        (lambda: risk_coverage([np.nan], [True]), "confidence must be finite"),
        (lambda: risk_coverage([0.5], [1]), r"correct must be bool \[n\].*int64 of shape \(1,\)"),
        (lambda: risk_coverage([0.5], [True, False]), "each of the 1 images.*bool of shape"),
        (lambda: accuracy_at_coverage([], [], [1]), "confidence must be .* 1 or more"),
        (lambda: accuracy_at_coverage([1], [True], [0, 1]), r"up to 1. Received: \[0.0, 1.0\]"),
        (lambda: accuracy_at_coverage([1], [True], [90]), r"up to 1. Received: \[90.0\]"),
        (lambda: accuracy_at_coverage([1], [True], 0.5), r"coverages must be numbers \[n\]"),
        (lambda: detection_auroc([], [1.0]), r"here must be numbers \[n\], 1 or more"),
        (lambda: detection_auroc([1.0], [np.inf]), "elsewhere must be finite. Received: inf"),
        (lambda: detection_auroc([1], [1], resamples=0), "resamples must be a whole number of 1"),
        (lambda: detection_auroc([1], [1], confidence=2), "confidence must be between 0 and 1"),
        (lambda: detection_auroc([1], [1], seed=0.5), "seed must be a whole number of 0 or more"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_risk_coverage_area_is_that_of_each_resample():
    rng = np.random.default_rng(0)
    confidence = rng.integers(1, 6, 40) / 5  # with ties
    correct = rng.random(40) < confidence
    area = risk_coverage_area(confidence, correct, resamples=50, seed=3)
    counts = next(resampled_counts(40, 50, np.random.default_rng(3), rows=50)).astype(int)
    order = np.argsort(-confidence, kind="stable")
    areas = [
        risk_coverage(np.repeat(confidence[order], drawn), np.repeat(correct[order], drawn)).area
        for drawn in counts
    ]
    assert area.value == risk_coverage(confidence, correct).area
    np.testing.assert_allclose([area.low, area.high], percentile_interval(areas))


def test_risk_coverage_area_without_errors_is_0():
    assert risk_coverage_area([0.5, 0.9], [True, True]) == Estimate(0.0, 0.0, 0.0)
