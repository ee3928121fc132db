import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.datasets.files.tree import open_tree
from zoo.datasets.sources.cifar10 import BATCHES, CLASS_NAMES
from zoo.errors import DataError

COUNT = 20


@pytest.fixture
def planes(rng):
    """Of each batch uint8 [n, 3072]: red, green and blue planes of random pixels."""
    names = [name for names in BATCHES.values() for name in names]
    return {name: rng.integers(0, 256, (COUNT, 3072), dtype=np.uint8) for name in names}


LABELS = [number % 10 for number in range(COUNT)]


def binary(planes):
    labels = np.array(LABELS, np.uint8)[:, None]
    return {f"{name}.bin": np.hstack([labels, pixels]).tobytes() for name, pixels in planes.items()}


def pickled(planes, protocol=2):
    return {
        name: pickle.dumps({"batch_label": name, "labels": LABELS, "data": pixels}, protocol)
        for name, pixels in planes.items()
    }


def as_python_2(planes):
    """As the real files are: protocol 2 with byte strings, written out by hand."""
    files = {}
    for name, pixels in planes.items():
        array = (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
            + b"(I1\n(I%d\nI3072\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
            % COUNT
            + b"I00\nT"
            + (3072 * COUNT).to_bytes(4, "little")
            + pixels.tobytes()
            + b"tb"
        )
        labels = b"(l" + b"".join(b"I%d\na" % label for label in LABELS)
        files[name] = b"\x80\x02}(S'labels'\n" + labels + b"S'data'\n" + array + b"u."
    return files


def with_bytes_for_keys(planes, protocol=2):
    return {
        name: pickle.dumps({b"labels": LABELS, b"data": pixels, b"batch_label": name}, protocol)
        for name, pixels in planes.items()
    }


def with_bytes_for_keys_now(planes):
    return with_bytes_for_keys(planes, 5)


@pytest.mark.parametrize(
    "encode", [binary, pickled, as_python_2, with_bytes_for_keys, with_bytes_for_keys_now]
)
@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ("data", ""),
        ("data/cifar10", ""),
        ("data", "cifar-10-batches-py/"),
        ("data/cifar-10-python.tar.gz", "cifar-10-batches-py/"),
        ("data/cifar10.zip", ""),
    ],
)
def test_each_form_gives_the_same_pixels(write, planes, tmp_path, encode, place, inside):
    write(place, {inside + name: content for name, content in encode(planes).items()})
    data = zoo.datasets.load("cifar10", tmp_path / "data", validation=0)
    assert data.class_names == CLASS_NAMES
    assert data.image_shape == (32, 32, 3)
    for split, part in ((data.train, "train"), (data.test, "test")):
        expected = np.concatenate([planes[name] for name in BATCHES[part]])
        expected = expected.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(split.images, expected)
        assert split.labels.tolist() == LABELS * len(BATCHES[part])


def test_cifar_100_beside_it_is_another_data_set(write, planes, tmp_path):
    write("cifar-100-python.tar.gz", {"train": b""})
    write("cifar-10-batches-bin", binary(planes))
    assert len(zoo.datasets.load("cifar10", tmp_path, validation=0).train) == 5 * COUNT


@pytest.fixture
def pictures(image_bytes):
    return {
        f"train/{name}/{number}.jpg": image_bytes((32, 32, 3), "JPEG")
        for name in CLASS_NAMES
        for number in range(5)
    }


@pytest.mark.parametrize(
    "folder", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"]
)
def test_the_folders_of_keras_are_read(write, planes, folder):
    batches = {f"{folder}/{name}": content for name, content in pickled(planes).items()}
    others = {"mnist.npz": b"", "cifar-10-batches-py-target_archive": b"", f"{folder}/readme": b""}
    root = write("keras/datasets", batches | others)
    for data in (zoo.datasets.load("cifar10", place, validation=0) for place in (root, None)):
        assert (len(data.train), len(data.test)) == (5 * COUNT, COUNT)


def test_folders_without_a_test_part_hold_some_out_and_say_so(write, pictures):
    root = write("cifar10-train.zip", pictures)
    with pytest.warns(UserWarning, match="has no part test: test images are held out"):
        data = zoo.datasets.load("cifar10", root, validation=0)
    assert data.class_names == CLASS_NAMES
    assert (len(data.train), len(data.test)) == (40, 10)
    with pytest.raises(DataError, match="must have the parts test"):
        zoo.datasets.load("cifar10", root, parts={"train": "train", "test": "test"})


def test_folders_of_other_classes_are_refused(write, pictures):
    root = write(
        "cifar10", {name.replace("bird", "owl"): pixels for name, pixels in pictures.items()}
    )
    with pytest.raises(DataError, match="must hold the classes airplane"):
        zoo.datasets.load("cifar10", root)


class Malice:
    def __reduce__(self):
        return (print, ("the pickle was run",))


class Hidden:
    """A dtype whose construction is a call of something else."""

    def __reduce__(self):
        return (eval, ("1",))


def good():
    return np.zeros((COUNT, 3072), np.uint8)


PICKLES = [
    (Malice(), r"names \w+\.print"),
    ({"data": Hidden(), "labels": LABELS}, r"names \w+\.eval"),
    ({"data": good().astype(object), "labels": LABELS}, "another kind of array than uint8"),
    ({"data": good().astype(float), "labels": LABELS}, "another kind of array than uint8"),
    ({"data": good()[:, :-1], "labels": LABELS}, r"data \[20, 3072\]\. Received: \[20, 3071\]"),
    ({"data": good().tolist(), "labels": LABELS}, r"data \[20, 3072\]\. Received: list"),
    ({"data": good(), "labels": LABELS[:-1]}, r"must have data \[19, 3072\]"),
    ({"data": good(), "labels": [10, *LABELS[1:]]}, r"labels 0\.\.9"),
    ({"data": good(), "labels": [-1, *LABELS[1:]]}, r"labels 0\.\.9"),
    ({"data": good(), "labels": [1.0, *LABELS[1:]]}, r"labels 0\.\.9"),
    ({"data": good(), "labels": []}, r"labels 0\.\.9\. Received: list"),
    ({"data": good()}, r"labels 0\.\.9\. Received: NoneType"),
    ([good(), LABELS], "list for a dictionary"),
]


