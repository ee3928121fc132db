import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from zoo.cli.runs.listing import find_runs, read_run
from zoo.metrics import Accuracy

TEST = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 60}


def write_run(folder, *, status="finished", written="2026-01-02T03:04:05+00:00", **more):
    """Write a run folder as a training of three models in two groups leaves it."""
    config = {
        "recipes": {name: {"epochs": 10} for name in ("cnn", "cnn_2", "mlp")},
        "members": {name: {"entry": name.partition("_")[0]} for name in ("cnn", "cnn_2", "mlp")},
        "groups": [["cnn", "cnn_2"], ["mlp"]],
        "train": {"images": 1200, "image_shape": [8, 8, 1]},
    }
    (folder / "state").mkdir(parents=True)
    manifest = {"status": status, "written": written, "config": config, **more}
    (folder / "run.json").write_text(json.dumps(manifest))
    for name, epoch, scores in (("cnn", 10, [0.5, 0.75]), ("mlp", 4, [0.25])):
        history = {"epoch": [1], "history": {f"val_{name}_accuracy": scores}}
        facts = json.dumps({"epoch": epoch, "history": history})
        np.savez(folder / "state" / f"{name}.npz", facts=np.array(facts), weight=np.zeros(3))
    return folder


def write_report(folder, **values):
    report = {"committee": {"name": "committee", "accuracy": TEST}, **values}
    (folder / "report.json").write_text(json.dumps(report))


def test_a_run_tells_its_models_epochs_and_scores(tmp_path):
    run = read_run(write_run(tmp_path / "run"))
    assert (run.status, run.problems) == ("finished", ())
    assert run.written == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (run.models, run.data) == ("2 × cnn, mlp", "1,200 images of 8×8×1")
    assert (run.epochs, run.planned) == (4, 10)
    assert (run.validation, run.test) == (0.75, None)


def test_the_accuracy_is_that_of_the_committee_where_it_is_known(tmp_path):
    folder = write_run(tmp_path / "run")
    write_report(folder, validation={"committee": {"value": 0.625}})
    run = read_run(folder)
    assert run.validation == 0.625
    assert run.test == Accuracy(**TEST)
    facts = {"epoch": 10, "history": {"history": {"val_accuracy": [0.5, 0.875, 0.75]}}}
    np.savez(folder / "state" / "cnn.npz", facts=np.array(json.dumps(facts)))
    assert read_run(folder).validation == 0.875


def test_the_data_set_is_that_of_the_command(tmp_path):
    words = {"--data": [["-d", "mnist"], ["--data", "fer2013"]]}
    command = {"name": "train", "options": words}
    assert read_run(write_run(tmp_path / "a", command=command)).data == "fer2013"
    assert read_run(write_run(tmp_path / "b", command={"name": "train"})).data == "digits"


def test_the_newest_run_is_the_first(tmp_path):
    for year in (2024, 2026, 2025):
        write_run(tmp_path / "below" / f"run {year}", written=f"{year}-01-01T00:00:00+00:00")
    going_on = write_run(tmp_path / "going on", status="running", written="2020-01-01T00:00:00Z")
    os.utime(going_on / "state" / "mlp.npz", (2e9, 2e9))
    names = [run.path.name for run in find_runs(tmp_path)]
    assert names == ["going on", "run 2026", "run 2025", "run 2024"]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("run.json", "{", "run.json is damaged"),
        ("run.json", "[]", "run.json is damaged"),
        ("run.json", "[" * 100_000, "run.json is damaged"),
        ("run.json", None, "run.json is missing"),
        ("report.json", "{} ]", "report.json is damaged"),
        ("report.json", '{"committee": 3}', "report.json is damaged"),
        ("state/mlp.npz", "PK", "state/mlp.npz is damaged"),
        ("state/mlp.npz", "", "state/mlp.npz is damaged"),
    ],
)
def test_a_damaged_or_missing_part_is_a_problem_and_the_rest_is_read(
    tmp_path, file, content, problem
):
    folder = write_run(tmp_path / "run")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    (run,) = find_runs(tmp_path)
    assert run.problems == (problem,)
    assert run.written is not None
    assert run.models == ("" if file == "run.json" else "2 × cnn, mlp")
    assert run.epochs == (10 if "mlp" in file else 0 if file == "run.json" else 4)


DAMAGED = ("run.json is damaged",)


@pytest.mark.parametrize(
    ("manifest", "models", "problems"),
    [
        ({}, "", ()),
        ({"config": None, "status": None, "written": 3}, "", ()),
        ({"config": {"recipes": [], "groups": "a", "members": 1, "train": []}}, "", ()),
        ({"config": {"recipes": {"a": 1}, "groups": [[], 1]}, "command": []}, "a", ()),
        ({"command": {"options": {"--data": 3}}}, "", ()),
        ({"config": {"groups": 3}}, "", DAMAGED),
        ({"config": {"groups": [["a" * 300]]}}, "", ()),
        ({"config": {"recipes": {"a": {"epochs": "x"}, "b": {"epochs": 3}}}}, "a, b", DAMAGED),
        ({"config": {"train": {"image_shape": 3}}}, "", DAMAGED),
        ({"config": {"train": {"image_shape": [8], "images": "x"}}}, "", DAMAGED),
        ({"written": "0001-01-01T00:00:00+14:00"}, "", ()),
    ],
)
def test_a_manifest_of_another_form_is_listed_without_an_error(
    tmp_path, manifest, models, problems
):
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    (run,) = find_runs(tmp_path)
    listed = json.loads(json.dumps(run.to_dict()))
    assert (listed["models"], listed["data"], listed["problems"]) == (models, "", [*problems])
    assert (run.epochs, run.planned, run.validation, run.test) == (0, None, None, None)
    assert run.written is not None


@pytest.mark.parametrize("file", ["run.json", "report.json", "state/mlp.npz"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, file):
    folder = write_run(tmp_path / "run")
    (folder / file).unlink(missing_ok=True)
    os.mkfifo(folder / file)
    (run,) = find_runs(tmp_path)
    assert run.problems == (f"{file} is damaged",)


@pytest.mark.parametrize("value", [None, "x", [], {}, 10**400])
@pytest.mark.parametrize("key", TEST)
def test_a_report_of_other_values_is_damaged_and_the_run_is_listed(tmp_path, key, value):
    values = {**TEST, key: value}
    write_report(write_run(tmp_path), committee={"accuracy": values})
    (run,) = find_runs(tmp_path)
    if (key, value) == ("n", 10**400):  # too large for a float, but n is a whole number
        assert (run.test, run.problems) == (Accuracy(**values), ())
        assert str(run.test).startswith("90.0 % [80.0, 95.0], n = 10,000,")
    else:
        assert (run.test, run.problems) == (None, ("report.json is damaged",))


def test_folders_inside_a_run_and_folders_of_other_things_are_no_runs(tmp_path):
    folder = write_run(tmp_path / "run")
    write_run(folder / "models" / "hidden")
    write_run(folder / "fold-1")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "state").mkdir()
    paths = {run.path.relative_to(tmp_path) for run in find_runs(tmp_path)}
    assert paths == {Path("run"), Path("run/fold-1")}
    assert [run.path for run in find_runs(folder / "fold-1")] == [folder / "fold-1"]
