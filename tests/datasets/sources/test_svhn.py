import io

import numpy as np
import pytest
from scipy.io import savemat

import zoo.datasets
from zoo.errors import DataError


def mat(images, labels, **more):
    content = io.BytesIO()
    savemat(content, {"X": images, "y": labels, **more}, do_compression=True)
    return content.getvalue()


@pytest.fixture
def files(rng):
    """The digit 0 is written as 10, as in the real files; pixels tell the row."""
    files = {}
    for part, count in (("train", 30), ("test", 20), ("extra", 10)):
        images = rng.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        images[0, 1, 2] = np.arange(count)
        labels = np.arange(count, dtype=np.uint8)[:, None] % 10 + 1
        files[f"{part}_32x32.mat"] = mat(images, labels)
    return files


@pytest.mark.parametrize("place", ["data", "data/svhn", "data/svhn.zip"])
def test_axes_and_labels_are_put_in_order(write, files, tmp_path, place):
    write(place, files)
    data = zoo.datasets.load("svhn", tmp_path / "data", validation=0)
    assert data.class_names == tuple("0123456789")
    assert data.image_shape == (32, 32, 3)
    assert (len(data.train), len(data.test)) == (30, 20)
    assert data.train.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert data.train.images[:, 0, 1, 2].tolist() == list(range(30))


def test_extra_images_are_added_when_asked_for(write, files):
    root = write("svhn", files)
    parts = {"train": ["train", "extra"], "test": "test"}
    data = zoo.datasets.load("svhn", root, parts=parts, validation=0)
    assert data.train.images[:, 0, 1, 2].tolist() == [*range(30), *range(10)]
    assert (
        zoo.datasets.load("svhn", root, parts={"train": "extra"}, test=0, validation=0).test is None
    )


def test_grey_is_the_luma_of_the_report(write, files):
    root = write("svhn", files)
    colors = zoo.datasets.load("svhn", root, validation=0).train.images
    grey = zoo.datasets.load("svhn", root, color="grayscale", validation=0).train.images
    expected = colors @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey[..., 0], expected, atol=0.51)


IMAGES, LABELS = np.zeros((32, 32, 3, 2), np.uint8), np.array([[1], [10]], np.uint8)

DAMAGES = [
    (mat(IMAGES, LABELS)[:200], "Fetch it again"),
    (b"<html>" + bytes(300), "Fetch it again"),
    (b"", "Fetch it again"),
    (mat(IMAGES.astype(float), LABELS), r"must be uint8 .*\. Received: float64"),
    (mat(IMAGES[:31], LABELS), r"Received: uint8 \[31, 32, 3, 2\]"),
    (mat(IMAGES, LABELS[:1]), r"must be \[2, 1\]\. Received: \[1, 1\]"),
    (mat(IMAGES, np.array([[1], [11]])), r"labels 1\.\.10 .* Received: \[1, 11\]"),
    (mat(IMAGES, np.array([[0], [1]])), r"Received: \[0, 1\]"),
    (mat(IMAGES, np.array([[1.5], [1]])), "labels 1"),
    (mat(np.full(IMAGES.shape, np.nan), LABELS), r"must be uint8 .* Received: float64"),
    (mat(IMAGES, np.array([[np.nan], [1]])), "labels 1"),
    (mat(IMAGES, np.array([["a"], ["b"]])), "y of another class than numbers"),
]


@pytest.mark.parametrize(("content", "words"), DAMAGES)
def test_damaged_files_are_one_clear_error(write, files, content, words):
    root = write("svhn", {**files, "test_32x32.mat": content})
    with pytest.raises(DataError, match=rf"test_32x32\.mat in .*{words}"):
        zoo.datasets.load("svhn", root)


def test_missing_files_are_named(write, files):
    root = write("svhn", {"train_32x32.mat": files["train_32x32.mat"]})
    with pytest.raises(DataError, match=r"must hold test_32x32\.mat"):
        zoo.datasets.load("svhn", root)
    with pytest.raises(DataError, match=r"train_32x32\.mat and test_32x32\.mat in"):
        zoo.datasets.load("svhn", write("empty", {}))
