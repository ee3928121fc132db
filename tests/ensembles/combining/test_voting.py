import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gmean
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier

from zoo.ensembles.combining.voting import (
    committee_probabilities,
    geometric_vote,
    majority_vote,
    soft_vote,
    vote_shares,
)
from zoo.errors import ArgumentError

# Weights that tie, nearly tie, and tie but for rounding.
NEAR_TIES = [0.0, 0.1, 0.2, 0.3, 1.0, 1 + 1e-6, 1 + 3e-8, 1 + 2e-9, 1 + 1e-10, 2.0]


class Answers(ClassifierMixin, BaseEstimator):
    """A scikit-learn classifier that knows beforehand what it will be asked."""

    def __init__(self, votes=None, probabilities=None):
        self.votes = votes
        self.probabilities = probabilities

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.votes

    def predict_proba(self, X):
        return self.probabilities


def scikit_learn(answers, num_classes, voting, weights):
    """scikit-learn's `VotingClassifier` over what the members answer."""
    members = [(str(place), answer) for place, answer in enumerate(answers)]
    voter = VotingClassifier(members, voting=voting, weights=weights)
    classes = np.arange(max(num_classes, 2))
    return voter.fit(classes[:, np.newaxis], classes)


def scikit_learn_rule(votes, num_classes, weights=None):
    return scikit_learn(map(Answers, votes), num_classes, "hard", weights).predict(votes.T)


@st.composite
def ballots(draw, weights):
    """Draw votes [members, n], the number of classes, and weights [members] or None."""
    members, n, num_classes = draw(st.integers(1, 7)), draw(st.integers(1, 5)), 4
    votes = draw(arrays(np.int64, (members, n), elements=st.integers(0, num_classes - 1)))
    drawn = st.lists(weights, min_size=members, max_size=members).filter(any)
    return votes, num_classes, draw(st.none() | drawn)


@st.composite
def committees(draw, weights, dtype=np.float64):
    """Draw probabilities [members, n, classes], with many ties among them, and weights."""
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    scores = draw(arrays(np.int64, shape, elements=st.integers(0, 9)))
    scores[..., 0] += scores.sum(axis=2) == 0
    drawn = st.lists(weights, min_size=shape[0], max_size=shape[0]).filter(any)
    probabilities = (scores / scores.sum(axis=2, keepdims=True)).astype(dtype)
    return probabilities, draw(st.none() | drawn)


@settings(deadline=None)
@given(ballots(st.integers(0, 9) | st.floats(0, 1000) | st.sampled_from(NEAR_TIES)))
def test_lowest_label_rule_is_scikit_learns(ballot):
    votes, num_classes, weights = ballot
    decided = majority_vote(votes, num_classes, weights, ties="lowest")
    assert decided.dtype == np.int64
    np.testing.assert_array_equal(decided, scikit_learn_rule(votes, num_classes, weights))


def test_lowest_label_rule_adds_in_member_order_like_scikit_learn():
    # 0.1 + 0.2 is 0.30000000000000004 in float64.
    votes, weights = [[1], [1], [0]], [0.1, 0.2, 0.3]
    assert majority_vote(votes, 2, weights, ties="lowest") == [1]
    assert scikit_learn_rule(np.array(votes), 2, weights) == [1]


def test_lowest_label_rule_breaks_ties_by_the_lowest_label():
    assert majority_vote([[3], [1], [1], [3], [0]], 4, ties="lowest") == [1]


def test_tie_goes_to_the_higher_probability():
    probabilities = [[[0.6, 0.4, 0.0]], [[0.1, 0.9, 0.0]]]
    assert majority_vote([[0], [1]], 3, probabilities=probabilities) == [1]


def test_tie_is_broken_among_the_tied_classes_only():
    # Class 2 has the highest summed probability and no vote.
    probabilities = [[[0.51, 0.0, 0.49]], [[0.0, 0.52, 0.48]]]
    assert majority_vote([[0], [1]], 3, probabilities=probabilities) == [1]


