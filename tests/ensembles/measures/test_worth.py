import numpy as np
import pytest

from zoo.ensembles.measures.calibration import apply_temperature
from zoo.ensembles.measures.scores import negative_log_likelihood
from zoo.ensembles.measures.worth import EnsembleCurve, calibrated_log_likelihood, ensemble_curve
from zoo.errors import ArgumentError


@pytest.fixture(scope="module")
def members():
    """Labels, and eight independent members."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 600)
    logits = rng.standard_normal((600, 4)) + rng.standard_normal((8, 600, 4))
    logits[:, np.arange(600), labels] += 1.5
    weights = np.exp(logits)
    return labels, weights / weights.sum(axis=2, keepdims=True)


def test_a_temperature_changes_no_calibrated_likelihood(members):
    labels, (first, *_) = members
    likelihood = calibrated_log_likelihood(first, labels)
    for temperature in (0.3, 3):
        other = apply_temperature(first, temperature)
        assert calibrated_log_likelihood(other, labels) == pytest.approx(likelihood, abs=1e-4)
    assert likelihood >= -negative_log_likelihood(first, labels) - 0.01


def test_no_image_chooses_its_own_temperature():
    rows = np.tile([0.9, 0.1], (4, 1))
    # The first and the third image are right, which sharpens the answers to the others.
    sharp = calibrated_log_likelihood(rows, [0, 1, 0, 1])
    assert sharp < -negative_log_likelihood(rows, [0, 1, 0, 1])


def test_more_independent_members_are_worth_more(members):
    labels, copies = members
    curve = ensemble_curve(copies, labels)
    assert curve.sizes.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert curve.likelihood[0] == -np.log(4)
    assert (np.diff(curve.likelihood) > 0).all()
    for size, likelihood in zip(curve.sizes, curve.likelihood, strict=True):
        assert curve.worth(likelihood) == pytest.approx(size)
    whole = calibrated_log_likelihood(copies.mean(axis=0), labels)
    assert curve.worth(whole) == 8
    votes = np.eye(4)[copies.argmax(axis=2)].mean(axis=0)
    # Shares of the vote know less than probabilities.
    assert 0.5 < curve.worth(calibrated_log_likelihood(votes, labels)) < 4


def test_worth_is_between_guessing_and_all_members():
    curve = EnsembleCurve(np.array([0, 1, 2]), np.array([-1.0, -0.5, -0.5]))
    assert curve.worth(-2) == 0
    assert curve.worth(-0.75) == 0.5
    assert curve.worth(-0.5) == 1  # the smallest number that is enough
    assert curve.worth(0) == 2


def test_a_curve_of_many_members_has_some_sizes_only(members):
    labels, copies = members
    curve = ensemble_curve(np.concatenate([copies, copies, copies])[:20], labels)
    assert curve.sizes.tolist() == [*range(9), 11, 16, 20]


def test_a_single_image_has_no_other_to_fit_a_temperature_on():
    with pytest.raises(ArgumentError, match="Pass 2 images or more"):
        calibrated_log_likelihood([[0.5, 0.5]], [0])
