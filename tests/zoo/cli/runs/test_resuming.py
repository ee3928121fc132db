"""A run that goes on takes its options from its folder."""

import json
import shutil

import pytest
from cyclopts import Token

from zoo.cli.runs.resuming import _word


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished run of two epochs."""
    return shutil.copytree(trained[0] / "my run", tmp_path / "run")


def values_of(run):
    return json.loads((run / "run.json").read_text("utf-8"))


def test_a_run_goes_on_with_its_options_and_more_epochs(zoo_command, run):
    code, out, err = zoo_command("committee", "--resume", "--log-dir", run, "--epochs", 3)
    assert code == 0
    assert [line.split()[1] for line in err.splitlines() if line.startswith("epoch")] == ["3/3"]
    assert "bn_mlp" in out
    values = values_of(run)
    recipe = values["config"]["recipes"]["bn_mlp"]
    assert (recipe["epochs"], recipe["optimizer"], recipe["batch_size"]) == (3, "adam", 64)
    assert values["command"]["options"]["--epochs"] == [["--epochs", "3"]]


def test_an_option_that_is_given_again_must_be_as_before(zoo_command, run):
    code, _, err = zoo_command("committee", "--resume", "--log-dir", run, "--seed", 1)
    assert code == 2
    assert "seed was 0 and is now 1" in err
    assert values_of(run)["status"] == "finished"


def test_a_run_is_resumed_by_its_own_command(zoo_command, run):
    code, _, err = zoo_command("train", "--resume", "--log-dir", run)
    assert code == 2
    assert f"Write `zoo committee --resume --log-dir {run}`" in err


def test_a_run_without_options_needs_them_as_before(zoo_command, run):
    values = values_of(run)
    del values["command"]
    (run / "run.json").write_text(json.dumps(values))
    code, _, err = zoo_command("train", "--resume", "--log-dir", run)
    assert code == 2
    assert "give the options of that run again" in err


def test_a_run_with_a_damaged_manifest_is_named(zoo_command, run):
    (run / "run.json").write_text("{")
    code, _, err = zoo_command("committee", "--resume", "--log-dir", run)
    assert code == 2
    assert f"run.json must be as Zoo wrote it. Received: {run / 'run.json'}, which is dam" in err


@pytest.mark.parametrize(
    "change",
    [
        {"command": {"foo": 1}},
        {"command": {"name": "committee"}},
        {"command": {"name": 3, "options": {}}},
        {"command": {"name": "committee", "options": [1]}},
        *(
            {"command": {"name": "committee", "options": {"--epochs": words}}}
            for words in (3, [3], [["--epochs", 5]], [["--epochs", "5", "6"]])
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["committee", "tune"])
def test_a_run_whose_command_is_damaged_is_named(zoo_command, run, command, change):
    (run / "run.json").write_text(json.dumps({**values_of(run), **change}))
    code, _, err = zoo_command(command, "--resume", "--log-dir", run)
    assert code == 2
    assert "run.json, which is damaged (its command is not" in err


def test_switches_and_paths_of_files_are_kept(zoo_command, tmp_path, photos):
    words = (
        *("committee", "softmax", "softmax", "--data", "folder", "--root", photos.name),
        *("--drop-duplicates", "--apart", "--epochs", 1, "-q", "--set", "seed=1"),
    )
    (tmp_path / photos.name).symlink_to(photos)
    words = words[: words.index("--set")]
    assert zoo_command(*words, "--log-dir", tmp_path / "run")[0] == 0
    options = values_of(tmp_path / "run")["command"]["options"]
    assert options["--root"] == [["--root", str(tmp_path / photos.name)]]
    assert options["--drop-duplicates"] == [["--drop-duplicates", None]]
    assert options["--together"] == [["--apart", None]]
    assert zoo_command("committee", "--resume", "--log-dir", tmp_path / "run")[0] == 0
    assert values_of(tmp_path / "run")["command"]["options"] == options


@pytest.mark.parametrize(
    ("option", "word", "kept"),
    [
        ("--storage", "sqlite:///sweeps.db", "sqlite:///{here}/sweeps.db"),
        ("--storage", "sqlite:////data/sweeps.db", "sqlite:////data/sweeps.db"),
        ("--storage", "sqlite:///:memory:", "sqlite:///:memory:"),
        ("--storage", "mysql://host/sweeps", "mysql://host/sweeps"),
        ("--storage", "sweeps.log", "{here}/sweeps.log"),
        ("--import", "mine.py", "{here}/mine.py"),
        ("--import", "my.models", "my.models"),
        (None, "mine.keras", "{here}/mine.keras"),
        ("--set", "file=mine.py", "file=mine.py"),
        ("--study-name", "~no-such-user", "~no-such-user"),
    ],
)
def test_only_paths_are_kept_as_absolute_paths(tmp_path, monkeypatch, option, word, kept):
    monkeypatch.chdir(tmp_path)
    expected = kept.format(here=tmp_path)
    assert _word(Token(keyword=option, value=word)) == (option, expected)


def test_a_home_that_is_not_known_is_no_traceback(zoo_command):
    for words in (("train", "~no-such-user"), ("train", "softmax", "--recipe", "~no-such-user")):
        code, _, err = zoo_command(*words, "-q")
        assert code == 2
        assert "~no-such-user" in err
    code, _, err = zoo_command("train", "~no-such-user/mine.keras", "-q")
    assert (code, "A member must be a path: " in err) == (2, True)


def test_a_run_in_the_home_of_the_user_is_written_and_resumed_there(
    zoo_command, run, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(run.parent))
    assert zoo_command("committee", "--resume", "--log-dir=~/run", "--epochs", 3)[0] == 0
    assert values_of(run)["command"]["options"]["--epochs"] == [["--epochs", "3"]]
    words = ("train", "softmax", "--epochs", 1, "--batch-size", 256, "-q", "--log-dir=~/new")
    code, out, _ = zoo_command(*words)
    assert code == 0
    assert f"Saved: {run.parent}/new/committee.keras" in out
    assert (run.parent / "new/report.md").is_file()
    assert not (tmp_path / "~").exists()
