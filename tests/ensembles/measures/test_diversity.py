from itertools import combinations
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from zoo.ensembles.measures.diversity import (
    ambiguity,
    cohen_kappa,
    correctness_correlation,
    disagreement,
    diversity,
    double_fault,
    entropy_measure,
    interrater_kappa,
    pair_mean,
    q_statistic,
)
from zoo.errors import ArgumentError

few = settings(max_examples=50)


@st.composite
def answers(draw, least_members=1):
    """Draw votes [members, n] and labels [n]."""
    members, n = draw(st.integers(least_members, 5)), draw(st.integers(1, 12))
    ids = st.integers(0, 2)
    return draw(arrays(np.int64, (members, n), elements=ids)), draw(
        arrays(np.int64, n, elements=ids)
    )


@st.composite
def committees(draw):
    """Draw probabilities [members, n, classes] with zeros among them, and labels [n]."""
    members, n, classes = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    scores = draw(arrays(np.int64, (members, n, classes), elements=st.integers(0, 9)))
    scores[..., 0] += scores.sum(axis=2) == 0
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    return scores / scores.sum(axis=2, keepdims=True), labels


def table(votes, labels, i, j):
    """Count image by image: both right, only the first, only the second, neither."""
    pairs = list(zip(votes[i] == labels, votes[j] == labels, strict=True))
    return [pairs.count(case) for case in [(1, 1), (1, 0), (0, 1), (0, 0)]]


def by_pairs(members, measure):
    return np.array([[measure(i, j) for j in range(members)] for i in range(members)])


@few
@given(answers())
def test_disagreement_is_counted_image_by_image(drawn):
    votes, _ = drawn
    expected = by_pairs(len(votes), lambda i, j: np.mean(votes[i] != votes[j]))
    np.testing.assert_allclose(disagreement(votes), expected, atol=1e-15)


@few
@given(answers())
def test_kappa_is_scikit_learns(drawn):
    votes, _ = drawn

    def measure(i, j):
        if len(np.unique(votes[[i, j]])) == 1:
            return nan  # 0 / 0
        return cohen_kappa_score(votes[i], votes[j])

    np.testing.assert_allclose(cohen_kappa(votes), by_pairs(len(votes), measure), atol=1e-12)


@few
@given(answers())
def test_q_is_that_of_the_table_of_successes(drawn):
    votes, labels = drawn

    def measure(i, j):
        a, b, c, d = table(votes, labels, i, j)
        return (a * d - b * c) / (a * d + b * c) if a * d + b * c else nan

    np.testing.assert_array_equal(q_statistic(votes, labels), by_pairs(len(votes), measure))


@few
@given(answers())
def test_correlation_is_pearsons_of_being_right(drawn):
    votes, labels = drawn
    correct = (votes == labels).astype(float)

    def measure(i, j):
        if np.ptp(correct[i]) == 0 or np.ptp(correct[j]) == 0:
            return nan
        return np.corrcoef(correct[i], correct[j])[0, 1]

    found = correctness_correlation(votes, labels)
    np.testing.assert_allclose(found, by_pairs(len(votes), measure), atol=1e-12)


@few
@given(answers())
def test_correlation_has_the_sign_of_q_and_is_no_further_from_0(drawn):
    rho, q = correctness_correlation(*drawn), q_statistic(*drawn)
    defined = ~np.isnan(rho) & ~np.isnan(q)
    np.testing.assert_array_equal(np.sign(rho[defined]), np.sign(q[defined]))
    assert (abs(rho[defined]) <= abs(q[defined]) + 1e-15).all()


@few
@given(answers())
def test_double_fault_is_counted_image_by_image(drawn):
    votes, labels = drawn
    wrong = votes != labels
    expected = by_pairs(len(votes), lambda i, j: np.mean(wrong[i] & wrong[j]))
    np.testing.assert_allclose(double_fault(votes, labels), expected, atol=1e-15)