def test_tie_in_votes_and_probability_goes_to_the_lowest_label():
    probabilities = [[[0.1, 0.2, 0.7]], [[0.1, 0.7, 0.2]]]
    assert majority_vote([[2], [1]], 3, probabilities=probabilities) == [1]


def test_rounding_does_not_break_a_tie():
    votes, weights = [[0], [0], [1]], [0.1, 0.2, 0.3]
    probabilities = [[[0.6, 0.4]], [[0.6, 0.4]], [[0.0, 1.0]]]
    assert majority_vote(votes, 2, weights, probabilities=probabilities) == [1]


def test_weights_count_in_the_probability_that_breaks_a_tie():
    # Votes tie 2 to 2; the summed probability of class 0 is higher only when weighted.
    votes, weights = [[0], [1], [1]], [2, 1, 1]
    probabilities = [[[0.8, 0.2]], [[0.4, 0.6]], [[0.1, 0.9]]]
    assert majority_vote(votes, 2, weights, probabilities=probabilities) == [0]


@settings(deadline=None)
@given(ballots(st.sampled_from(NEAR_TIES)))
def test_vote_shares_are_the_weighted_fractions(ballot):
    votes, num_classes, weights = ballot
    shares = vote_shares(votes, num_classes, weights)
    one_hot = votes[..., np.newaxis] == np.arange(num_classes)
    np.testing.assert_allclose(shares, np.average(one_hot, axis=0, weights=weights), atol=1e-15)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-14)


@settings(deadline=None)
@given(committees(st.floats(0.001, 1000)))
def test_soft_vote_is_the_weighted_mean(committee):
    probabilities, weights = committee
    mean = soft_vote(probabilities, weights)
    expected = np.average(probabilities, axis=0, weights=weights)
    np.testing.assert_allclose(mean, expected, rtol=1e-13)
    np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-13)
    soft = committee_probabilities(probabilities, "soft", weights)
    np.testing.assert_array_equal(soft, mean.astype(np.float32))


