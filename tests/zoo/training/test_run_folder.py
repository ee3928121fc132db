import json
import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RunError
from zoo.files import FolderLock
from zoo.training.run_folder import (
    RunFolder,
    config_differences,
    free_folder,
    read_history,
    write_in_manifest,
)

CONFIG = {
    "members": ["cnn", "mlp"],
    "seed": 0,
    "recipe": {"epochs": 3, "patience": None},
    "recipes": {"a.b": {"epochs": 3}},
}
ARRAYS = {
    "cnn/variables/0": np.arange(6.0, dtype="float32").reshape(2, 3),
    "cnn/optimizer/0": np.array(7, "int64"),
    "empty": np.zeros((0, 2)),
}
FACTS = {"epoch": 2, "step": 5, "history": {"loss": [0.1, 1 / 3]}, "stopped": "ü"}


def contents(folder):
    """Every path in it, with its bytes."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def manifest(folder):
    return json.loads((folder / "run.json").read_text("utf-8"))


# RunFolder, new


def test_new_run_says_what_it_is(tmp_path):
    run = RunFolder(tmp_path / "logs" / "run", CONFIG)
    written = manifest(run.path)
    assert written["status"] == "running"
    assert written["config"] == CONFIG
    assert set(written["versions"]) == {"python", "committee-zoo", "keras", "tensorflow"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", written["written"])
    run.finish("finished")
    assert {path.name for path in run.path.iterdir()} == {".lock", "run.json"}


@pytest.mark.parametrize("status", ["running", "stopped", "finished"])
def test_status_stands_in_the_manifest(tmp_path, status):
    run = RunFolder(tmp_path / "run", CONFIG)
    run.finish(status)
    assert manifest(run.path)["status"] == status
    assert manifest(run.path)["config"] == CONFIG


def test_empty_folder_may_be_used(tmp_path):
    (tmp_path / "run").mkdir()
    assert manifest(RunFolder(tmp_path / "run", CONFIG).path)["status"] == "running"


def test_later_changes_of_the_given_config_are_not_its_own(tmp_path):
    config = {"seed": 0}
    run = RunFolder(tmp_path / "run", config)
    config["seed"] = 1
    run.finish("finished")
    assert manifest(run.path)["config"] == {"seed": 0}


@pytest.mark.parametrize("name", ["run.json", "notes.txt", ".hidden"])
def test_a_folder_with_files_is_not_touched_and_the_run_gets_a_folder_beside_it(tmp_path, name):
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    (folder / name).write_bytes(b"mine")
    before = contents(folder)
    for number in (2, 3):
        with pytest.warns(UserWarning, match=f"stay as they are: .* written to .*run-{number}"):
            run = RunFolder(folder, CONFIG)
        assert run.path == tmp_path / f"run-{number}"
        assert manifest(run.path)["config"] == CONFIG
    assert contents(folder) == before


def test_the_current_folder_gets_a_folder_beside_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").touch()
    with pytest.warns(UserWarning, match="stay as they are"):
        assert free_folder(".") == tmp_path.with_name(f"{tmp_path.name}-2")


@pytest.mark.parametrize("resume", [False, True])
def test_file_in_place_of_the_folder_is_refused(tmp_path, resume):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError, match=r"must be a folder\. Received: the file .*\. Name a folder"):
        RunFolder(tmp_path / "run", CONFIG, resume=resume)
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_a_run_that_was_killed_at_its_first_moment_can_be_used(tmp_path, resume):
    with FolderLock(tmp_path / "run", "run folder"):
        (tmp_path / "run" / ".zoo_00000000_1_abc0.tmp.json").write_text('{"sta')
    run = RunFolder(tmp_path / "run", CONFIG, resume=resume)
    assert run.path == tmp_path / "run"
    assert manifest(run.path)["status"] == "running"


def test_a_run_in_use_is_not_resumed_and_a_new_run_gets_a_folder_beside_it(tmp_path):
    run = RunFolder(tmp_path / "run", CONFIG)
    with pytest.raises(RunError, match=f"process {os.getpid()} on .*Wait until"):
        RunFolder(run.path, CONFIG, resume=True)
    with pytest.warns(UserWarning, match="is in use: this run is written to .*run-2"):
        assert RunFolder(run.path, CONFIG).path == tmp_path / "run-2"
    run.finish("stopped")
    RunFolder(run.path, CONFIG, resume=True).finish("finished")


# RunFolder, resumed


def test_run_is_resumed_with_the_same_config(tmp_path):
    RunFolder(tmp_path / "run", CONFIG).finish("stopped")
    run = RunFolder(tmp_path / "run", json.loads(json.dumps(CONFIG)), resume=True)
    assert manifest(run.path)["status"] == "running"


def test_tuple_in_the_config_is_the_list_that_json_makes_of_it(tmp_path):
    RunFolder(tmp_path / "run", {"shape": (8, 8, 1)})
    run = RunFolder(tmp_path / "run", {"shape": (8, 8, 1)}, resume=True)
    assert manifest(run.path)["config"] == {"shape": [8, 8, 1]}


@pytest.mark.parametrize("make", [True, False])  # the folder, empty
def test_resuming_nothing_starts_a_run(tmp_path, make):
    if make:
        (tmp_path / "run").mkdir()
    run = RunFolder(tmp_path / "run", CONFIG, resume=True)
    assert run.load_state("cnn") is None
    assert manifest(run.path)["status"] == "running"


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"members": ["cnn"]}, "members was ['cnn', 'mlp'] and is now ['cnn']"),
        ({"recipe": {"epochs": 9, "patience": None}}, "recipe.epochs was 3 and is now 9"),
        ({"recipe": None}, "recipe was {'epochs': 3, 'patience': None} and is now None"),
        ({"voting": "soft"}, "voting was None and is now 'soft'"),  # it was not there
        ({"recipes": {"a.b": {"epochs": 2}}}, "recipes.a.b.epochs was 3 and is now 2"),
        ({"seed": 1, "voting": 2}, "seed was 0 and is now 1; voting was None and is now 2"),
    ],
)
def test_resuming_with_another_config_names_the_difference(tmp_path, changed, difference):
    RunFolder(tmp_path / "run", CONFIG).finish("stopped")
    before = contents(tmp_path / "run")
    with pytest.raises(RunError) as error:
        RunFolder(tmp_path / "run", {**CONFIG, **changed}, resume=True)
    assert f"run, {difference}. Pass the same arguments" in str(error.value)
    assert contents(tmp_path / "run") == before


def test_differences_of_a_damaged_manifest_are_short():
    (line,) = config_differences({"a" * 3000: "b" * 3000}, {})
    assert len(line) < 400


def test_a_run_of_before_a_transform_existed_is_resumed_without_the_transform(tmp_path):
    def config(**transforms):
        augmentation = {"rotation_range": 5.0, **transforms}
        return {"recipes": {"cnn": {"epochs": 1, "augmentation": augmentation}}}

    RunFolder(tmp_path, config())
    RunFolder(tmp_path, config(cutmix=0.0, crop_padding=0), resume=True)
    with pytest.raises(RunError, match=r"recipes.cnn.augmentation.cutmix was 0.0 and is now 1"):
        RunFolder(tmp_path, config(cutmix=1.0), resume=True)


def test_a_run_may_be_resumed_for_more_epochs(tmp_path):
    RunFolder(tmp_path / "run", CONFIG).finish("finished")
    longer = {**CONFIG, "recipes": {"a.b": {"epochs": 9}}}
    RunFolder(tmp_path / "run", longer, resume=True)
    assert manifest(tmp_path / "run")["config"] == longer


def test_values_in_the_manifest_are_kept_to_the_end(tmp_path):
    run = RunFolder(tmp_path / "run", CONFIG)
    write_in_manifest(run.path, command={"name": "train"})
    run.finish("finished")
    assert manifest(run.path)["command"] == {"name": "train"}
    assert manifest(run.path)["status"] == "finished"


def test_folder_of_foreign_files_is_not_resumed(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(RunError, match=r"holds no run\.json.*Name another folder"):
        RunFolder(tmp_path, CONFIG, resume=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b'{"config": {"se',  # cut off
        b"{}",
        b"\xff\xfe",
        b"[]",  # JSON, but not of ours
        b"null",
        b'"config"',
        b'{"config": {"recipes": [1]}}',
        b'{"config": {"recipes": {"a.b": 3}}}',
        b'{"config": {"recipes": {"a.b": {"epochs": "x"}}}}',
        b'{"config": {"recipes": {"a.b": {"epochs": null}}}}',
        b'{"config": {"recipes": {"a.b": {"epochs": []}}}}',
    ],
)
def test_damaged_manifest_is_named(tmp_path, damaged):
    run = RunFolder(tmp_path / "run", CONFIG)
    run.finish("stopped")
    (run.path / "run.json").write_bytes(damaged)
    with pytest.raises(RunError, match=r"run\.json, which is damaged .*Start the run anew"):
        RunFolder(run.path, CONFIG, resume=True)
    assert (run.path / "run.json").read_bytes() == damaged


# State


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run", CONFIG)


def test_state_comes_back_as_it_was_saved(run):
    run.save_state("together", ARRAYS, FACTS)
    run.finish("stopped")
    arrays, facts = RunFolder(run.path, CONFIG, resume=True).load_state("together")
    assert facts == FACTS
    assert arrays.keys() == ARRAYS.keys()
    for key, array in ARRAYS.items():
        assert arrays[key].dtype == array.dtype
        np.testing.assert_array_equal(arrays[key], array)
    assert [path.name for path in (run.path / "state").iterdir()] == ["together.npz"]


@given(
    arrays=st.dictionaries(
        st.text("abc/_ü ", min_size=1), st.lists(st.floats(width=32)), max_size=3
    ),
    facts=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda values: st.lists(values) | st.dictionaries(st.text(), values),
        max_leaves=5,
    ),
)
def test_any_names_and_facts_come_back(tmp_path_factory, arrays, facts):
    run = RunFolder(tmp_path_factory.mktemp("run") / "run", {})
    run.save_state("x", {key: np.array(value, "float32") for key, value in arrays.items()}, facts)
    loaded, same = run.load_state("x")
    assert same == facts
    assert loaded.keys() == arrays.keys()
    for key, value in arrays.items():
        np.testing.assert_array_equal(loaded[key], np.array(value, "float32"))


def test_each_member_has_a_state_of_its_own(run):
    run.save_state("a", {"w": np.ones(1)}, 1)
    run.save_state("b", {"w": np.zeros(1)}, 2)
    assert run.load_state("a")[1] == 1
    assert run.load_state("b")[1] == 2
    assert run.load_state("c") is None


def test_later_state_replaces_the_earlier(run):
    run.save_state("a", {"w": np.ones(1)}, 1)
    run.save_state("a", {"w": np.zeros(2)}, 2)
    arrays, facts = run.load_state("a")
    assert (facts, arrays["w"].shape) == (2, (2,))


def test_state_that_cannot_be_written_leaves_the_one_before(run, monkeypatch):
    run.save_state("a", ARRAYS, FACTS)
    before = contents(run.path)

    def savez(file, **arrays):
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(RunError, match="disk full"):
        run.save_state("a", ARRAYS, FACTS)
    assert contents(run.path) == before


def expect_damage(run):
    with pytest.raises(RunError, match=r"The state .*a\.npz, which is damaged .*Start the run"):
        run.load_state("a")


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_truncated_state_is_named(run, kept):
    run.save_state("a", ARRAYS, FACTS)
    path = run.path / "state" / "a.npz"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    expect_damage(run)


def flipped(content):
    """One bit of an array."""
    place = content.index(ARRAYS["cnn/variables/0"].tobytes())
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: content[:-100] + bytes(100),  # as after a power failure
        lambda content: bytes(len(content)),
        lambda content: b"not a state at all",
    ],
)
def test_damaged_state_is_named(run, damage):
    run.save_state("a", ARRAYS, FACTS)
    path = run.path / "state" / "a.npz"
    path.write_bytes(damage(path.read_bytes()))
    expect_damage(run)


@pytest.mark.parametrize(
    "foreign",
    [
        {"w": np.ones(2)},  # no facts
        {"facts": np.array("{")},
        {"facts": np.array("{}"), "w": np.array([{}], dtype=object)},  # would be unpickled
    ],
)
def test_foreign_archive_is_no_state(run, foreign):
    (run.path / "state").mkdir()
    np.savez(run.path / "state" / "a.npz", **foreign)
    expect_damage(run)


def test_single_array_is_no_state(run):
    (run.path / "state").mkdir()
    with open(run.path / "state" / "a.npz", "wb") as file:
        np.save(file, np.ones(3))
    expect_damage(run)


# read_history


def test_the_history_of_models_that_trained_apart_is_joined(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    assert read_history(tmp_path) == {}
    first = {"a_loss": [2.0, 1.0]}
    run.save_state("a", ARRAYS, {"history": {"epoch": [1, 2], "history": first}})
    second = {"a_loss": [2.0], "b_loss": [3.0, float("nan")]}
    run.save_state("b", ARRAYS, {"history": {"epoch": [1, 2], "history": second}})
    assert str(read_history(tmp_path)) == "{'a_loss': [2.0, 1.0], 'b_loss': [3.0, nan]}"


def test_the_history_of_a_damaged_state_is_refused(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.save_state("a", ARRAYS, FACTS)
    (tmp_path / "state" / "a.npz").write_bytes(b"PK")
    with pytest.raises(RunError, match=r"must be a file as Zoo wrote it.*a\.npz"):
        read_history(tmp_path)


@pytest.mark.parametrize("facts", [[1], {"history": 5}, {"history": {"history": {"loss": ["x"]}}}])
def test_the_history_of_a_state_of_another_form_is_refused(tmp_path, facts):
    RunFolder(tmp_path, CONFIG).save_state("a", ARRAYS, facts)
    with pytest.raises(RunError, match=r"a\.npz, which is damaged"):
        read_history(tmp_path)
