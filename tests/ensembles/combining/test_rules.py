import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.voting import committee_probabilities
from zoo.errors import ArgumentError

RNG = np.random.default_rng(0)
STACKED = Rule(
    "stacking",
    coefficients=tuple(map(tuple, (tuple(map(tuple, one)) for one in RNG.normal(size=(3, 2, 3))))),
    intercept=(0.1, -0.2, 0.3),
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


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_is_a_value_that_survives_json(rule):
    assert Rule.from_config(json.loads(json.dumps(rule.to_config()))) == rule


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
        ({"voting": "hard"}, "voting is one of majority, soft, geometric, stacking"),
        ({"voting": "stacking"}, "stacking has coefficients"),
        ({"voting": "soft", "coefficients": ((1,),)}, "stacking has coefficients"),
        ({**STACKED.to_config(), "weights": (1, 2)}, "no weights"),
        ({"temperature": 2}, "majority voting gives shares of the vote"),
        ({"voting": "soft", "temperature": 0}, "A temperature is above 0"),
        ({"weights": ("a", "b")}, "weights must be numbers"),
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
        (Rule(**{**STACKED.to_config(), "intercept": (1.0,)}), 2, r"intercept is \[classes\]"),
    ],
)
def test_rules_for_other_members_are_refused(rule, members, message):
    with pytest.raises(ArgumentError, match=message):
        rule.check_members(members)
