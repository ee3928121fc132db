"""A teacher on the command line: which model teaches, and how much."""

import json

import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Member, pretrained

TRAIN = ("train", "mlp", "--set", "hidden=[8]", "--epochs", 1, "-q", "--log-dir", "run")
TEACHER = ("--teacher", "tiny", "--teacher-temperature", 2, "--teacher-share", 0.5)


def taught_by(teacher):
    """The weights of the same training in Python."""
    digits = zoo.datasets.load("digits")
    recipe = zoo.Recipe(**{**vars(zoo.describe("mlp").recipe), "epochs": 1})
    committee = Committee(Member("mlp", {"hidden": [8]}, recipe), voting="soft")
    committee.fit(digits.train, validation_data=digits.validation, teacher=teacher, verbose=0)
    return committee.members[0].get_weights()


@pytest.mark.usefixtures("tiny_weights")
def test_a_model_learns_from_a_teacher_and_goes_on_with_the_same(zoo_command, tmp_path):
    code, _, err = zoo_command(*TRAIN, *TEACHER)
    assert (code, err) == (0, "")
    trained = Committee.load(tmp_path / "run/committee.keras").members[0].get_weights()
    expected = taught_by(zoo.Teacher(pretrained("tiny"), temperature=2, share=0.5))
    for weights, other in zip(trained, expected, strict=True):
        np.testing.assert_allclose(weights, other, rtol=1e-4, atol=1e-6)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(trained, taught_by(None), strict=True))
    before = json.loads((tmp_path / "run/run.json").read_text("utf-8"))["config"]["teacher"]
    assert (before["temperature"], before["share"]) == (2, 0.5)
    again = ("train", "--resume", "--log-dir", "run", "-q", "--epochs", 2)
    assert zoo_command(*again).code == 0
    after = json.loads((tmp_path / "run/run.json").read_text("utf-8"))["config"]
    assert after["teacher"] == before
    assert after["recipes"]["mlp"]["epochs"] == 2
    code, _, err = zoo_command(*again, "--teacher-share", 0.6)
    assert code == 2
    assert "share was 0.5 and is now 0.6" in err


@pytest.mark.parametrize("name", ["my run", "my run/committee.keras"])
def test_the_folder_of_a_run_teaches_also_from_another_folder(
    zoo_command_in, trained, tmp_path, name
):
    folder, _ = trained
    words = ("committee", "softmax", "softmax", "--epochs", 1, "-q", "--log-dir", tmp_path / "run")
    assert zoo_command_in(folder, *words, "--teacher", name).code == 0
    again = ("committee", "--resume", "--log-dir", "run", "-q", "--epochs", 2)
    code, _, err = zoo_command_in(tmp_path, *again)
    assert (code, err) == (0, "")
    config = json.loads((tmp_path / "run/run.json").read_text("utf-8"))["config"]
    assert (config["teacher"]["temperature"], config["teacher"]["share"]) == (4, 0.9)


@pytest.mark.usefixtures("tiny_weights")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--teacher-share", "0.5"], "--teacher-share must come with --teacher. Received: --teach"),
        (["--teacher-temperature", "2"], "--teacher-temperature must come with --teacher. Receiv"),
        (["--teacher", "tiny", "--teacher-share", "2"], "--teacher-share must be a finite number"),
        (["--teacher", "tiny", "--teacher-temperature", "0"], "--teacher-temperature must be a fi"),
        (["--teacher", "tinny"], "--teacher must be a saved model, .keras, a run folder, or a se"),
        (["--teacher", "tinny"], "Received: tinny, which does not exist; did you mean 'tiny'?"),
        (["--teacher", "gone.keras"], "--teacher must be a model saved as a .keras file. Received"),
        (["--teacher", "."], "--teacher must be a saved model, .keras, or a run folder that ho"),
        (["--teacher", ""], "--teacher must be a path: the text is empty."),
    ],
)
def test_a_wrong_teacher_is_told_before_tensorflow_starts(zoo_command, words, message):
    code, out, err = zoo_command("train", "mlp", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.usefixtures("tiny_weights")
def test_a_teacher_that_orders_the_classes_otherwise_is_refused(zoo_command, tmp_path):
    words = (*TRAIN, "--teacher", "tiny/vgg-0", "--classes", "1,0,2,3,4,5,6,7,8,9")
    code, _, err = zoo_command(*words)
    assert code == 2
    assert "The teacher must know the classes in the order of the training images: 1, 0, 2" in err
    assert not (tmp_path / "run").exists()