# Each holds the one before it twice.
DOUBLED_LISTS = b"(lq\x00" + b"".join(b"(h%ch%clq%c" % (k, k, k + 1) for k in range(60))
DOUBLED_TUPLES = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (k, k, k + 1) for k in range(60))
# A text of a million letters turned into bytes a thousand times.
ENCODED_OFTEN = (
    b"X\x40\x42\x0f\x00"
    + b"a" * 10**6
    + b"q\x00c_codecs\nencode\nq\x01}(%su."
    % b"".join(
        b"X\x04\x00\x00\x00%04dh\x01h\x00X\x06\x00\x00\x00latin1\x86R" % k for k in range(1000)
    )
)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02]r\xff\xff\xff\x7f.",  # remembers a list under the number 2**31 - 1
        b"\x80\x04]\x94" + b"0h\x00" * 10**6 + b".",
        b"\x80\x04B\xff\xff\xff\xffabc.",
        b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(J\xff\xff\xff\x7fNNNtR.",
        b"\x80\x02cnumpy\ndtype\n)\x81.",  # a class made without a call
        b"\x80\x02}(U\x06labels" + b"]" * 10**5 + b"a" * (10**5 - 1) + b"u.",
        b"\x80\x02}(U\x06labels(l" + DOUBLED_LISTS + b"u.",
        b"\x80\x02}(" + DOUBLED_TUPLES + b"K\x01u.",
        b"\x80\x02}(U\x04data" + DOUBLED_TUPLES + b"U\x06labels" + DOUBLED_TUPLES + b"u.",
        b"\x80\x04" + DOUBLED_TUPLES + b"U\x01a\x93.",
        b"\x80\x02" + ENCODED_OFTEN,
        b"\x80\x02U\x00)b.",
        b"\x80\x02}(U\x06labels(J\xff\xff\xff\xfflu.",
        b"\x80\x02tu.",
        b"\x80\x02}(" + b")" + b"\x85" * 150_000 + b"K\x01u.",  # tuples 150,000 deep, to be hashed
        b"\x80\x02}()" + b"2\x86" * 60 + b"K\x01u.",  # doubled 60 times
        b"\x80\x02c_codecs\nencode\nN}U\x08__code__K\x01s\x86b.",
        b"\x80\x02}U\x01aa.",
        b"\x80\x02h\x07.",
        b".",
        b"",
    ],
)
def test_pickles_that_ask_for_much_get_nothing(write, planes, content):
    root = write("cifar10", pickled(planes) | {"data_batch_3": content})
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"data_batch_3 in .*[Ff]etch it again"):
            zoo.datasets.load("cifar10", root)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("content", "words"), PICKLES)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickles_of_anything_else_are_refused_unrun(
    write, planes, content, words, protocol, capsys
):
    files = pickled(planes) | {"data_batch_3": pickle.dumps(content, protocol)}
    with pytest.raises(DataError, match=rf"data_batch_3 in .*{words}"):
        zoo.datasets.load("cifar10", write("cifar10", files))
    assert capsys.readouterr().out == ""


BINARIES = [
    (lambda pixels: pixels[:-1], r"must have 3,073 bytes for each image\. Received: 61,459"),
    (lambda pixels: b"", "Received: 0 bytes in all"),
    (lambda pixels: b"\x0a" + pixels[1:], r"labels 0\.\.9"),
    (lambda pixels: pixels * 1200, "at most"),
]


@pytest.mark.parametrize(("change", "words"), BINARIES)
def test_damaged_binaries_are_refused(write, planes, change, words):
    files = binary(planes)
    files["data_batch_2.bin"] = change(files["data_batch_2.bin"])
    with pytest.raises(DataError, match=rf"data_batch_2\.bin in .*{words}"):
        zoo.datasets.load("cifar10", write("cifar10", files))


def test_missing_batches_are_named(write, planes):
    files = binary(planes)
    del files["data_batch_4.bin"]
    with pytest.raises(DataError, match=r"Received: no data_batch_4\.bin"):
        zoo.datasets.load("cifar10", write("cifar10", files))


def test_the_training_archive_has_its_counts_and_pixels(real_file, tmp_path):
    with open_tree(real_file("cifar10-train.zip")) as tree:
        names = sorted(tree.sizes)
        files = {k: [n for n in names if n.startswith(f"train/{k}/")] for k in CLASS_NAMES}
        assert [len(found) for found in files.values()] == [5000] * 10
        # Decoding one image in a hundred takes a hundredth of the time.
        some = {file: tree.read(file) for found in files.values() for file in found[::100]}
    with zipfile.ZipFile(tmp_path / "cifar10-train.zip", "w") as archive:
        for file, content in some.items():
            archive.writestr(file, content)
    parts = {"train": "train"}
    train = zoo.datasets.load("cifar10", tmp_path, parts=parts, validation=0, test=0).train
    assert train.class_counts == dict.fromkeys(CLASS_NAMES, 50)
    for row, content in enumerate(some.values()):
        with Image.open(io.BytesIO(content)) as oracle:
            np.testing.assert_array_equal(train.images[row], np.asarray(oracle))
        assert train.labels[row] == row // 50
