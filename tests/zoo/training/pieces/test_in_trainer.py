"""Members that train in other processes: on two workers of this machine, and on a Dask cluster."""

import json
import os
import re
import signal
import warnings

import joblib
import keras
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError, RunError
from zoo.training.pieces import in_trainer
from zoo.training.progress import Progress

RECIPE = zoo.Recipe(
    batch_size=32, epochs=4, optimizer="adam", learning_rate=0.01, patience=2,
    augmentation=zoo.Augmentation(rotation_range=5),
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return zoo.datasets.load("digits")


@pytest.fixture(scope="module", autouse=True)
def workers():
    """Two processes, which begin and end with these tests."""
    get_reusable_executor(max_workers=2).shutdown(wait=True, kill_workers=True)
    yield
    get_reusable_executor(max_workers=2).shutdown(wait=True, kill_workers=True)


def fit(data, **arguments):
    members = [Member("mlp", {"dropout": 0.3}, RECIPE), Member("softmax", recipe=RECIPE)]
    committee = Committee(members, seed=3)
    history = committee.fit(
        data.train, validation_data=data.validation, together=False, verbose=0, **arguments
    )
    return committee, history


@pytest.fixture(scope="module")
def in_one_process(data):
    return fit(data)


def assert_same(first, second):
    """Weights, seeds of dropout, scores and early stopping are the same, bit for bit."""
    (committee, history), (other, other_history) = first, second
    for model, twin in zip(committee.members, other.members, strict=True):
        for variable, same in zip(model.variables, twin.variables, strict=True):
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(variable), keras.ops.convert_to_numpy(same)
            )
    assert history.history == other_history.history
    assert history.epoch == other_history.epoch
    assert {*history.seconds} == {*other_history.seconds}


@pytest.fixture
def after_epoch(monkeypatch):
    """Call a function once, after an epoch of a member, as soon as a condition holds."""

    def arrange(number, function, condition=lambda: True):
        epoch, calls = Progress.epoch, []

        def watched(self, reached, scores, seconds):
            epoch(self, reached, scores, seconds)
            if reached >= number and "committee" not in scores and not calls and condition():
                calls.append(number)
                function()

        monkeypatch.setattr(Progress, "epoch", watched)

    return arrange


@pytest.fixture
def pids(monkeypatch):
    """The workers, in the order in which they say who they are."""
    found = []
    say = Progress.say

    def keep_pid(self, text):
        found.extend(int(pid) for pid in re.findall(r"^Worker (\d+) on", text))
        say(self, text)

    monkeypatch.setattr(Progress, "say", keep_pid)
    return found


def test_a_killed_worker_and_ctrl_c_change_no_number(
    data, in_one_process, after_epoch, pids, tmp_path, monkeypatch
):
    after_epoch(2, lambda: os.kill(pids[0], signal.SIGKILL))
    # Ctrl-C comes after another worker has taken the place of the killed worker.
    after_epoch(3, lambda: os.kill(os.getpid(), signal.SIGINT), lambda: len(pids) > 2)
    with pytest.raises(KeyboardInterrupt):
        fit(data, n_jobs=2, log_dir=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["status"] == "stopped"
    assert manifest["config"]["groups"] == [["mlp"], ["softmax"]]
    assert_same(fit(data, n_jobs=1, log_dir=tmp_path / "run", resume=True), in_one_process)
    # A finished run needs no worker.
    monkeypatch.setattr(in_trainer, "run_pieces", None)
    assert_same(fit(data, n_jobs=2, log_dir=tmp_path / "run", resume=True), in_one_process)


def test_a_dask_cluster_gives_the_same_numbers(data, in_one_process):
    distributed = pytest.importorskip("distributed")
    options = {"dashboard_address": None, "memory_limit": None, "threads_per_worker": 1}
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask", client=client),
    ):
        assert_same(fit(data, n_jobs=2), in_one_process)


def test_a_ray_cluster_gives_the_same_numbers_also_if_a_worker_is_killed(
    data, in_one_process, after_epoch, pids
):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.util.joblib").register_ray()
    after_epoch(2, lambda: os.kill(pids[0], signal.SIGKILL))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config(backend="ray"):
            assert_same(fit(data, n_jobs=2), in_one_process)
    finally:
        ray.shutdown()
    assert len(pids) > 2


def test_a_missing_member_is_an_error_that_names_it(data, monkeypatch, tmp_path):
    def run_nothing(pieces, *arguments, **options):
        for piece in pieces:
            piece.failures += ["ValueError: no luck"] * 3
        return {"workers": 0, "bytes out": 0, "bytes in": 0, "rounds": 3}

    monkeypatch.setattr(in_trainer, "run_pieces", run_nothing)
    message = "Received: no result of mlp, softmax. The other members are finished. With resume="
    with pytest.raises(RunError, match=re.escape(message)) as error:
        fit(data, n_jobs=2, log_dir=tmp_path / "run")
    assert "mlp, after 3 tries: ValueError: no luck" in str(error.value)


def test_members_that_are_computed_as_one_wide_model_stay_together(data, monkeypatch, capsys):
    named = []

    def keep_names(pieces, *arguments, **options):
        named.extend(piece.name for piece in pieces)
        raise RunError("enough")

    monkeypatch.setattr(in_trainer, "run_pieces", keep_names)
    recipe, other = zoo.Recipe(epochs=1), zoo.Recipe(epochs=1, optimizer="adam")
    members = [
        Member("mlp", recipe=recipe),
        Member("mlp", recipe=other, name="other"),
        Member("softmax", recipe=recipe),
    ]
    with pytest.raises(RunError, match="enough"):
        Committee(members).fit(data.train, n_jobs=2, verbose=0)
    assert named == ["mlp", "other"]  # softmax is in the piece of mlp
    Committee(members[::2]).fit(data.train, n_jobs=2)
    assert "Trained in this process: all members learn together" in capsys.readouterr().err


class Watch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        pass


def test_what_needs_the_models_of_each_epoch_is_refused(data):
    with pytest.raises(ArgumentError, match="callbacks must not look at epochs or batches"):
        fit(data, n_jobs=2, callbacks=[Watch()])


def test_a_teacher_travels_with_the_members(data, in_one_process, work_here):
    teacher = zoo.Teacher(in_one_process[0], temperature=2, share=0.7)
    assert_same(*(fit(data, epochs=1, teacher=teacher, n_jobs=n_jobs) for n_jobs in (None, 2)))
