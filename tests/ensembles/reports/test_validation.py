import json

import numpy as np
import pytest

from zoo.ensembles.reports.validation import ValidatedModel
from zoo.metrics import accuracy

LABELS = np.array([0, 1, 1, 0])
MEMBERS = {"cnn": np.eye(2)[[0, 1, 0, 0]], "mlp": np.eye(2)[[1, 1, 1, 1]]}


@pytest.fixture
def model():
    model = ValidatedModel()
    model.record_validation(LABELS, MEMBERS, np.eye(2)[LABELS])
    return model


def test_members_and_committee_have_their_accuracies(model):
    assert model.validation_accuracy == (0.75, 0.5)
    assert model.validation_scores["mlp"] == accuracy(LABELS, np.ones(4, int))
    assert model.validation_scores["committee"] == accuracy(LABELS, LABELS)


def test_scores_are_saved_and_those_of_earlier_versions_too(model):
    config = json.loads(json.dumps(model.validation_to_config()))
    loaded = ValidatedModel()
    loaded.restore_validation(config)
    assert loaded.validation_accuracy == model.validation_accuracy
    assert loaded.validation_scores == model.validation_scores
    loaded.restore_validation({"validation_accuracy": [0.25]})
    assert (loaded.validation_accuracy, loaded.validation_scores) == ((0.25,), {})


def test_another_rule_keeps_the_scores_of_the_members_only(model):
    other = ValidatedModel()
    other.take_validation_from(model, [1], ["mlp"])
    assert other.validation_accuracy == (0.5,)
    assert other.validation_scores.keys() == {"mlp"}


def test_new_weights_have_no_scores(model):
    model.forget_validation()
    assert (model.validation_accuracy, model.validation_scores) == (None, {})
