import os
from pathlib import Path

import pytest

from zoo.datasets.cache import fingerprint as module
from zoo.datasets.cache.fingerprint import ListedFiles
from zoo.errors import DataError

FILES = {"a/1.png": b"one", "a/more/2.png": b"two", "b/3.txt": b"three"}
LONG_AGO = 10**18


def settle(path):
    """Let every file have been there for long, as far as the time of content goes."""
    for file in (path, *path.rglob("*")):
        os.utime(file, ns=(LONG_AGO, LONG_AGO))
    return path


def fingerprint(path, only=None):
    listed = ListedFiles(path, only)
    return listed.known_fingerprint() or listed.fingerprint()


@pytest.fixture
def settled(monkeypatch):
    """Believe states of files as young as those of tests."""
    monkeypatch.setattr(module, "_SETTLED", -(10**18))


@pytest.fixture
def read(monkeypatch):
    """The files that were read."""
    names = []

    def counted(path):
        names.append(Path(path).name)
        return checksum(path)

    checksum = module.checksum
    monkeypatch.setattr(module, "checksum", counted)
    return names


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_the_same_content_elsewhere_and_later_is_the_same(write, tmp_path, name):
    path = settle(write(name, FILES))
    before = fingerprint(path)
    os.utime(path, ns=(1, 1))
    assert fingerprint(path.rename(tmp_path / f"moved-{name}")) == before


@pytest.mark.parametrize("name", ["tree", "tree.tar"])
def test_other_bytes_with_the_same_sizes_and_times_are_another(write, name, settled):
    before = fingerprint(settle(write(name, FILES)))
    assert fingerprint(settle(write(name, FILES | {"a/1.png": b"ONE"}))) != before


def test_other_names_and_empty_folders_are_another(write, tmp_path):
    folder = write("tree", FILES)
    before = fingerprint(folder)
    (folder / "b" / "3.txt").rename(folder / "b" / "4.txt")
    renamed = fingerprint(folder)
    (folder / "c").mkdir()
    assert len({before, renamed, fingerprint(folder)}) == 3


def test_files_are_read_once(write, settled, read, private_cache):
    folder = write("tree", FILES)
    assert fingerprint(folder) == fingerprint(folder)
    assert sorted(read) == ["1.png", "2.png", "3.txt"]
    (known,) = (file for file in (private_cache / "contents").iterdir() if file.stat().st_size)
    known.write_text("damaged")
    assert fingerprint(folder) == fingerprint(folder)
    assert len(read) == 6


def test_a_file_that_was_read_before_is_not_read_again(write, settled, read):
    folder = write("tree", FILES)
    listed = ListedFiles(folder)
    assert listed.read("a/1.png", 100) == b"one"
    assert listed.read("a/more/2.png", 1) == b"t"  # not all bytes
    assert listed.fingerprint() == ListedFiles(folder).fingerprint()
    assert sorted(read) == ["1.png", "2.png", "2.png", "3.txt", "3.txt"]
    assert not listed.have_changed()


@pytest.mark.parametrize("read_first", [(), ("a/1.png",), FILES])
@pytest.mark.parametrize("change", ["write", "remove", "add", "hidden"])
def test_a_change_after_the_listing_is_noticed(write, settled, read_first, change):
    folder = write("tree", FILES)
    for path in (folder, folder / "b"):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    listed = ListedFiles(folder)
    file = folder / "b" / {"add": "4.txt", "hidden": ".thumbs"}.get(change, "3.txt")
    if change == "remove":
        file.unlink()
    else:
        file.write_bytes(b"THREE")
    if change != "remove":
        for name in read_first:
            listed.read(name, 100)
    assert listed.have_changed() == (change != "hidden")


def test_a_file_that_changes_between_two_readings_is_noticed(write, settled):
    folder = write("tree", FILES)
    listed = ListedFiles(folder)
    listed.read("b/3.txt", 100)
    (folder / "b" / "3.txt").write_bytes(b"THREE")
    listed.read("b/3.txt", 100)
    assert listed.have_changed()


def test_files_that_were_just_written_are_read_again(write, read, monkeypatch):
    monkeypatch.setattr(module, "_SETTLED", 3600 * 10**9)  # also where this test takes seconds
    folder = write("tree", FILES)
    fingerprint(folder)
    fingerprint(folder)
    assert len(read) == 6


def test_what_is_not_wanted_is_not_read(write, read):
    folder = write("tree", FILES)
    whole = fingerprint(folder)
    del read[:]
    assert fingerprint(folder, "b") != whole
    assert read == ["3.txt"]


def test_a_cache_that_cannot_be_written_is_done_without(write, settled, read, private_cache):
    private_cache.write_text("a file where the folder should be")
    folder = write("tree", FILES)
    assert fingerprint(folder) == fingerprint(folder)
    assert len(read) == 6


def test_fingerprint_of_nothing_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.zip"):
        fingerprint(tmp_path / "nothing.zip")
