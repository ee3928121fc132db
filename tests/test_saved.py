"""What version 0.1 saved loads, resumes, and gives the same answers."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import Recipe
from zoo.ensembles import Committee, Member

SAVED = Path(__file__).parent / "saved"
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def answers():
    with np.load(SAVED / "answers.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["majority", "calibrated", "stack", "handwritten"])
def test_a_saved_committee_answers_as_it_did(name, answers, test_split):
    committee = Committee.load(SAVED / f"{name}.keras")
    facts = json.loads((SAVED / f"{name}.json").read_text("utf-8"))
    members = committee.member_probabilities(test_split)
    np.testing.assert_allclose(members, answers[f"{name}/members"], **ROUNDING)
    np.testing.assert_allclose(committee.predict(test_split), answers[name], **ROUNDING)
    assert json.loads(json.dumps(committee.rule.to_config())) == facts["rule"]
    assert list(committee.member_names) == facts["member_names"]
    assert list(committee.class_names) == facts["class_names"]
    assert len(committee.trained_on) == facts["trained_on"]
    assert len(committee.tuned_on) == facts["tuned_on"]
    assert [recipe.epochs for recipe in committee.recipes] == facts["epochs"]
    assert [recipe.standardize for recipe in committee.recipes] == facts["standardize"]
    assert committee.training == facts["training"]
    accuracies = committee.validation_accuracy
    assert (accuracies and list(accuracies)) == facts["validation_accuracy"]


def test_a_saved_committee_is_judged_and_saved_again(tmp_path, test_split):
    committee = Committee.load(SAVED / "majority.keras")
    committee.save(tmp_path / "again.keras")
    again = Committee.load(tmp_path / "again.keras")
    np.testing.assert_array_equal(again.predict(test_split), committee.predict(test_split))
    assert again.report(test_split).to_dict() == committee.report(test_split).to_dict()


ADAM = Recipe(optimizer="adam", learning_rate=0.01, batch_size=32, epochs=5)
MLP = {"hidden": (4,)}
RUNS = {
    "together": (
        {
            "members": [
                Member("softmax", recipe=ADAM),
                Member(
                    "mlp",
                    MLP,
                    Recipe("adam", learning_rate=0.01, batch_size=32, epochs=5, patience=4),
                ),
            ],
            "seed": 3,
        },
        {},
    ),
    "augmented": (
        {
            "members": [
                Member(
                    "bn_mlp",
                    {"hidden": (6, 6)},
                    Recipe(
                        optimizer_arguments={"momentum": 0.9},
                        learning_rate=0.01,
                        batch_size=32,
                        epochs=5,
                        augmentation=zoo.Augmentation(horizontal_flip=True, rotation_range=10),
                        average_from=0.3,
                    ),
                )
            ],
            "seed": 4,
            "voting": "soft",
        },
        {},
    ),
    "bootstrap": (
        {"members": Member("mlp", MLP, ADAM), "copies": 2, "seed": 6},
        {"resampling": "bootstrap"},
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_an_earlier_version_is_resumed(
    name, tmp_path, train_split, validation_split, test_split
):
    arguments, training = RUNS[name]
    run = shutil.copytree(SAVED / "runs" / name, tmp_path / name)
    committee = Committee(**arguments)
    history = committee.fit(
        train_split,
        validation_data=validation_split,
        log_dir=run,
        resume=True,
        verbose=0,
        **training,
    )
    assert history.epoch == [1, 2, 3, 4, 5]
    with np.load(SAVED / "resumed.npz") as file:
        members = committee.member_probabilities(test_split)
        np.testing.assert_allclose(members, file[name], **ROUNDING)
