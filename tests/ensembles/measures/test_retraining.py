import numpy as np
import pytest

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.retraining import (
    Retrainings,
    ScoreVariance,
    retrainings,
    score_variance,
)
from zoo.errors import ArgumentError


def test_the_parts_of_a_simulated_variance_are_found_without_bias():
    rng = np.random.default_rng(0)
    trainings, n, repeats = 6, 40, 1000
    of_trainings, of_images, noise = 0.05, 0.3, 0.5
    found = []
    for _ in range(repeats):
        scores = 0.7 + of_trainings**0.5 * rng.standard_normal((trainings, 1))
        scores = scores + of_images**0.5 * rng.standard_normal(n)
        scores = scores + noise**0.5 * rng.standard_normal((trainings, n))
        parts = score_variance(scores)
        found.append([parts.score, parts.training, parts.images, parts.interaction])
    expected = [0.7, of_trainings, of_images / n, noise / n]
    # A part that would be below 0 is 0, so the means are slightly too large.
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0.1)


def test_the_parts_agree_with_the_pigeonhole_bootstrap():
    rng = np.random.default_rng(1)
    trainings, n = 12, 300
    difficulty = rng.standard_normal(n)
    skill = 1 + 0.5 * rng.standard_normal((trainings, 1))
    right = skill + difficulty + rng.standard_normal((trainings, n)) > 0
    rows = rng.multinomial(trainings, np.full(trainings, 1 / trainings), 4000) / trainings
    columns = rng.multinomial(n, np.full(n, 1 / n), 4000) / n
    resampled = np.einsum("bt,bn,tn->b", rows, columns, right.astype(float), optimize=True)
    parts = score_variance(right)
    # The variance of the mean over all trainings, of which the bootstrap counts the noise 3 times.
    mean = parts.training / trainings + parts.images + parts.interaction / trainings
    assert 0.85 * mean < resampled.var() < 1.1 * mean + 2 * parts.interaction / trainings


def test_equal_trainings_vary_by_their_images_alone():
    right = np.random.default_rng(0).random(50) < 0.7
    parts = score_variance([right] * 3)
    assert parts.training_deviation < 1e-9
    assert parts.image_deviation == pytest.approx(parts.total_deviation)
    assert parts.image_deviation == pytest.approx((right.var(ddof=1) / 50) ** 0.5)
    nothing = score_variance(np.ones((2, 2)))
    assert (nothing.score, nothing.total_deviation) == (1, 0)


def world(rng, copies, n, skill, noise=0.3):
    """Labels, and copies whose skill and whose errors differ from training to training."""
    labels = rng.integers(0, 3, n)
    logits = rng.standard_normal((n, 3)) + noise * rng.standard_normal((copies, n, 3))
    skills = 0.8 + skill * rng.standard_normal(copies)
    logits[:, np.arange(n), labels] += skills[:, None]
    weights = np.exp(logits)
    return labels, weights / weights.sum(axis=2, keepdims=True)


@pytest.mark.parametrize("skill", [0.0, 0.1])
def test_the_frequencies_are_those_of_real_retrainings_and_rather_too_near_to_half(skill):
    rng = np.random.default_rng(2)
    predicted, real = [], []
    for _ in range(50):
        labels, copies = world(rng, 8, 300, skill)
        result = retrainings(copies, labels, Rule("soft"))
        predicted.append([result.over_single_on_new_images, result.over_best_on_new_images])
        for _ in range(10):
            labels, copies = world(rng, 8, 300, skill)
            right = (copies.argmax(axis=2) == labels).mean(axis=1)
            committee = (copies.mean(axis=0).argmax(axis=1) == labels).mean()
            rivals = np.array([right[0], right.max()])
            real.append((committee > rivals) + 0.5 * (committee == rivals))
    predicted, real = np.mean(predicted, axis=0), np.mean(real, axis=0)
    np.testing.assert_allclose(predicted, real, atol=0.12)
    assert predicted[1] > real[1] - 0.02


def test_variances_of_committees_and_copies_are_those_of_real_retrainings():
    rng = np.random.default_rng(3)
    found, real = [], []
    for _ in range(100):
        labels, copies = world(rng, 8, 300, 0.1)
        result = retrainings(copies, labels, Rule("soft"))
        found.append([result.single.total_deviation**2, result.committee.total_deviation**2])
        right = copies[0].argmax(axis=1) == labels
        committee = copies.mean(axis=0).argmax(axis=1) == labels
        real.append([right.mean(), committee.mean()])
    single, committee = np.mean(found, axis=0) / np.var(real, axis=0)
    assert 0.7 < single < 1.4
    assert 0.7 < committee < 2


def test_a_committee_that_is_its_copies_wins_half_of_the_retrainings():
    labels = np.arange(30) % 3
    member = np.eye(3)[(labels + (labels == 0)) % 3]
    result = retrainings([member, member], labels)
    assert (result.over_single, result.over_best) == (0.5, 0.5)
    assert result.over_single_on_new_images == 0.5
    assert result.committee.score == result.single.score


def test_the_same_seed_gives_the_same_frequencies():
    labels, copies = world(np.random.default_rng(4), 5, 100, 0.1)
    first = retrainings(copies, labels)
    assert first == retrainings(copies, labels)
    assert first != retrainings(copies, labels, seed=1)
    assert first.copies == 5


def test_frequencies_are_written_as_whole_numbers_and_never_as_certain():
    parts = ScoreVariance(0.9, 0, 0, 0)
    text = Retrainings(3, parts, parts, 1.0, 0.0, 0.93, 0.5).sentence()
    assert "a single copy in more than 99 of 100 retrainings" in text
    assert "the best of its copies in 1 of 100 retrainings; on other test images, in 93" in text


@pytest.mark.parametrize("scores", [np.ones((1, 5)), np.ones((3, 1)), [[1, np.nan], [1, 1]]])
def test_scores_must_be_of_two_trainings_and_images(scores):
    with pytest.raises(ArgumentError, match="of 2 trainings and 2 images or more"):
        score_variance(scores)


def test_a_rule_must_treat_all_copies_alike():
    labels, copies = world(np.random.default_rng(5), 3, 10, 0.1)
    with pytest.raises(ArgumentError, match="by a rule that treats all copies alike"):
        retrainings(copies, labels, Rule("soft", (1, 2, 1)))
    with pytest.raises(ArgumentError, match="of 2 copies or more"):
        retrainings(copies[:1], labels)
    assert retrainings(copies, labels, Rule("soft", (2, 2, 2))).copies == 3
