import contextlib
import importlib
import json
import pkgutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax

from zoo.cli import main
from zoo.ensembles import Committee, combining, compare, model_card
from zoo.ensembles.combining.definition import Definition
from zoo.ensembles.combining.rules import DEFINITIONS, Rule, rules_to_compare, voting_names
from zoo.ensembles.combining.voting import committee_probabilities
from zoo.ensembles.measures.contributions import coalition_accuracies
from zoo.errors import ArgumentError

RNG = np.random.default_rng(0)
STACKED = Rule.from_config(
    {
        "voting": "stacking",
        "coefficients": RNG.normal(size=(3, 2, 3)).tolist(),
        "intercept": (0.1, -0.2, 0.3),
    }
)
RULES = [
    Rule(),
    Rule("majority", (2, 1)),
    Rule("soft"),
    Rule("soft", (0, 1)),
    Rule("soft", temperature=2.5),
    Rule("geometric", (1, 3)),
    Rule("geometric", temperature=0.5),
    STACKED,
    Rule(**{**STACKED.to_config(), "temperature": 3.0}),
]


@pytest.fixture
def probabilities():
    values = RNG.dirichlet(np.ones(3), (2, 40))
    values[0, 0] = [0, 0, 1]
    return values


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_arrays_and_tensors_are_combined_alike(rule, probabilities):
    on_tensors = np.asarray(rule.on_tensors(probabilities))
    np.testing.assert_allclose(on_tensors, rule(probabilities), atol=1e-6)
    np.testing.assert_allclose(on_tensors.sum(axis=1), 1, atol=1e-6)
    assert on_tensors.dtype == np.float32


def random_rule(draw, definition):
    """A rule with random parameters for 4 members and 3 classes."""
    values = {
        "coefficients": arrays("float64", (3, 4, 3), elements=st.floats(-2, 2)),
        "intercept": arrays("float64", (3,), elements=st.floats(-2, 2)),
        # Weights that tie, but for rounding.
        "weights": st.none() | st.lists(st.sampled_from([0.1, 0.2, 0.3, 1.0]), min_size=4,
                                        max_size=4),
    }  # fmt: skip
    drawn = {name: draw(values[name]) for name in definition.parameters}
    temperature = None if definition.counts_votes else draw(st.none() | st.floats(0.2, 5))
    return Rule(definition.name, temperature=temperature, **drawn)


