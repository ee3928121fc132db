import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, log_loss

from zoo.ensembles.combining.selection import best_members, greedy_selection, simplex_weights
from zoo.ensembles.measures.scores import negative_log_likelihood
from zoo.errors import ArgumentError

SCORINGS = ["accuracy", "log_loss"]


@st.composite
def committees(draw):
    """Draw probabilities [members, n, classes] with zeros and ties among them, and labels [n]."""
    members, n, classes = draw(st.integers(1, 5)), draw(st.integers(1, 8)), draw(st.integers(2, 4))
    scores = draw(arrays(np.int64, (members, n, classes), elements=st.integers(0, 9)))
    scores[..., 0] += scores.sum(axis=2) == 0
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    return scores / scores.sum(axis=2, keepdims=True), labels


def some(seed=0, members=5, n=300, classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    scores = rng.gamma(1, size=(members, n, classes))
    scores[:, np.arange(n), labels] += 2 * rng.random((members, 1))
    return scores / scores.sum(axis=2, keepdims=True), labels


def goodness(probabilities, labels, scoring):
    """Score with scikit-learn: higher is better, the second breaks ties."""
    loss = -log_loss(labels, probabilities, labels=range(probabilities.shape[1]))
    if scoring == "log_loss":
        return (loss,)
    return accuracy_score(labels, probabilities.argmax(axis=1)), loss


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_greedy_selection_is_the_definition_followed_step_by_step(scoring, start):
    probabilities, labels = some()
    alone = [goodness(member, labels, scoring) for member in probabilities]
    picked = sorted(range(5), key=lambda member: alone[member], reverse=True)[:start]
    bags = [list(picked)] if start else []
    for _ in range(7):
        scores = [
            goodness(np.mean(probabilities[[*picked, member]], axis=0), labels, scoring)
            for member in range(5)
        ]
        picked.append(scores.index(max(scores)))
        bags.append(list(picked))
    scores = [goodness(np.mean(probabilities[bag], axis=0), labels, scoring) for bag in bags]
    expected = np.bincount(bags[scores.index(max(scores))], minlength=5)
    found = greedy_selection(probabilities, labels, rounds=7, scoring=scoring, start=start)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scoring", SCORINGS)
@given(drawn=committees(), start=st.integers(0, 5))
def test_selection_is_no_worse_than_what_it_starts_from(scoring, drawn, start):
    probabilities, labels = drawn
    start = min(start, len(probabilities))
    counts = greedy_selection(probabilities, labels, 6, scoring, start)
    assert counts.dtype == np.int64
    assert max(1, start) <= counts.sum() <= start + 6

    def failure(mean):
        loss = round(negative_log_likelihood(mean, labels), 9)
        if scoring == "log_loss":
            return loss
        return np.mean(mean.astype(np.float32).argmax(axis=1) != labels), loss

    alone = [failure(member) for member in probabilities]
    first = sorted(range(len(alone)), key=lambda member: alone[member])[: max(1, start)]
    mean = probabilities[first].mean(axis=0)
    selected = np.tensordot(counts, probabilities, axes=1) / counts.sum()
    assert failure(selected) <= failure(mean)


def test_the_best_single_member_comes_first():
    probabilities, labels = some()
    for scoring in SCORINGS:
        alone = [goodness(member, labels, scoring) for member in probabilities]
        counts = greedy_selection(probabilities, labels, rounds=1, scoring=scoring)
        assert counts.tolist() == np.eye(5)[alone.index(max(alone))].tolist()


@pytest.mark.parametrize("scoring", SCORINGS)
def test_equal_members_are_taken_from_the_first_and_no_more_than_needed(scoring):
    probabilities = np.tile([[0.7, 0.3], [0.4, 0.6]], (3, 1, 1))
    counts = greedy_selection(probabilities, [0, 1], rounds=9, scoring=scoring)
    assert counts.tolist() == [1, 0, 0]


def test_log_loss_decides_between_equally_accurate_members():
    members = [[[0.6, 0.4]], [[0.8, 0.2]], [[0.7, 0.3]]]
    counts = greedy_selection(members, [0], rounds=4, scoring="accuracy")
    assert counts.tolist() == [0, 1, 0]
    assert best_members(members, [0], 3).tolist() == [1, 2, 0]


@given(committees())
def test_weights_are_at_the_least_log_loss(drawn):
    # By convexity log loss is above the least by at most max_m mean(p_m / mixture) - 1.
    probabilities, labels = drawn
    weights = simplex_weights(probabilities, labels)
    assert weights.shape == (len(probabilities),)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    floor = np.finfo(np.float32).tiny
    of_label = np.maximum(probabilities[:, np.arange(len(labels)), labels], floor)
    assert (of_label / (weights @ of_label)).mean(axis=1).max() - 1 <= 1e-5


@pytest.mark.parametrize("members", [2, 6])
def test_weights_are_those_of_expectation_maximisation(members):
    probabilities, labels = some(members=members)
    of_label = probabilities[:, np.arange(len(labels)), labels]
    expected = np.full(members, 1 / members)
    for _ in range(20_000):
        expected *= (of_label / (expected @ of_label)).mean(axis=1)
    np.testing.assert_allclose(simplex_weights(probabilities, labels), expected, atol=2e-3)


def test_a_member_that_only_harms_weighs_nothing():
    probabilities, labels = some(members=2)
    harmful = np.full_like(probabilities[:1], 1e-3)
    harmful[0, np.arange(len(labels)), (labels + 1) % 4] = 1 - 3e-3
    weights = simplex_weights(np.concatenate([probabilities, harmful]), labels)
    assert weights[2] == 0


def test_weights_of_equal_members_are_equal():
    probabilities = np.tile(some(members=1)[0], (4, 1, 1))
    np.testing.assert_allclose(simplex_weights(probabilities, some(members=1)[1]), 0.25, rtol=1e-6)


def test_the_only_member_weighs_all():
    probabilities, labels = some(members=1)
    assert simplex_weights(probabilities, labels) == [1]
    assert greedy_selection(probabilities, labels, rounds=3) == [1]
    assert best_members(probabilities, labels, 1) == [0]


@given(committees(), st.integers(1, 5))
def test_the_best_are_those_of_the_highest_accuracy(drawn, count):
    probabilities, labels = drawn
    count = min(count, len(probabilities))
    best = best_members(probabilities, labels, count)
    accuracy = (probabilities.argmax(axis=2) == labels).mean(axis=1)
    assert len(set(best)) == count
    np.testing.assert_array_equal(accuracy[best], np.sort(accuracy)[::-1][:count])


def test_equally_good_members_stay_in_order():
    probabilities = np.tile([[0.7, 0.3], [0.4, 0.6]], (4, 1, 1))
    assert best_members(probabilities, [0, 1], 3).tolist() == [0, 1, 2]


def test_members_that_are_all_right_or_all_wrong():
    sure = np.tile(np.eye(2), (3, 1, 1))
    for labels in ([0, 1], [1, 0]):
        for scoring in SCORINGS:
            counts = greedy_selection(sure, labels, rounds=5, scoring=scoring)
            assert counts.tolist() == [1, 0, 0]
        np.testing.assert_allclose(simplex_weights(sure, labels), 1 / 3)


ROWS, LABELS = [[[0.6, 0.4]], [[0.3, 0.7]]], [0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: greedy_selection(ROWS[0], LABELS), r"\[members, n, classes\].*shape \(1, 2\)"),
        (lambda: greedy_selection(ROWS, [2]), "class ids from 0 to 1. Received: 2"),
        (lambda: greedy_selection(ROWS, LABELS, rounds=0), "rounds must be a whole number of 1 or"),
        (lambda: greedy_selection(ROWS, LABELS, start=-1), "start must be a whole number of 0 or"),
        (lambda: greedy_selection(ROWS, LABELS, start=3), "start must be 2 or less.*Received: 3"),
        (
            lambda: greedy_selection(ROWS, LABELS, scoring="brier"),
            'scoring must be "accuracy" or "log_loss". Received: \'brier\'',
        ),
        (lambda: simplex_weights([[[2.0, -1.0]]], LABELS), "Logits need a softmax"),
        (lambda: simplex_weights(ROWS, [0, 0]), "one for each of the 1 images"),
        (lambda: best_members(ROWS, LABELS, 0), "count must be a whole number of 1 or more"),
        (lambda: best_members(ROWS, LABELS, 3), "count must be 2 or less.*Received: 3"),
        (lambda: best_members(np.zeros((0, 1, 2)), LABELS, 1), "no axis of length 0"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
