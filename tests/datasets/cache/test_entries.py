import os
from pathlib import Path

import numpy as np

from zoo.datasets.cache.entries import cache_root, clear, entries
from zoo.datasets.cache.fingerprint import ListedFiles
from zoo.datasets.cache.store import remember

NAMES = ("cat", "dog")


def test_root_without_variable_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert cache_root() == tmp_path / "zoo"
    monkeypatch.setenv("ZOO_CACHE", "~/zoo-cache")
    assert not str(cache_root()).startswith("~")


def test_entries_are_listed_and_cleared(reader, private_cache):
    remember("pets", {"a": 1}, reader)
    remember("birds", {}, reader)
    (private_cache / f".pets-{'0123' * 8}-unfinished").mkdir()
    damage = remember("pets", {"a": 2}, reader)["train"].store.filename
    (Path(damage).parent / "meta.json").write_text("nothing")
    found = {(entry.dataset, bool(entry.images)) for entry in entries()}
    assert found == {("pets", True), ("birds", True), ("pets", False)}
    assert len(entries()) == 4
    whole = next(entry for entry in entries() if entry.dataset == "birds")
    assert whole.images == {"train": 6, "test": 3}
    assert whole.bytes == sum(path.stat().st_size for path in whole.path.iterdir())
    assert len(clear("pets")) == 2
    # Another process may be making it, until an hour has passed without a change.
    (unfinished,) = private_cache.glob(".pets-*")
    os.utime(unfinished, (1, 1))
    assert [entry.path for entry in clear("pets")] == [unfinished]
    assert [entry.dataset for entry in entries()] == ["birds"]
    clear()
    assert entries() == []
    assert list(private_cache.iterdir()) == []


def test_cleared_images_stay_readable_while_they_are_in_use(reader, splits):
    found = remember("pets", {}, reader)
    clear()
    np.testing.assert_array_equal(found["train"].images, splits["train"].images)


def test_hashes_of_files_are_cleared_too(write, private_cache, monkeypatch):
    monkeypatch.setattr("zoo.datasets.cache.fingerprint._SETTLED", -(10**18))
    path = write("a.zip", {"a": b""})
    ListedFiles(path).fingerprint()
    (private_cache / "contents" / "mine.txt").touch()
    assert clear("pets") == []
    assert len(list((private_cache / "contents").iterdir())) == 2
    clear()
    assert [path.name for path in (private_cache / "contents").iterdir()] == ["mine.txt"]


def test_other_folders_are_never_cleared(reader, private_cache):
    remember("pets", {}, reader)
    other_names = (
        "my-thesis",
        "pets-backup",
        f"pets-{'z' * 32}",
        f"Pets-{'0' * 32}",
        ".hidden-folder",
    )
    for name in other_names:
        (private_cache / name).mkdir()
        (private_cache / name / "chapter1.tex").touch()
    assert len(clear()) == 1
    assert {path.name for path in private_cache.iterdir()} == set(other_names)
