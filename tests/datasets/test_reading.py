import os
import shutil
from collections import Counter

import numpy as np
import pytest

from zoo.datasets import load
from zoo.datasets.cache import fingerprint
from zoo.datasets.cache.entries import CONTENTS
from zoo.datasets.files import tree
from zoo.errors import DataError


@pytest.fixture
def pets(write, image_bytes):
    """A folder of 6 JPEG files and a text file."""
    files = {f"{name}/{k}.jpg": image_bytes((9, 8), "JPEG") for name in "ab" for k in range(3)}
    return write("pets", files | {"notes.txt": b"mine"})


@pytest.fixture
def read(monkeypatch):
    """How often each file was read whole, by its name."""
    counts = Counter()

    def start(path, *arguments):
        counts[os.path.basename(path)] += 1
        return read_start(path, *arguments)

    def checksum(path):
        counts[os.path.basename(path)] += 1
        return hash_file(path)

    read_start, hash_file = tree.read_start, fingerprint.checksum
    monkeypatch.setattr(tree, "read_start", start)
    monkeypatch.setattr(fingerprint, "read_start", start)
    monkeypatch.setattr(fingerprint, "checksum", checksum)
    return counts


def entry_names(cache):
    return {path.name for path in cache.iterdir() if path.name != CONTENTS}


def test_the_first_time_each_file_is_read_once(pets, read, private_cache):
    data = load("folder", pets, validation=0, test=0)
    assert isinstance(data.train.store, np.memmap)
    assert read == {"0.jpg": 2, "1.jpg": 2, "2.jpg": 2, "notes.txt": 1}  # in both folders
    without = load("folder", pets, validation=0, test=0, cache=False)
    np.testing.assert_array_equal(data.train.images, without.train.images)
    assert len(entry_names(private_cache)) == 1


def test_the_entry_is_that_of_files_that_are_hashed_first(pets, private_cache, monkeypatch):
    load("folder", pets)
    names = entry_names(private_cache)
    shutil.rmtree(private_cache)
    monkeypatch.setattr(fingerprint.ListedFiles, "are_familiar", lambda listed: True)
    load("folder", pets)
    assert entry_names(private_cache) == names


@pytest.mark.parametrize("is_familiar", [True, False])
def test_the_same_files_elsewhere_have_the_same_entry(
    pets, private_cache, tmp_path, monkeypatch, is_familiar
):
    first = load("folder", pets).train
    monkeypatch.setattr(fingerprint.ListedFiles, "are_familiar", lambda listed: is_familiar)
    moved = load("folder", pets.rename(tmp_path / "moved")).train
    assert moved.store.filename == first.store.filename
    assert len(entry_names(private_cache)) == 1


def test_files_of_the_same_size_with_other_bytes_have_another_entry(
    pets, image_bytes, private_cache
):
    files = sorted(pets.rglob("*.jpg"))
    before = load("folder", pets, validation=0, test=0).train.images.copy()
    contents = [file.read_bytes() for file in files]
    longest = max(map(len, contents)) + 8
    for turn in range(2):  # the second time with files of the same sizes
        for file, content in zip(files, contents[turn:] + contents[:turn], strict=True):
            file.write_bytes(content.ljust(longest, b"\0"))
        after = load("folder", pets, validation=0, test=0).train.images
        np.testing.assert_array_equal(after, np.roll(before, -turn, axis=0))
    assert len(entry_names(private_cache)) == 3


def test_a_change_between_decoding_and_hashing_is_noticed(pets, private_cache, monkeypatch):
    fingerprint_of = fingerprint.ListedFiles.fingerprint

    def write_and_hash(listed):
        (pets / "notes.txt").write_bytes(b"other notes")
        return fingerprint_of(listed)

    monkeypatch.setattr(fingerprint.ListedFiles, "fingerprint", write_and_hash)
    with pytest.raises(DataError, match="has changed while it was read"):
        load("folder", pets)
    assert not entry_names(private_cache)


def test_a_cache_that_cannot_be_written_is_done_without(pets, private_cache):
    private_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="stay in memory"):
        assert len(load("folder", pets, validation=0, test=0).train) == 6