@pytest.mark.parametrize("name", DEFINITIONS)
@given(data=st.data())
def test_every_rule_of_the_table_combines_arrays_and_tensors_alike(name, data):
    # Probabilities on a grid, so that ties are common.
    grid = arrays("float32", (4, 3, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    probabilities = data.draw(grid) + np.float32(0.25)
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    rule = random_rule(data.draw, DEFINITIONS[name])
    expected, combined = rule(probabilities), np.asarray(rule.on_tensors(probabilities))
    np.testing.assert_allclose(combined, expected, atol=2e-7)
    if DEFINITIONS[name].counts_votes:
        np.testing.assert_array_equal(combined.argmax(axis=1), expected.argmax(axis=1))


# A rule of one's own, which needs no change but a line in the table.


def median_vote(probabilities):
    median = np.median(probabilities, axis=0)
    return median / median.sum(axis=1, keepdims=True)


def median_vote_on_tensors(probabilities):
    from keras import ops

    median = ops.median(probabilities, axis=0)
    return median / ops.sum(median, axis=1, keepdims=True)


@pytest.fixture
def median(monkeypatch):
    """A rule that takes no weights, in the table."""
    definition = Definition("median", median_vote, median_vote_on_tensors, parameters=())
    monkeypatch.setitem(DEFINITIONS, "median", definition)
    return definition.name


def test_a_rule_in_the_table_is_known_everywhere(median, probabilities):
    assert voting_names() == ("majority", "soft", "geometric", "median")
    combined = committee_probabilities(probabilities, "median")
    np.testing.assert_allclose(combined, median_vote(probabilities), rtol=1e-6)
    np.testing.assert_allclose(Rule("median").on_tensors(probabilities), combined, atol=1e-7)
    assert rules_to_compare(Rule("soft", (1, 2)))["median vote"] == Rule("median")
    with pytest.raises(ArgumentError, match="weights must be None for voting='median'"):
        Rule("median", weights=(1, 2))


def test_a_committee_votes_by_a_rule_in_the_table(median, trained_committee, test_split, tmp_path):
    committee = Committee(list(trained_committee.members), voting="median")
    expected = median_vote(committee.member_probabilities(test_split))
    np.testing.assert_allclose(committee.predict(test_split), expected, rtol=1e-5)
    assert committee.export(tmp_path / "graph").is_dir()
    committee.save(tmp_path / "a.keras")
    assert Committee.load(tmp_path / "a.keras").voting == "median"


def test_a_rule_in_the_table_is_on_the_leaderboard(median, trained_committee, test_split):
    board = compare(trained_committee, test_split)
    assert "median vote" in {entry.name for entry in board.entries}


def test_a_rule_in_the_table_has_contributions_of_members(median, trained_committee, test_split):
    report = trained_committee.with_rule("median").report(test_split)
    members = trained_committee.member_probabilities(test_split)
    accuracies = coalition_accuracies(members, test_split.labels, Rule("median"))
    right = median_vote(members[[0, 2]]).argmax(axis=1) == test_split.labels
    assert accuracies[0b101] == pytest.approx(right.mean())
    assert report.analysis.shapley.sum() == pytest.approx(accuracies[-1] - 1 / 3)
    assert len(report.analysis.leave_one_out) == len(trained_committee.members)


def test_a_committee_is_trained_with_a_rule_in_the_table_on_the_command_line(
    median, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):
        main(["committee", "softmax", "--copies", "2", "--voting", median, "--epochs", "1"])
    assert "(median vote)" in capsys.readouterr().out
    (saved,) = tmp_path.rglob("committee.keras")
    assert Committee.load(saved).voting == "median"


def test_a_learned_rule_has_parameters_of_its_own(monkeypatch, trained_committee, test_split):
    def check(members, num_classes, centre, offsets):
        if len(offsets) != members:
            raise ArgumentError(f"offsets must be one number for each of {members} members.")

    def first_member(probabilities, centre, offsets):
        return probabilities[0]

    definition = Definition(
        "first", first_member, first_member, ("centre", "offsets"),
        description="the first member", learned_by="fit_first", check_learned=check,
    )  # fmt: skip
    monkeypatch.setitem(DEFINITIONS, "first", definition)
    with pytest.raises(ArgumentError, match="offsets must be learned by fit_first"):
        Rule("first", centre=1.0)
    rule = Rule("first", centre=1.0, offsets=np.zeros(3))
    assert (rule.offsets, rule.coefficients, Rule().offsets) == ((0.0, 0.0, 0.0), None, None)
    assert Rule.from_config(json.loads(json.dumps(rule.to_config()))) == replace(rule) == rule
    committee = trained_committee.with_rule(rule)
    members = committee.member_probabilities(test_split)
    np.testing.assert_allclose(committee.predict(test_split), members[0], rtol=1e-6)
    with pytest.raises(ArgumentError, match="for each of 2 members"):
        trained_committee.with_rule(rule, members=[0, 1])
    card = model_card(committee, committee.report(test_split))
    assert "members decide by the first member." in card


def test_every_module_with_a_definition_is_in_the_table():
    modules = (
        importlib.import_module(f"{combining.__name__}.{module.name}")
        for module in pkgutil.iter_modules(combining.__path__)
    )
    defined = {module.DEFINITION.name for module in modules if hasattr(module, "DEFINITION")}
    assert defined == set(DEFINITIONS)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_is_a_value_that_survives_json(rule):
    assert Rule.from_config(json.loads(json.dumps(rule.to_config()))) == rule


def test_a_rule_for_some_of_the_members_keeps_their_weights():
    rule = Rule("geometric", (1, 2, 3), temperature=2.0)
    assert rule.defined_for_fewer
    assert rule.for_members([2, 0]) == Rule("geometric", (3, 1), temperature=2.0)
    assert Rule().for_members([1]) == Rule()


def test_a_stack_is_no_rule_for_some_of_the_members():
    assert not STACKED.defined_for_fewer
    with pytest.raises(ArgumentError, match="'stacking', which is learned from all members"):
        STACKED.for_members([0])


@given(st.floats(0.2, 8), st.integers(0, 99))
def test_a_temperature_divides_the_logarithms_and_changes_no_decision(temperature, seed):
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(4), (3, 20))
    plain = committee_probabilities(probabilities, "soft").astype(float)
    found = Rule("soft", temperature=temperature)(probabilities)
    np.testing.assert_allclose(found, softmax(np.log(plain) / temperature, axis=1), atol=1e-6)
    np.testing.assert_array_equal(found.argmax(axis=1), plain.argmax(axis=1))


def test_stacking_is_a_logistic_regression_on_logarithms(probabilities):
    probabilities[0, 0] = [0.2, 0.2, 0.6]
    coefficients = np.array(STACKED.coefficients)
    for image, found in enumerate(STACKED(probabilities)):
        logits = [
            STACKED.intercept[k]
            + sum(coefficients[k, m] @ np.log(probabilities[m, image]) for m in range(2))
            for k in range(3)
        ]
        np.testing.assert_allclose(np.log(found), log_softmax(logits), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"voting": "hard"}, "voting must be one of majority, soft, geometric, stacking"),
        ({"voting": "sotf"}, "Received: 'sotf'; did you mean 'soft'"),
        ({"voting": ["soft"]}, "voting must be one of"),
        ({"voting": "stacking"}, r"coefficients must be learned by zoo\.ensembles\.stack"),
        ({"voting": "soft", "coefficients": ((1,),)}, "coefficients must be None"),
        ({**STACKED.to_config(), "weights": (1, 2)}, "weights must be None for voting='stacking'"),
        ({"temperature": 2}, "temperature must be None for voting='majority', which gives shares"),
        ({"voting": "soft", "temperature": 0}, "temperature must be above 0"),
        ({"voting": "soft", "temperature": "2"}, "temperature must be above 0"),
        ({"voting": "soft", "temperature": 10**400}, "temperature must be above 0"),
        ({"voting": "soft", "temperature": np.ones(2)}, "temperature must be above 0"),
        ({"weights": ("a", "b")}, "weights must be numbers"),
        ({"weights": (1, 10**400)}, "weights must be numbers"),
        ({"weights": 3}, "weights must be numbers"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Rule(**arguments)


@pytest.mark.parametrize(
    ("rule", "members", "message"),
    [
        (Rule(weights=(1, 2)), 3, "one number for each of the 3 members"),
        (STACKED, 3, "for 3 members"),
        (Rule(**{**STACKED.to_config(), "intercept": (1.0,)}), 2, r"intercept \[classes\]"),
    ],
)
def test_rules_for_other_members_are_refused(rule, members, message):
    with pytest.raises(ArgumentError, match=message):
        rule.check_members(members)


@pytest.mark.parametrize("voting", voting_names())
def test_groups_of_the_members_decide_as_the_rule_for_these_members_does(voting):
    # Few different numbers, so that many sums tie.
    probabilities = np.random.default_rng(0).integers(1, 5, (4, 60, 3)) / 8
    probabilities = (probabilities / probabilities.sum(axis=2, keepdims=True)).astype("float32")
    rule = Rule(voting, (1, 2, 1, 0.5))
    groups = np.array([[1, 0, 0, 1], [1, 1, 1, 1], [0, 1, 1, 0]], bool)
    decisions = rule.decisions_of_groups(probabilities, groups)
    for group, decision in zip(groups, decisions, strict=True):
        expected = rule.for_members(np.flatnonzero(group))(probabilities[group]).argmax(axis=1)
        np.testing.assert_array_equal(decision, expected)
