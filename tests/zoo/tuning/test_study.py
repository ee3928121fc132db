import sqlite3
import sys
from pathlib import Path

import optuna
import pytest

import zoo
from zoo.errors import ArgumentError, RunError
from zoo.tuning.study import (
    STUDY_FILE,
    default_storage,
    errors_of_storage,
    make_pruner,
    make_sampler,
    open_study,
    quiet_optuna,
    train_again,
)


def opened(storage=None, name="study", resume=False, config=None, **changes):
    return open_study(
        storage,
        name,
        sampler=make_sampler("random", 0),
        pruner=make_pruner(None, 1),
        direction="maximize",
        config=config or {},
        resume=resume,
        **changes,
    )


def test_samplers_and_pruners_have_names_and_objects_pass():
    for name, kind in (("grid", "Random"), ("random", "Random"), ("tpe", "TPE"), ("qmc", "QMC")):
        with quiet_optuna():
            assert type(make_sampler(name, 0)).__name__ == f"{kind}Sampler"
    for name, kind in (("halving", "SuccessiveHalving"), (None, "Nop")):
        assert type(make_pruner(name, 9)).__name__ == f"{kind}Pruner"
    pruner = optuna.pruners.ThresholdPruner(lower=0.1)
    assert make_pruner(pruner, 9) is pruner


def test_without_optuna_the_error_says_how_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ArgumentError, match=r'Install it: pip install "committee-zoo\[tune\]"'):
        zoo.tune("mlp", None, {"learning_rate": [0.1]})


def test_the_dashboard_finds_the_name_of_the_score():
    assert opened(config={"metric": "loss"}).metric_names == ["validation loss"]


@pytest.mark.parametrize("storage", ["nonsense://x", "sqlite:////no/such/folder/x.db"])
def test_a_storage_that_does_not_open_is_refused(storage):
    with pytest.raises(ArgumentError, match="storage must be an URL that Optuna opens"):
        opened(storage)


def damaged(path):
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16)


@pytest.mark.parametrize("spoil", [damaged, Path.mkdir])
def test_the_file_of_a_sweep_that_cannot_be_used_is_named(tmp_path, spoil):
    spoil(tmp_path / STUDY_FILE)
    with pytest.raises(RunError, match="The study of a sweep must be a file") as error:
        opened(default_storage(tmp_path), resume=True, is_own=True)
    text = str(error.value)
    assert f"Received: {tmp_path / STUDY_FILE}: " in text
    assert "Free disk space; if the file is damaged, start the sweep anew" in text


def test_a_disk_that_becomes_full_during_a_sweep_is_an_error_that_names_the_file(tmp_path):
    storage = default_storage(tmp_path)
    study = opened(storage, is_own=True)
    with sqlite3.connect(tmp_path / STUDY_FILE) as connection:
        connection.execute("create trigger full before insert on trials begin "
                           "select raise(fail, 'database or disk is full'); end")  # fmt: skip
    fault = f"Received: {tmp_path / STUDY_FILE}: .*database or disk is full"
    with quiet_optuna(), pytest.raises(RunError, match=fault), errors_of_storage(storage, True):
        study.ask()
    with pytest.raises(KeyError), errors_of_storage(storage, True):
        raise KeyError("of a training")


def test_a_study_of_another_program_is_refused():
    storage = optuna.storages.InMemoryStorage()
    with quiet_optuna():
        optuna.create_study(storage=storage, study_name="study")
        with pytest.raises(RunError, match="another program made"):
            opened(storage, resume=True)
        # In the folder of a sweep, it is a sweep that was killed at its first moment.
        assert opened(storage, resume=True, is_own=True).user_attrs


def test_trials_that_were_training_wait_again():
    with quiet_optuna():
        study = opened()
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        assert train_again(study) == 1
    states = [frozen.state.name for frozen in study.get_trials()]
    assert states == ["FAIL", "WAITING"]
    assert study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).params == trial.params


def test_a_study_of_an_earlier_version_lacks_settings_that_are_none_now(tmp_path):
    storage = str(tmp_path / "study.log")
    opened(storage, config={"recipe": {"epochs": 3}})
    opened(storage, resume=True, config={"recipe": {"epochs": 3, "ema": None}})
    with pytest.raises(RunError, match=r"recipe\.ema was None and is now 0\.9"):
        opened(storage, resume=True, config={"recipe": {"epochs": 3, "ema": 0.9}})