@settings(deadline=None)
@given(committees(st.floats(0.001, 1000)))
def test_geometric_vote_is_the_normalised_weighted_geometric_mean(committee):
    probabilities, weights = committee
    combined = geometric_vote(probabilities, weights)
    floored = np.maximum(probabilities, np.finfo(np.float32).tiny)
    mean = gmean(
        floored,
        axis=0,
        weights=weights and np.broadcast_to(np.reshape(weights, (-1, 1, 1)), floored.shape),
    )
    np.testing.assert_allclose(combined, mean / mean.sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(combined.sum(axis=1), 1, rtol=1e-13)


def test_geometric_vote_of_equals_is_their_answer():
    members = np.tile([[0.25, 0.75], [0.0, 1.0]], (3, 1, 1))
    np.testing.assert_allclose(geometric_vote(members), members[0], atol=1e-37)


def test_a_zero_is_an_objection_that_enough_others_outvote():
    no, yes = [[0.0, 1.0]], [[1 - 1e-6, 1e-6]]
    assert geometric_vote([no, yes]).argmax() == 1
    assert geometric_vote([no] + 7 * [yes]).argmax() == 0


def test_classes_that_nobody_finds_possible_are_equal():
    members = [[[0.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]]]
    combined = geometric_vote(members)[0]
    assert combined[1] == combined[2] == pytest.approx(0.5)
    assert 0 < combined[0] == combined[3] < 1e-18


@settings(deadline=None)
@given(committees(st.floats(0.001, 1000)))
def test_soft_vote_is_scikit_learns(committee):
    probabilities, weights = committee
    answers = [Answers(probabilities=one) for one in probabilities]
    voter = scikit_learn(answers, probabilities.shape[2], "soft", weights)
    expected = voter.predict_proba(probabilities[0])
    np.testing.assert_allclose(soft_vote(probabilities, weights), expected, rtol=1e-13)


@settings(deadline=None)
@given(
    committees(st.sampled_from(NEAR_TIES) | st.floats(0, 1e300), dtype=np.float64)
    | committees(st.sampled_from(NEAR_TIES), dtype=np.float32)
)
def test_committee_probabilities_decide_as_the_majority_does(committee):
    probabilities, weights = committee
    votes, num_classes = probabilities.argmax(axis=2), probabilities.shape[2]
    combined = committee_probabilities(probabilities, "majority", weights)
    decided = majority_vote(votes, num_classes, weights, probabilities=probabilities)
    assert combined.dtype == np.float32
    np.testing.assert_array_equal(combined.argmax(axis=1), decided)
    # Not by a hair: the decision is the only maximum.
    assert ((combined == combined.max(axis=1, keepdims=True)).sum(axis=1) == 1).all()
    assert (combined >= 0).all()
    np.testing.assert_allclose(combined.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    shares = vote_shares(votes, num_classes, weights)
    np.testing.assert_allclose(combined, shares, atol=0.001)


def test_committee_probabilities_keep_a_majority_narrower_than_float32():
    # Class 0 wins by 2 parts in 100 million; the members' probabilities are all for class 1.
    weights = [1 + 4e-8, 1]
    probabilities = [[[0.51, 0.49]], [[0.0, 1.0]]]
    shares = vote_shares([[0], [1]], 2, weights).astype(np.float32)
    assert abs(shares[0, 0] - shares[0, 1]) < 1e-7
    assert committee_probabilities(probabilities, weights=weights).argmax() == 0


@settings(deadline=None)
@given(committees(st.integers(0, 9)), st.sampled_from([1e-320, 1e-12, 0.3, 7.0, 1e300]))
def test_scaling_the_weights_changes_no_decision(committee, scale):
    probabilities, weights = committee
    votes, num_classes = probabilities.argmax(axis=2), probabilities.shape[2]
    weights = np.ones(len(votes)) if weights is None else np.array(weights)
    if scale < 1e-300:
        weights = np.minimum(weights, 1)  # numbers this small have few digits
    np.testing.assert_array_equal(
        majority_vote(votes, num_classes, weights, probabilities=probabilities),
        majority_vote(votes, num_classes, weights * scale, probabilities=probabilities),
    )
    np.testing.assert_allclose(
        committee_probabilities(probabilities, weights=weights),
        committee_probabilities(probabilities, weights=weights * scale),
        rtol=1e-6,
    )


@settings(deadline=None)
@given(committees(st.none()), st.sampled_from([1, 0.1, 3]))
def test_equal_weights_are_no_weights(committee, weight):
    probabilities, _ = committee
    votes, num_classes = probabilities.argmax(axis=2), probabilities.shape[2]
    equal = [weight] * len(votes)
    for ties, extra in {"lowest": None, "probability": probabilities}.items():
        np.testing.assert_array_equal(
            majority_vote(votes, num_classes, None, ties, extra),
            majority_vote(votes, num_classes, equal, ties, extra),
        )
    np.testing.assert_allclose(
        vote_shares(votes, num_classes), vote_shares(votes, num_classes, equal), rtol=1e-14
    )
    np.testing.assert_allclose(
        soft_vote(probabilities), soft_vote(probabilities, equal), rtol=1e-14
    )


@settings(deadline=None)
@given(committees(st.none()), st.randoms(use_true_random=False))
def test_the_order_of_the_members_does_not_matter(committee, random):
    probabilities, _ = committee
    order = random.sample(range(len(probabilities)), len(probabilities))
    shuffled = probabilities[order]
    votes, num_classes = probabilities.argmax(axis=2), probabilities.shape[2]
    for ties, first, second in [("lowest", None, None), ("probability", probabilities, shuffled)]:
        np.testing.assert_array_equal(
            majority_vote(votes, num_classes, None, ties, first),
            majority_vote(votes[order], num_classes, None, ties, second),
        )
    np.testing.assert_allclose(
        committee_probabilities(probabilities), committee_probabilities(shuffled), rtol=1e-6
    )


def test_no_images_give_no_decisions():
    nothing = np.zeros((3, 0, 4))
    assert committee_probabilities(nothing).shape == (0, 4)
    assert geometric_vote(nothing).shape == (0, 4)
    assert majority_vote(np.zeros((3, 0), int), 4, ties="lowest").shape == (0,)


def test_small_and_unsigned_integers_are_votes():
    votes = np.array([[200] * 3, [200] * 3], np.uint8)
    np.testing.assert_array_equal(majority_vote(votes, 201, ties="lowest"), [200] * 3)
    np.testing.assert_array_equal(vote_shares(votes.astype(np.uint64), 201)[:, 200], 1)


VOTES = [[0, 1], [1, 1], [2, 0]]
PROBABILITIES = np.full((3, 2, 3), 1 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # votes
        (lambda: vote_shares([[0, 1], [1, 3]], 3), "of member 1 .* 0 to 2. Received: 3 at index 1"),
        (lambda: vote_shares([[0, -1], [7, 1]], 3), "of member 0 .* Received: -1 at index 1"),
        (lambda: vote_shares([0, 1], 3), r"integers \[members, n\].*shape \(2,\)"),
        (lambda: vote_shares([[0.0, 1.0]], 3), "votes must be integers.*float64"),
        (lambda: vote_shares([[True]], 3), "votes must be integers.*bool"),
        (lambda: vote_shares(np.zeros((0, 5), int), 3), "one member or more"),
        (
            lambda: vote_shares(VOTES, 0),
            "num_classes must be a whole number of 1 or more. Received: 0",
        ),
        (lambda: vote_shares(VOTES, 3.0), "num_classes must be a whole number.*Received: 3.0"),
        # weights
        (lambda: vote_shares(VOTES, 3, [1, 2]), r"each of the 3 members. Received: shape \(2,\)"),
        (lambda: vote_shares(VOTES, 3, [1, -2, 1]), r"none below 0.*\[1.0, -2.0, 1.0\]"),
        (lambda: vote_shares(VOTES, 3, [1, np.nan, 1]), "weights must be finite.*nan"),
        (lambda: vote_shares(VOTES, 3, [1, np.inf, 1]), "weights must be finite.*inf"),
        (lambda: soft_vote(PROBABILITIES, [0, 0, 0]), "not all 0"),
        # ties
        (lambda: majority_vote(VOTES, 3), 'probabilities must be float.*or pass ties="lowest"'),
        (lambda: majority_vote(VOTES, 3, ties="random"), "or \"lowest\". Received: 'random'"),
        (
            lambda: majority_vote(VOTES, 3, ties="lowest", probabilities=PROBABILITIES),
            "probabilities must be None",
        ),
        # probabilities
        (
            lambda: majority_vote(VOTES, 4, probabilities=PROBABILITIES),
            r"of the votes, \(3, 2, 4\). Received: shape \(3, 2, 3\)",
        ),
        (lambda: soft_vote([[0.5, 0.5]]), r"\[members, n, classes\].*shape \(1, 2\)"),
        (lambda: soft_vote(np.zeros((0, 2, 3))), r"shape \(0, 2, 3\)"),
        (lambda: soft_vote(PROBABILITIES * np.nan), "finite.*nan"),
        (
            lambda: soft_vote([[[2.0, -1.0]]]),
            "from -1.0 to 2.0.*Logits need a softmax",
        ),
        (
            lambda: geometric_vote([[[2.0, -1.0]]]),
            "from -1.0 to 2.0.*Logits need a softmax",
        ),
        (lambda: geometric_vote(PROBABILITIES, [1, 2]), r"each of the 3 members.*shape \(2,\)"),
        (lambda: committee_probabilities([[[np.inf, 0.0]]]), "finite.*inf"),
        (
            lambda: committee_probabilities(PROBABILITIES, "hard"),
            "majority, soft, geometric. Received: 'hard'",
        ),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
