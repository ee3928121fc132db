import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from zoo.datasets import as_split
from zoo.datasets.looking.near_duplicates import near_duplicates
from zoo.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def pictures():
    """Forty smooth pictures of 32×32, uint8 [40, 32, 32, 3]."""
    noise = np.random.default_rng(0).normal(size=(40, 32, 32, 3))
    smooth = sum(sigma * gaussian_filter(noise, (0, sigma, sigma, 9)) for sigma in (2, 4, 8))
    low, high = smooth.min(axis=(1, 2, 3), keepdims=True), smooth.max(axis=(1, 2, 3), keepdims=True)
    return np.rint(255 * (smooth - low) / (high - low)).astype("uint8")


def recompressed(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def moved(image, down, right):
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], mode="edge")
    return padded[2 + down : 34 + down, 2 + right : 34 + right]


CHANGES = {
    "identical": lambda image: image,
    "recompressed": lambda image: recompressed(image, 60),
    "shifted": lambda image: recompressed(moved(image, 2, -1), 80),
    "mirrored": lambda image: recompressed(moved(image[:, ::-1], -1, 2), 80),
}


def split_of(images):
    return as_split(np.stack(images), np.arange(len(images)) % 2, class_names=("a", "b"))


def test_changed_copies_are_found_with_their_kind_and_nothing_else(pictures):
    copies = [change(pictures[2 * k]) for k, change in enumerate(CHANGES.values())]
    found = near_duplicates(split_of(copies), split_of(pictures))
    assert found.first.tolist() == [0, 1, 2, 3]
    assert found.second.tolist() == [0, 2, 4, 6]
    assert found.kinds.tolist() == list(CHANGES)
    assert (found.correlations >= 0.97).all()
    assert found.sentence() == (
        "4 of 4 images are the same or nearly the same as another (pairs: 1 identical, "
        "1 recompressed, 1 shifted, 1 mirrored)."
    )


def test_most_copies_are_found_whatever_the_shift(pictures):
    for down, right in [(0, 1), (1, 1), (-2, 2), (2, 0)]:
        copies = split_of([moved(image, down, right) for image in pictures])
        found = near_duplicates(copies, split_of(pictures))
        assert (found.first == found.second).all()
        assert len(found) >= 38


def test_within_a_split_each_pair_stands_once(pictures):
    images = [*pictures[:5], pictures[1], pictures[3][:, ::-1]]
    found = near_duplicates(split_of(images))
    assert list(zip(found.first, found.second, strict=True)) == [(1, 5), (3, 6)]
    assert found.kinds.tolist() == ["identical", "mirrored"]


def test_flat_images_are_duplicates_only_if_they_are_identical():
    flat = [np.full((16, 16, 1), level, "uint8") for level in (0, 0, 9)]
    assert near_duplicates(split_of(flat)).kinds.tolist() == ["identical"]


def test_a_split_without_images_has_no_near_duplicates(pictures):
    split = split_of(pictures)
    nothing = split.take([])
    assert len(near_duplicates(nothing)) == len(near_duplicates(nothing, split)) == 0
    assert near_duplicates(split, nothing).sentence().startswith("0 of 40 images")


def test_what_cannot_be_compared_is_named(pictures):
    split = split_of(pictures)
    with pytest.raises(DataError, match="images of the same shape"):
        near_duplicates(split, split_of(pictures[:, :30]))
    for threshold in (0, 1.1, "0.97", None, True, float("nan"), np.array([0.9, 0.8])):
        with pytest.raises(ArgumentError, match="threshold must be a finite number, above 0 and"):
            near_duplicates(split, threshold=threshold)
    for other in (pictures, "train", 3):
        with pytest.raises(ArgumentError, match=r"^other must be a Split\. Received: .*data\.t"):
            near_duplicates(split, other)
        with pytest.raises(ArgumentError, match=r"^data must be a Split\."):
            near_duplicates(other)
    with pytest.raises(ArgumentError, match="max_shift must be a whole number"):
        near_duplicates(split, max_shift=-1)
