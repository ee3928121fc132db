import gzip
import struct

import numpy as np
import pytest

import zoo.datasets
from zoo.errors import DataError


def idx(array, magic):
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


@pytest.fixture
def files(rng):
    files = {}
    for prefix, count in (("train", 20), ("t10k", 10)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = np.broadcast_to(20 * labels[:, None, None], (count, 28, 28)).astype(np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = idx(images, 2051)
        files[f"{prefix}-labels-idx1-ubyte"] = idx(labels, 2049)
    return files


def check(data):
    assert data.class_names == tuple("0123456789")
    assert data.image_shape == (28, 28, 1)
    for part, count in ((data.train, 2), (data.test, 1)):
        assert part.class_counts == dict.fromkeys(data.class_names, count)
        np.testing.assert_array_equal(part.images.mean((1, 2, 3)), 20 * part.labels)


def packed(files):
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.mark.parametrize("pack", [dict, packed], ids=["plain", "gzipped"])
@pytest.mark.parametrize("place", ["data", "data/mnist"])
def test_files_may_be_gzipped_and_in_a_folder_of_their_own(write, files, pack, place, tmp_path):
    write(place, pack(files))
    check(zoo.datasets.load("mnist", tmp_path / "data", validation=0))


def test_the_other_spelling_and_a_file_as_root(write, files):
    folder = write("d", {name.replace("-idx", ".idx"): array for name, array in files.items()})
    check(zoo.datasets.load("mnist", folder, validation=0))
    check(zoo.datasets.load("mnist", folder / "train-images.idx3-ubyte", validation=0))


def test_zoo_data_is_looked_in(write, files, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(write("elsewhere", files)))
    check(zoo.datasets.load("mnist", validation=0))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (
            "train-images-idx3-ubyte",
            lambda raw: raw[:-1],
            r"15,680 bytes .* Received: 15,679\.",
        ),
        (
            "train-images-idx3-ubyte",
            lambda raw: raw + b"x",
            r"15,680 bytes .* Received: more\.",
        ),
        ("t10k-labels-idx1-ubyte", lambda raw: b"<html>" + raw, r"magic 2049\. Received: "),
        (
            "t10k-labels-idx1-ubyte",
            lambda raw: raw[:5],
            r"must be an idx file\. Received: 5 bytes",
        ),
        (
            "train-labels-idx1-ubyte",
            lambda raw: raw[:8] + b"\x0a" + raw[9:],
            "labels up to 10",
        ),
        (
            "train-labels-idx1-ubyte",
            lambda raw: idx(np.zeros(3, "u1"), 2049),
            "Received: 3 labels",
        ),
        (
            "train-images-idx3-ubyte",
            lambda raw: raw[:4] + b"\xff" * 12,
            "at most 2,147,483,648",
        ),
        (
            "t10k-images-idx3-ubyte",
            lambda array: gzip.compress(array)[:-9],
            "must be a readable file",
        ),
        ("t10k-images-idx3-ubyte", lambda array: b"\x1f\x8bnothing", "must be a readable file"),
        ("t10k-labels-idx1-ubyte", lambda array: None, "must hold t10k-labels-idx1-ubyte"),
    ],
)
def test_damaged_files_are_one_clear_error(write, files, name, change, words):
    changed = change(files.pop(name))
    folder = write("data", files if changed is None else {**files, name: changed})
    with pytest.raises(DataError, match=words):
        zoo.datasets.load("mnist", folder)


def test_a_bomb_is_not_unpacked(write, files):
    bomb = files["train-images-idx3-ubyte"] + bytes(10**8)
    folder = write("data", {**files, "train-images-idx3-ubyte": gzip.compress(bomb)})
    with pytest.raises(DataError, match="Received: more"):
        zoo.datasets.load("mnist", folder)


def test_nothing_there_says_where_it_looked(tmp_path):
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz.*pass root="):
        zoo.datasets.load("mnist", tmp_path)


def test_the_real_thing(real_file):
    folder = real_file("train-images-idx3-ubyte.gz").parent
    data = zoo.datasets.load("mnist", folder, validation=0)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert list(data.train.class_counts.values()) == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert list(data.test.class_counts.values()) == counts
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