@few
@given(answers(least_members=2))
def test_entropy_measure_is_its_definition(drawn):
    votes, labels = drawn
    members = len(votes)
    terms = []
    for image in range(len(labels)):
        right = sum(votes[:, image] == labels[image])
        terms.append(min(right, members - right) / (members - -(-members // 2)))
    assert entropy_measure(votes, labels) == pytest.approx(np.mean(terms))
    assert 0 <= entropy_measure(votes, labels) <= 1


@few
@given(answers(least_members=2))
def test_interrater_kappa_is_fleisss_of_being_right(drawn):
    votes, labels = drawn
    right = (votes == labels).sum(axis=0)
    assume(0 < right.sum() < votes.size)
    # Fleiss (1971): agreement of pairs of raters on each image, and by chance.
    members, counts = len(votes), np.stack([right, len(votes) - right])
    agreement = ((counts**2).sum(axis=0) - members) / (members * (members - 1))
    by_chance = np.square(counts.sum(axis=1) / votes.size).sum()
    expected = (agreement.mean() - by_chance) / (1 - by_chance)
    assert interrater_kappa(votes, labels) == pytest.approx(expected, abs=1e-12)


@few
@given(answers(least_members=2))
def test_interrater_kappa_follows_from_the_mean_disagreement_in_being_right(drawn):
    # Kuncheva & Whitaker (2003): kappa = 1 - mean disagreement / (2 p (1 - p)).
    votes, labels = drawn
    correct = (votes == labels).astype(int)
    p = correct.mean()
    assume(0 < p < 1)
    expected = 1 - pair_mean(disagreement(correct)) / (2 * p * (1 - p))
    assert interrater_kappa(votes, labels) == pytest.approx(expected, abs=1e-12)


@few
@given(committees(), st.none() | st.lists(st.floats(0.01, 100), min_size=5, max_size=5))
def test_squared_error_is_the_members_less_their_ambiguity(committee, weights):
    probabilities, labels = committee
    weights = weights and weights[: len(probabilities)]
    terms = ambiguity(probabilities, labels, weights)
    assert terms.ensemble == pytest.approx(terms.members - terms.ambiguity, abs=1e-12)
    target = np.eye(probabilities.shape[2])[labels]
    brier = np.square(probabilities - target).sum(axis=2).mean(axis=1)
    assert terms.members == pytest.approx(np.average(brier, weights=weights))
    mean = np.average(probabilities, axis=0, weights=weights)
    assert terms.ensemble == pytest.approx(np.square(mean - target).sum(axis=1).mean(), abs=1e-15)
    assert terms.ambiguity >= 0


def test_equal_members_have_no_ambiguity():
    probabilities = np.tile([[0.3, 0.7], [0.6, 0.4]], (3, 1, 1))
    assert ambiguity(probabilities, [0, 1]).ambiguity == pytest.approx(0, abs=1e-30)


@few
@given(answers())
def test_measures_of_pairs_are_symmetric(drawn):
    votes, labels = drawn
    for measure in (q_statistic, correctness_correlation, double_fault):
        np.testing.assert_array_equal(measure(votes, labels), measure(votes, labels).T)
    for measure in (disagreement, cohen_kappa):
        np.testing.assert_array_equal(measure(votes), measure(votes).T)


def test_one_member_has_no_pairs():
    measures = diversity([[[0.9, 0.1], [0.8, 0.2]]], labels=[0, 1])
    means = measures.means()
    assert measures.disagreement.tolist() == [[0]]
    assert measures.double_fault.tolist() == [[0.5]]
    assert means.pop("ambiguity") == 0
    assert all(isnan(value) for value in means.values())


@pytest.mark.parametrize(("right", "fault"), [(True, 0), (False, 1)])
def test_members_that_are_all_right_or_all_wrong_are_undefined_where_it_is_0_by_0(right, fault):
    votes, labels = np.zeros((3, 4), int), np.full(4, 0 if right else 1)
    assert np.isnan(q_statistic(votes, labels)).all()
    assert np.isnan(correctness_correlation(votes, labels)).all()
    assert np.isnan(cohen_kappa(votes)).all()
    assert isnan(interrater_kappa(votes, labels))
    assert entropy_measure(votes, labels) == 0
    assert (double_fault(votes, labels) == fault).all()
    assert (disagreement(votes) == 0).all()


def test_a_member_that_is_always_right_leaves_its_pairs_undefined():
    votes, labels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]]), np.zeros(3, int)
    for measure in (q_statistic, correctness_correlation):
        undefined = np.isnan(measure(votes, labels))
        assert undefined[0].all()
        assert undefined[:, 0].all()
        assert not undefined[1:, 1:].any()
        assert isnan(pair_mean(measure(votes, labels)))


