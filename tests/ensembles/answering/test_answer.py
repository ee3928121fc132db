import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy

from zoo.ensembles.answering.answer import make_answers
from zoo.ensembles.combining.majority import majority_probabilities

MEMBERS = {
    "cnn": np.array([[0.9, 0.1], [0.2, 0.8]]),
    "mlp": np.array([[0.7, 0.3], [0.6, 0.4]]),
}


def test_an_answer_has_class_probability_votes_and_the_entropy_of_the_mean():
    combined = np.array([[0.8, 0.2], [0.4, 0.6]])
    first, second = make_answers([Path("a.jpg"), 1], MEMBERS, combined, ("cat", "dog"))
    assert (first.source, first.class_name, first.probability) == (Path("a.jpg"), "cat", 0.8)
    assert (second.class_name, second.votes) == ("dog", {"cnn": "dog", "mlp": "cat"})
    assert second.uncertainty == pytest.approx(entropy([0.4, 0.6]))


def test_weights_count_in_the_uncertainty():
    (answer, _) = make_answers([0, 1], MEMBERS, MEMBERS["cnn"], "ab", weights=(3, 1))
    assert answer.uncertainty == pytest.approx(entropy([0.85, 0.15]))


@pytest.mark.parametrize(
    ("weights", "share"), [(None, 2 / 3), ((2, 1, 1), 0.75), ((1, 1, 4), 5 / 6)]
)
def test_the_probability_of_a_majority_is_the_share_of_the_votes(weights, share):
    members = dict(zip("abc", [[[0.6, 0.4]], [[0.1, 0.9]], [[0.8, 0.2]]], strict=True))
    combined = majority_probabilities([*members.values()], weights)
    arrays = {name: np.array(values) for name, values in members.items()}
    (answer,) = make_answers([0], arrays, combined, "xy", weights, counts_votes=True)
    assert answer.class_name == "x"
    assert answer.probability == pytest.approx(share, abs=1e-12)
    assert answer.to_dict()["probability"] == round(share, 6)


def test_a_tie_of_votes_goes_to_the_more_probable_class_with_half_of_the_votes():
    members = np.array([[[0.6, 0.4]], [[0.1, 0.9]]])
    arrays = {"a": members[0], "b": members[1]}
    combined = majority_probabilities(members)
    (answer,) = make_answers([0], arrays, combined, "xy", counts_votes=True)
    assert (answer.class_name, answer.probability) == ("y", 0.5)


def test_an_answer_is_readable_and_becomes_json():
    answer = make_answers([Path("a.jpg")], {"cnn": MEMBERS["cnn"][:1]}, MEMBERS["cnn"], "ab")[0]
    assert repr(answer) == "Answer(a.jpg: a 90.0 %, uncertainty 0.33 nats; cnn: a)"
    assert json.loads(json.dumps(answer.to_dict())) == {
        "source": "a.jpg",
        "class": "a",
        "probability": 0.9,
        "uncertainty": 0.325083,
        "votes": {"cnn": "a"},
    }
    assert hash(answer) == hash(answer)
