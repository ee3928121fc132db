import gzip
import io
import struct

import numpy as np
import pytest

import zoo.datasets
from zoo.datasets.sources.mnist import FIRST_LABELS, PREFIXES
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


def saved(files):
    """The same arrays in `mnist.npz`, as Keras keeps them."""
    arrays = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = np.frombuffer(files[f"{prefix}-images-idx3-ubyte"][16:], np.uint8)
        arrays[f"x_{part}"] = images.reshape(-1, 28, 28)
        arrays[f"y_{part}"] = np.frombuffer(files[f"{prefix}-labels-idx1-ubyte"][8:], np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def test_the_arrays_of_keras_are_read(write, files):
    folder = write("datasets", {"mnist.npz": saved(files)})
    check(zoo.datasets.load("mnist", folder, validation=0))
    check(zoo.datasets.load("mnist", folder / "mnist.npz", validation=0))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_place_of_keras_is_looked_in_last(write, files, tmp_path, monkeypatch, name):
    if name == "mnist":
        kept = {"mnist.npz": saved(files)}
    else:
        kept = {f"fashion-mnist/{file}": content for file, content in packed(files).items()}
    write("keras/datasets", kept)
    assert zoo.datasets.load(name, validation=0).train.images.max() == 180
    if name == "mnist":  # whose files have other names than those that would be fetched
        assert zoo.datasets.load(name, validation=0, download=True).train.images.max() == 180
    with pytest.raises(DataError, match="none of these files"):
        zoo.datasets.load({"mnist": "fashion_mnist", "fashion_mnist": "mnist"}[name])
    changed = {key: content.replace(b"\xb4", b"\xb5") for key, content in files.items()}
    monkeypatch.setenv("ZOO_DATA", str(write("mine", changed)))
    assert zoo.datasets.load(name, validation=0).train.images.max() == 181


def test_keras_keeps_data_in_the_home_of_the_user(write, files, tmp_path, monkeypatch):
    write(".keras/datasets", {"mnist.npz": saved(files)})
    monkeypatch.delenv("KERAS_HOME")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    check(zoo.datasets.load("mnist", validation=0))


def test_where_files_were_looked_for_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError) as raised:
        zoo.datasets.load("mnist")
    for folder in ("mine", "user-data/zoo", "keras/datasets"):
        assert str(tmp_path / folder) in str(raised.value)
    with pytest.raises(DataError) as raised:
        zoo.datasets.load("svhn")
    assert "keras" not in str(raised.value)


def test_the_folders_of_torchvision_are_read(write, files):
    root = write("data", {f"MNIST/raw/{name}": content for name, content in packed(files).items()})
    check(zoo.datasets.load("mnist", root, validation=0))
    check(zoo.datasets.load("mnist", root / "MNIST", validation=0))


ARRAYS = [
    (np.zeros((20, 28, 28)), "be uint8, row by row"),
    (np.array([{}]), "be uint8, row by row"),
    (np.zeros((20, 28, 28), np.uint8).T, "be uint8, row by row"),
    (np.zeros((20, 28, 27), np.uint8), "images of 28×28"),
]


@pytest.mark.parametrize(("images", "message"), ARRAYS)
def test_other_arrays_are_refused(tmp_path, images, message):
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=np.zeros(20, np.uint8))
    with pytest.raises(DataError, match=message):
        zoo.datasets.load("mnist", tmp_path)


def test_damaged_arrays_are_refused(write, files):
    content = saved(files)
    for damaged in (content[:500], content[:300] + bytes(40) + content[340:]):
        with pytest.raises(DataError, match=r"mnist\.npz"):
            zoo.datasets.load("mnist", write("datasets", {"mnist.npz": damaged}))


def named(files, name):
    """The files with the first labels of the real data set."""
    first = {prefix: FIRST_LABELS[name][part] for part, prefix in PREFIXES.items()}
    images = {k: v for k, v in files.items() if "images" in k}
    labels = {k: v[:8] + first[k.split("-")[0]] + v[18:] for k, v in files.items() if "label" in k}
    return images | labels


@pytest.mark.parametrize(
    ("name", "other"), [("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")]
)
def test_mnist_and_fashion_mnist_are_told_apart(write, files, name, other):
    root = write("data", named(files, other))
    with pytest.raises(DataError, match=rf"Received: {other}'s\. Load it as '{other}'"):
        zoo.datasets.load(name, root)
    assert len(zoo.datasets.load(other, root, validation=0).train) == 20


def test_fashion_mnist_is_found_beside_mnist(write, files, tmp_path):
    for folder, name in (("MNIST", "mnist"), ("FashionMNIST", "fashion_mnist")):
        write(f"data/{folder}/raw", named(files, name))
    root = tmp_path / "data"
    assert zoo.datasets.load("mnist", root, validation=0).class_names[9] == "9"
    data = zoo.datasets.load("fashion_mnist", root, validation=0)
    assert data.class_names[9] == "Ankle boot"
    assert data.train.labels[0] == 9


def test_the_real_files_begin_with_the_labels_of_mnist(real_file):
    folder = real_file("train-images-idx3-ubyte.gz").parent
    for part, split in zoo.datasets.load("mnist", folder, validation=0).splits.items():
        assert split.labels[:10].astype(np.uint8).tobytes() == FIRST_LABELS["mnist"][part]
    with pytest.raises(DataError, match="Load it as 'mnist'"):
        zoo.datasets.load("fashion_mnist", folder)