def test_opposites():
    votes, labels = [[0, 0, 1, 1], [1, 1, 0, 0]], [0, 0, 0, 0]
    assert q_statistic(votes, labels)[0, 1] == -1
    assert correctness_correlation(votes, labels)[0, 1] == -1
    assert cohen_kappa(votes)[0, 1] == -1
    assert interrater_kappa(votes, labels) == -1
    assert entropy_measure(votes, labels) == 1
    assert disagreement(votes)[0, 1] == 1


def test_counts_of_many_images_are_exact():
    # Products of counts go beyond 2**32.
    labels = np.zeros(200_000, int)
    first, second = labels.copy(), labels.copy()
    first[:100_000] = 1
    second[100_000:] = 1
    assert q_statistic([first, second], labels)[0, 1] == -1
    assert interrater_kappa([first, second], labels) == -1
    assert cohen_kappa([first, second])[0, 1] == -1


def test_all_measures_are_those_of_the_single_functions():
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet(np.ones(3), size=(4, 50)), rng.integers(0, 3, 50)
    votes = probabilities.argmax(axis=2)
    measures, means = diversity(probabilities, labels), diversity(probabilities, labels).means()
    np.testing.assert_array_equal(measures.q_statistic, q_statistic(votes, labels))
    assert means == {
        "disagreement": pair_mean(disagreement(votes)),
        "q_statistic": pair_mean(q_statistic(votes, labels)),
        "correlation": pair_mean(correctness_correlation(votes, labels)),
        "kappa": pair_mean(cohen_kappa(votes)),
        "double_fault": pair_mean(double_fault(votes, labels)),
        "entropy": entropy_measure(votes, labels),
        "interrater_kappa": interrater_kappa(votes, labels),
        "ambiguity": ambiguity(probabilities, labels).ambiguity,
    }
    expected = [disagreement(votes)[i, j] for i, j in combinations(range(4), 2)]
    assert means["disagreement"] == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: disagreement([0, 1]), r"votes must be integers \[members, n\]"),
        (lambda: cohen_kappa(np.zeros((2, 0), int)), "one image or more. Received: no image"),
        (lambda: q_statistic([[0, 1]], [0]), "labels must be .* each of the 2 images"),
        (lambda: double_fault([[0.5]], [0]), "votes must be integers.*float64"),
        (lambda: entropy_measure(np.zeros((2, 0), int), []), "one image or more"),
        (lambda: interrater_kappa([[0]], [0.0]), "labels must be .*float64"),
        (lambda: correctness_correlation([[0]], [[0]]), r"labels must be .*shape \(1, 1\)"),
        (lambda: ambiguity([[0.5, 0.5]], [0]), r"probabilities must be numbers \[members, n, cl"),
        (lambda: ambiguity([[[0.5, 0.5]]], [2]), "labels must be class ids from 0 to 1.*2 at ind"),
        (lambda: ambiguity([[[0.5, 0.5]]], [1], [1, 1]), "weights must be one number for each"),
        (lambda: diversity([[[5.0, 0.5]]], [1]), "Logits need a softmax"),
        (lambda: pair_mean([[0.5, 0.5]]), r"\[members, members\]. Received: shape \(1, 2\)"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
