import json
import os
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from zoo.datasets import load
from zoo.datasets.cache.entries import CONTENTS
from zoo.datasets.cache.store import remember
from zoo.datasets.split import Split

NAMES = ("cat", "dog")


def assert_same(found, expected):
    assert list(found) == list(expected)
    for part, split in expected.items():
        assert found[part].name == part
        assert found[part].class_names == NAMES
        np.testing.assert_array_equal(found[part].images, split.images)
        np.testing.assert_array_equal(found[part].labels, split.labels)


def the_entry(cache):
    # Beside it may be what is known of files that are a few seconds old.
    (entry,) = (path for path in cache.iterdir() if path.name != CONTENTS)
    return entry


def test_second_reading_comes_from_disk_memory_mapped(reader, splits, private_cache):
    for _ in range(3):
        found = remember("pets", {"size": 4}, reader)
        assert_same(found, splits)
        assert isinstance(found["train"].images, np.memmap)
        assert not found["train"].images.flags.writeable
    assert reader.calls == 1
    assert the_entry(private_cache).name.startswith("pets-")


def test_other_names_and_facts_are_other_entries(reader, private_cache):
    for name, facts in [("pets", {"a": 1}), ("pets", {"a": 2}), ("birds", {"a": 1})]:
        remember(name, facts, reader)
    assert reader.calls == 3
    assert len(list(private_cache.iterdir())) == 3


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def replace_array(array):
    def damage(path):
        np.save(path, array)

    return damage


def flip(place):
    def damage(path):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return damage


def change_meta(**changes):
    """What a reader would believe but for the checksum."""

    def damage(path):
        checksum, facts = json.loads(path.read_text())
        path.write_text(json.dumps([checksum, {**facts, **changes}]))

    return damage


DAMAGES = [
    ("meta.json", change_meta(class_names=["dog", "cat"])),
    ("meta.json", change_meta(notes=5)),
    ("meta.json", change_meta(shapes={"train": [], "test": [1e999]})),
    ("meta.json", lambda path: path.write_text(path.read_text().replace("cat", "car"))),
    ("train-images.npy", flip(-1)),
    ("train-images.npy", flip(200)),
    ("test-labels.npy", flip(-8)),
    ("meta.json", truncate),
    ("meta.json", lambda path: path.unlink()),
    ("meta.json", lambda path: path.write_text("[]")),
    ("meta.json", lambda path: path.write_text(json.dumps({"class_names": NAMES, "shapes": {}}))),
    ("train-images.npy", truncate),
    ("train-images.npy", lambda path: path.unlink()),
    ("train-images.npy", lambda path: path.write_bytes(b"")),
    ("train-images.npy", replace_array(np.zeros((6, 4, 5, 1), np.uint8))),
    ("train-images.npy", replace_array(np.zeros((6, 4, 5, 3), np.int8))),
    ("test-labels.npy", truncate),
    ("test-labels.npy", lambda path: path.unlink()),
    ("test-labels.npy", replace_array(np.zeros(2, np.int64))),
    ("test-labels.npy", replace_array(np.zeros(3, np.int32))),
    ("test-labels.npy", replace_array(np.array([0, 1, 2]))),
    ("test-labels.npy", replace_array(np.array([0, None, 1]))),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_damaged_entry_is_rebuilt_and_replaced(reader, splits, private_cache, name, damage):
    remember("pets", {}, reader)
    damage(the_entry(private_cache) / name)
    assert_same(remember("pets", {}, reader), splits)
    assert_same(remember("pets", {}, reader), splits)
    assert reader.calls == 2
    the_entry(private_cache)  # nothing else is left behind


def test_a_cache_that_can_only_be_read_is_read(reader, splits, monkeypatch):
    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    remember("pets", {}, reader)
    monkeypatch.setattr(os, "utime", refuse)
    assert_same(remember("pets", {}, reader), splits)
    assert reader.calls == 1


def test_losing_a_race_is_fine(reader, splits, private_cache):
    def slow_reader(new):
        remember("pets", {}, reader)  # another process is faster
        return reader(new)

    assert_same(remember("pets", {}, slow_reader), splits)
    assert_same(remember("pets", {}, reader), splits)
    assert reader.calls == 2
    the_entry(private_cache)


def test_unwritable_cache_warns_once_and_goes_on_in_memory(reader, splits, private_cache):
    private_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="stay in memory.*set ZOO_CACHE") as warned:
        assert_same(remember("pets", {}, reader), splits)
    assert len(warned) == 1
    assert private_cache.read_text() == "a file where the folder should be"


def test_failed_write_leaves_nothing_behind(reader, splits, private_cache, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(UserWarning, match="No space left"):
        assert_same(remember("pets", {}, reader), splits)
    assert list(private_cache.iterdir()) == []


def test_failed_reading_writes_nothing(private_cache):
    def read(new):
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        remember("pets", {}, read)
    assert list(private_cache.iterdir()) == []


def test_what_is_made_in_the_cache_is_not_copied(splits, private_cache):
    arrays = []

    def read(new):
        made = {}
        for part, split in splits.items():
            images = new(part, split.images.shape)
            images[:] = split.images
            arrays.append(images)
            made[part] = Split(part, images, split.labels, NAMES)
        new("left over", (1, 2, 2, 1))[:] = 0
        return made

    assert_same(remember("pets", {}, read), splits)
    assert all(isinstance(images, np.memmap) for images in arrays)
    names = {path.name for path in the_entry(private_cache).iterdir()}
    parts = {f"{part}-{kind}.npy" for part in splits for kind in ("images", "labels")}
    assert names == {"meta.json", *parts}
    assert_same(remember("pets", {}, read), splits)
    assert len(arrays) == 2


def test_a_disk_without_room_is_said_before_anything_is_written(splits, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    def read(new):
        images = new("train", splits["train"].images.shape)
        images[:] = splits["train"].images
        return {"train": Split("train", images, splits["train"].labels, NAMES)}

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.warns(UserWarning, match="No space left"):
        found = remember("pets", {}, read)
    np.testing.assert_array_equal(found["train"].images, splits["train"].images)


def test_two_processes_at_once_do_no_harm(write, image_bytes, private_cache):
    root = write(
        "pets", {f"{name}/{k}.png": image_bytes((9, 9)) for name in "ab" for k in range(50)}
    )
    code = (
        f"import zoo.datasets; print(zoo.datasets.load('folder', {str(root)!r}).train.images.sum())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = {process.communicate()[0] for process in both}
    assert len(answers) == 1
    assert int(answers.pop()) > 0
    the_entry(private_cache)


def test_a_copied_cache_is_as_good(reader, splits, private_cache, tmp_path, monkeypatch):
    remember("pets", {}, reader)
    shutil.copytree(private_cache, tmp_path / "copy")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "copy"))
    assert_same(remember("pets", {}, reader), splits)
    assert reader.calls == 1


def test_threads_leave_the_filters_of_warnings_as_they_were(write, image_bytes):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(200)})
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda size: load("folder", root, image_size=size), range(4, 12)))
    assert list(warnings.filters) == before


def test_what_the_reader_warned_of_is_said_each_time(splits):
    def read(new):
        warnings.warn("one picture is left out", stacklevel=2)
        return splits

    for _ in range(3):
        with pytest.warns(UserWarning, match="one picture is left out") as said:
            assert_same(remember("pets", {}, read), splits)
        assert len(said) == 1
