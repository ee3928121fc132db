import importlib
import json
import subprocess
import sys

import pytest

import zoo
import zoo.datasets
import zoo.ensembles
from zoo import moved

STEPS = """
import contextlib, io, json, runpy, sys

def heavy():
    return sorted({"tensorflow", "keras", "sklearn"} & set(sys.modules))

def command(*words):
    sys.argv = ["zoo", *words]
    sys.modules.pop("zoo.__main__", None)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_module("zoo", run_name="__main__")
        except SystemExit as end:
            assert not end.code, end.code
    printed[" ".join(words)] = output.getvalue()

loaded, printed = {}, {}
import zoo
loaded["import zoo"] = heavy()
zoo.list_models()
zoo.describe("cnn")
loaded["zoo.list_models()"] = heavy()
zoo.list_weights()
loaded["zoo.list_weights()"] = heavy()
import zoo.datasets
zoo.datasets.list_datasets()
loaded["import zoo.datasets"] = heavy()
import zoo.ensembles
loaded["import zoo.ensembles"] = heavy()
command("--help")
loaded["zoo --help"] = heavy()
command("train", "--help")
loaded["zoo train --help"] = heavy()
command("models")
loaded["zoo models"] = heavy()
command("describe", "cnn")
loaded["zoo describe cnn"] = heavy()
command("weights")
loaded["zoo weights"] = heavy()
print(json.dumps([loaded, printed]))
"""


@pytest.fixture(scope="module")
def process():
    process = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_looking_around_loads_neither_tensorflow_nor_scikit_learn(process):
    loaded, _ = process
    assert len(loaded) == 10
    assert all(modules == [] for modules in loaded.values()), loaded


def test_commands_that_load_no_tensorflow_do_answer(process):
    _, printed = process
    assert "committee" in printed["--help"]
    assert "--epochs" in printed["train --help"]
    assert all(name in printed["models"] for name in zoo.list_models())
    assert "CO395" in printed["describe cnn"]
    assert "lenet" in printed["weights"]


# Names of earlier versions


@pytest.mark.parametrize("name", sorted(moved.MOVED))
def test_a_module_of_an_earlier_version_is_found_under_its_name(name):
    present = importlib.import_module(f"zoo.{moved.MOVED[name]}")
    spec = present.__spec__
    assert importlib.import_module(f"zoo.{name}") is present
    assert present.__spec__ is spec


DOCUMENTED = {
    "zoo.augment": "Augmentation",
    "zoo.averaging": "settle_statistics",
    "zoo.distillation": "Teacher",
    "zoo.learner": "Learner check_model",
    "zoo.training": "train",
    "zoo.registry": "ModelSpec build describe list_models register",
    "zoo.projective": "matrices parameters transform",
    "zoo.runs": "RunFolder write_atomically",
    "zoo.standardize": "mean_image",
    "zoo.models.parts": "pixels",
    "zoo.datasets.base": "ImageData Split as_split",
    "zoo.ensembles.voting": "geometric_vote majority_vote soft_vote vote_shares",
    "zoo.ensembles.significance": "cochran_q holm images_to_tell mcnemar paired_bootstrap",
    "zoo.ensembles.scores": "Scores brier_score log_losses negative_log_likelihood scores",
    "zoo.ensembles.calibration": "apply_temperature expected_calibration_error reliability_curve",
    "zoo.ensembles.diversity": "Diversity ambiguity cohen_kappa disagreement double_fault",
    "zoo.ensembles.uncertainty": "detection_auroc mutual_information risk_coverage",
    "zoo.ensembles.worth": "coalition_accuracies leave_one_out shapley_values",
    "zoo.ensembles.selection": "best_members greedy_selection simplex_weights",
    "zoo.ensembles.bagging": "out_of_bag",
    "zoo.ensembles.bootstrap": "Estimate percentile_interval resampled_means",
    "zoo.ensembles.report": "Report",
    "zoo.ensembles.leaderboard": "Leaderboard compare",
    "zoo.ensembles.rule": "Rule",
    "zoo.ensembles.card": "model_card",
    "zoo.ensembles.tuning": "calibrate select",
    "zoo.ensembles.export": "export",
}
"""Modules of version 0.1 with the names that its documentation mentioned."""


@pytest.mark.parametrize("module", DOCUMENTED)
def test_documented_names_of_an_earlier_version_are_found(module):
    present = importlib.import_module(module)
    assert [name for name in DOCUMENTED[module].split() if not hasattr(present, name)] == []


def test_names_that_never_were_are_not_found():
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        importlib.import_module("zoo.ensembles.zzz")


# The public names


def test_public_names_are_there():
    assert set(zoo.__all__) <= set(dir(zoo))
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)


@pytest.mark.parametrize("package", [zoo, zoo.datasets, zoo.ensembles])
def test_unknown_attribute_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'zzz'"):
        package.zzz  # noqa: B018
