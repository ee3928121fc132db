"""A run is resumed from its own states only, and every other state is named."""

import json
import shutil

import numpy as np
import pytest

import zoo
from zoo.datasets.split import Split
from zoo.errors import RunError
from zoo.training import train
from zoo.training.learner import Learner


def fit(folder, epochs=1, resume=True):
    """Train in a run folder, or go on with its run."""
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1), dtype=np.uint8)
    split = Split("train", images, np.arange(24) % 2, ("a", "b"))
    model = zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2, seed=0)
    learner = Learner("softmax", model, zoo.Recipe("sgd", 0.01, batch_size=8, epochs=epochs))
    return train([learner], split, log_dir=folder, resume=resume, verbose=0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run of a single epoch, which no test may change."""
    folder = tmp_path_factory.mktemp("run") / "run"
    fit(folder, resume=False)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run folder, which a test may change."""
    return shutil.copytree(finished, tmp_path / "run")


def change_state(folder, change):
    path = folder / "state" / "softmax.npz"
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    facts = json.loads(str(arrays.pop("facts")))
    change(arrays, facts)
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, facts: arrays.pop("softmax/variables/0"),
        lambda arrays, facts: arrays.update({"softmax/variables/0": np.zeros((3, 3))}),
        lambda arrays, facts: facts["learners"].clear(),
        lambda arrays, facts: facts.pop("epoch"),
        lambda arrays, facts: facts.update(learners=5),
        lambda arrays, facts: arrays.update({"softmax/best/0": np.zeros((3, 3))}),
        lambda arrays, facts: arrays.update({"softmax/best/0": np.array("text")}),
        lambda arrays, facts: arrays.update(totals=np.zeros((5, 5))),
        lambda arrays, facts: arrays.update(totals=np.zeros((1, 3), "float32")),
        lambda arrays, facts: arrays.update(totals=np.array("text")),
        lambda arrays, facts: facts.update(step=2),  # but no image is counted
        lambda arrays, facts: facts.update(step=10**6),
        lambda arrays, facts: facts.update(epoch=3),  # of 2
        lambda arrays, facts: facts.update(epoch=-5),
        lambda arrays, facts: facts.update(epoch=1.5),
        lambda arrays, facts: facts.update(epoch="x"),
        lambda arrays, facts: facts["learners"].update(other={}),
        lambda arrays, facts: facts["learners"]["softmax"].update(stopped=5),
        lambda arrays, facts: facts["learners"]["softmax"].update(best_loss="x"),
        lambda arrays, facts: facts["learners"]["softmax"].update(seconds="x"),
        lambda arrays, facts: facts["learners"]["softmax"].update(plateau=[1]),
        lambda arrays, facts: facts.update(history=[1]),
        lambda arrays, facts: facts["history"].update(epoch=5),
        lambda arrays, facts: facts["history"]["history"].update(loss=5),
        lambda arrays, facts: facts["history"]["history"].update(loss=["x"]),
        lambda arrays, facts: facts["history"]["history"].update(loss=[]),
        lambda arrays, facts: facts["history"]["history"].pop("accuracy"),
    ],
)
def test_a_state_of_other_models_is_named(folder, change):
    change_state(folder, change)
    message = r"must fit its models\. Received: .*softmax\.npz.*Written by .*keras \d.*this is "
    with pytest.raises(RunError, match=message):
        fit(folder, epochs=2)


def test_a_run_of_other_versions_goes_on_with_a_warning(folder):
    manifest = json.loads((folder / "run.json").read_text())
    manifest["versions"]["keras"] = "3.0.0"
    (folder / "run.json").write_text(json.dumps(manifest))
    with pytest.warns(UserWarning, match=r"was written with keras 3\.0\.0 \(now 3"):
        fit(folder, epochs=2)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, facts: facts.update(epoch="x"),
        lambda arrays, facts: facts.update(step=None),
        lambda arrays, facts: facts["learners"]["softmax"].update(best_epoch="x"),
        lambda arrays, facts: facts["history"]["history"].clear(),
        lambda arrays, facts: arrays.pop("softmax/variables/0"),
        b"",  # the whole file
        b"softmax/variables/0.npy",  # an array
    ],
)
def test_a_state_of_other_models_is_named_before_other_processes_start(tmp_path, change):
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1), dtype=np.uint8)
    split = Split("train", images, np.arange(24) % 2, ("a", "b"))
    recipe = zoo.Recipe("sgd", 0.01, batch_size=8, epochs=1)
    learners = [
        Learner(name, zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2, seed=0), recipe)
        for name in ("softmax", "other")
    ]
    train(learners, split, together=False, log_dir=tmp_path, verbose=0)
    message = r"must fit its models\. Received: .*softmax\.npz"
    if callable(change):
        change_state(tmp_path, change)
    else:
        file = tmp_path / "state" / "softmax.npz"
        content = bytearray(file.read_bytes())
        content[content.index(change) + len(change) + 200] ^= 1
        file.write_bytes(content if change else b"PK")
        message = r"softmax\.npz, which is damaged"
    with pytest.raises(RunError, match=message):
        train(learners, split, log_dir=tmp_path, resume=True, n_jobs=2, verbose=0)
