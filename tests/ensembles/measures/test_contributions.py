from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.voting import VOTING, committee_probabilities, geometric_vote
from zoo.ensembles.measures.contributions import coalition_accuracies, leave_one_out, shapley_values
from zoo.errors import ArgumentError


@st.composite
def committees(draw):
    """Draw probabilities [members, n, classes] with ties among them, labels [n], and weights."""
    members, n, classes = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(2, 4))
    scores = draw(arrays(np.int64, (members, n, classes), elements=st.integers(0, 9)))
    scores[..., 0] += scores.sum(axis=2) == 0
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    weights = st.lists(st.integers(0, 3), min_size=members, max_size=members).filter(any)
    return scores / scores.sum(axis=2, keepdims=True), labels, draw(st.none() | weights)


def some(seed=0, members=4, n=200, classes=3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    scores = rng.gamma(1, size=(members, n, classes))
    scores[:, np.arange(n), labels] += rng.random((members, 1))
    return scores / scores.sum(axis=2, keepdims=True), labels


def accuracy_of(probabilities, labels, rule, weights, members):
    """Judge some members by the public rules themselves."""
    members = list(members)
    weights = np.ones(len(probabilities)) if weights is None else np.array(weights)
    if not weights[members].any():
        return 1 / probabilities.shape[2]
    chosen = probabilities[members], weights[members]
    if rule == "geometric":
        combined = geometric_vote(*chosen).astype(np.float32)
    else:
        combined = committee_probabilities(chosen[0], rule, chosen[1])
    return np.mean(combined.argmax(axis=1) == labels)


@pytest.mark.parametrize("rule", ["majority", "soft"])
@settings(max_examples=30)  # for each rule
@given(drawn=committees())
def test_accuracies_are_those_of_the_public_rules(rule, drawn):
    probabilities, labels, weights = drawn
    found = coalition_accuracies(probabilities, labels, rule, weights)
    members = len(probabilities)
    assert found.shape == (2**members,)
    for number, accuracy in enumerate(found):
        inside = [member for member in range(members) if number >> member & 1]
        expected = accuracy_of(probabilities, labels, rule, weights, inside)
        assert accuracy == pytest.approx(expected, abs=1e-12), inside


def test_accuracies_by_the_geometric_mean_are_those_of_the_public_rule():
    probabilities, labels = some()
    found = coalition_accuracies(probabilities, labels, "geometric", [1, 0.5, 2, 0])
    for number, accuracy in enumerate(found):
        inside = [member for member in range(4) if number >> member & 1]
        expected = accuracy_of(probabilities, labels, "geometric", [1, 0.5, 2, 0], inside)
        assert accuracy == pytest.approx(expected, abs=1e-12), inside


@pytest.mark.parametrize("rule", VOTING)
@settings(max_examples=30)  # for each rule
@given(drawn=committees())
def test_leave_one_out_is_the_whole_less_the_rest(rule, drawn):
    probabilities, labels, weights = drawn
    accuracies = coalition_accuracies(probabilities, labels, rule, weights)
    everyone = len(accuracies) - 1
    expected = [
        accuracies[everyone] - accuracies[everyone - 2**member]
        for member in range(len(probabilities))
    ]
    found = leave_one_out(probabilities, labels, rule, weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("rule", VOTING)
@settings(max_examples=30)  # for each rule
@given(drawn=committees())
def test_shapley_value_is_the_mean_over_all_orders(rule, drawn):
    probabilities, labels, weights = drawn
    accuracies = coalition_accuracies(probabilities, labels, rule, weights)
    members = len(probabilities)
    expected = np.zeros(members)
    for order in permutations(range(members)):
        inside = 0
        for member in order:
            expected[member] += accuracies[inside + 2**member] - accuracies[inside]
            inside += 2**member
    found = shapley_values(probabilities, labels, rule, weights)
    np.testing.assert_allclose(found, expected / factorial(members), atol=1e-12)


@pytest.mark.parametrize("rule", VOTING)
@settings(max_examples=30)  # for each rule
@given(drawn=committees())
def test_shapley_values_sum_to_what_the_committee_is_better_than_guessing(rule, drawn):
    probabilities, labels, weights = drawn
    accuracies = coalition_accuracies(probabilities, labels, rule, weights)
    found = shapley_values(probabilities, labels, rule, weights)
    assert accuracies[0] == pytest.approx(1 / probabilities.shape[2])
    assert found.sum() == pytest.approx(accuracies[-1] - accuracies[0], abs=1e-12)


@pytest.mark.parametrize("rule", VOTING)
def test_equal_members_contribute_equally(rule):
    probabilities, labels = some()
    probabilities = probabilities[[0, 1, 0, 2]]
    for measure in (shapley_values, leave_one_out):
        values = measure(probabilities, labels, rule)
        assert values[0] == pytest.approx(values[2], abs=1e-12)


@pytest.mark.parametrize("rule", VOTING)
def test_order_of_the_members_does_not_matter(rule):
    probabilities, labels = some()
    order = [2, 0, 3, 1]
    for measure in (shapley_values, leave_one_out):
        values = measure(probabilities, labels, rule)
        shuffled = measure(probabilities[order], labels, rule)
        np.testing.assert_allclose(shuffled, values[order], atol=1e-12)


@pytest.mark.parametrize("rule", VOTING)
def test_a_member_of_weight_0_contributes_nothing(rule):
    probabilities, labels = some()
    weights = [1, 0, 2, 1]
    assert shapley_values(probabilities, labels, rule, weights)[1] == pytest.approx(0, abs=1e-12)
    assert leave_one_out(probabilities, labels, rule, weights)[1] == 0
    rest = [0, 2, 3]
    np.testing.assert_allclose(
        shapley_values(probabilities, labels, rule, weights)[rest],
        shapley_values(probabilities[rest], labels, rule, [1, 2, 1]),
        atol=1e-12,
    )


def test_an_only_member_contributes_what_it_is_better_than_guessing():
    probabilities, labels = some(members=1)
    expected = np.mean(probabilities[0].argmax(axis=1) == labels) - 1 / 3
    assert shapley_values(probabilities, labels) == pytest.approx([expected])
    assert leave_one_out(probabilities, labels) == pytest.approx([expected])

    def only(_):
        return probabilities[0].argmax(axis=1)

    assert leave_one_out(probabilities, labels, only) == pytest.approx([expected])


@pytest.mark.parametrize("right", [True, False])
def test_members_that_are_all_right_or_all_wrong_share_alike(right):
    probabilities, labels = np.tile(np.eye(2), (4, 1, 1)), [0, 1] if right else [1, 0]
    np.testing.assert_allclose(shapley_values(probabilities, labels), 0.125 if right else -0.125)
    np.testing.assert_array_equal(leave_one_out(probabilities, labels), 0)


@pytest.mark.parametrize("measure", [leave_one_out, shapley_values, coalition_accuracies])
def test_a_rule_is_taken_by_name_or_as_a_rule_with_its_weights(measure):
    probabilities, labels = some()
    weights = (1, 0.5, 2, 0)
    by_name = measure(probabilities, labels, "geometric", weights)
    for rule in (Rule("geometric", weights), Rule("geometric", weights, temperature=2.0)):
        np.testing.assert_array_equal(measure(probabilities, labels, rule), by_name)


def test_a_function_decides_for_the_members_that_it_is_given():
    probabilities, labels = some()
    asked = []

    def soft(members):
        asked.append(members)
        return probabilities[list(members)].mean(axis=0).argmax(axis=1)

    for measure in (shapley_values, leave_one_out, coalition_accuracies):
        by_name, by_function = (measure(probabilities, labels, rule) for rule in ("soft", soft))
        np.testing.assert_allclose(by_function, by_name, atol=1e-12)
    assert () not in asked
    assert asked[0] == (0,)
    assert (0, 2, 3) in asked


def test_twelve_members_are_tried_in_every_committee():
    probabilities, labels = some(members=12, n=20)
    values = shapley_values(probabilities, labels, "soft")
    accuracy = np.mean(probabilities.mean(axis=0).argmax(axis=1) == labels)
    assert values.sum() == pytest.approx(accuracy - 1 / 3)


ROWS, LABELS = [[[0.6, 0.4]], [[0.3, 0.7]]], [0]
STACK = Rule("stacking", coefficients=np.ones((2, 2, 2)).tolist(), intercept=(0.0, 0.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shapley_values(np.full((13, 1, 2), 0.5), [0]), "12 members at most.*Received: 13"),
        (lambda: shapley_values(np.full((13, 1, 2), 0.5), [0]), "leave_one_out, or .*best_members"),
        (lambda: coalition_accuracies(ROWS, LABELS, "hard"), "Received: 'hard'"),
        (lambda: coalition_accuracies(ROWS, LABELS, 3), "or a function. Received: 3"),
        (lambda: leave_one_out(ROWS, LABELS, STACK), "Received: 'stacking'"),
        (lambda: leave_one_out(ROWS, LABELS, lambda _: [0.5]), "rule must give .*float64"),
        (
            lambda: shapley_values(ROWS, LABELS, lambda _: [0, 1]),
            r"each of the 1 images. Received: int64 of shape \(2,\) for the members \(0,\)",
        ),
        (
            lambda: shapley_values(ROWS, LABELS, lambda _: [0], weights=[1, 2]),
            "for a Rule or a function",
        ),
        (lambda: leave_one_out(ROWS, LABELS, weights=[1]), "each of the 2 members"),
        (lambda: leave_one_out(ROWS, [2]), "class ids from 0 to 1. Received: 2"),
        (lambda: leave_one_out(ROWS[0], LABELS), r"\[members, n, classes\].*shape \(1, 2\)"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
