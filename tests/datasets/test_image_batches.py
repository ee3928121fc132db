"""Images for members, from every container: in batches, or refused before any is asked."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError, DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 6, 6, 1), "uint8")
LABELS = np.arange(10) % 2


@pytest.mark.parametrize(
    "x",
    [
        IMAGES,
        list(IMAGES),
        as_split(IMAGES, LABELS),
        (IMAGES, LABELS),
        (as_split(IMAGES, LABELS), LABELS),
    ],
)
def test_arrays_and_splits_come_in_batches(x):
    batches = list(image_batches(x, (6, 6, 1), batch_size=4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(batches), IMAGES)


def test_datasets_keep_their_batches():
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES.astype("float32"), LABELS)).batch(3)
    batches = list(image_batches(dataset, (6, 6, 1), batch_size=4))
    assert [len(batch) for batch in batches] == [3, 3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(batches), IMAGES)


def test_a_split_is_read_block_by_block():
    class Store(np.ndarray):
        """Images on disk."""

    store = IMAGES.view(Store)
    split = as_split(store, LABELS).take([5, 1, 2])
    batches = image_batches(split, (6, 6, 1), batch_size=2)
    np.testing.assert_array_equal(next(batches), IMAGES[[5, 1]])
    assert "images" not in vars(split)  # no copy of all rows


def test_members_of_many_channels_or_rows_get_their_images():
    # It looks like channels first, but the members take it.
    rows = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    for shape in ((3, 8, 8), (None, None, 8)):
        np.testing.assert_array_equal(next(image_batches(rows, shape, batch_size=4)), rows)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (IMAGES / 255, r"uint8.*float64 from 0 to 1.*\* 255"),
        (IMAGES[:, 1:], r"\(6, 6, 1\).*Received: shape \(10, 5, 6, 1\)"),
        (IMAGES[:0], "one image or more"),
        (np.zeros((2, 3, 6, 6), "uint8"), "moveaxis"),
        (IMAGES[..., 0], r"images\[\.\.\., None\]"),
        (IMAGES[0], r"images\[|shape"),
        (tf.data.Dataset.from_tensor_slices(IMAGES / 255).batch(4), r"0\.\.255.*\* 255"),
        (tf.data.Dataset.from_tensor_slices(IMAGES[:, 1:]).batch(4), r"shape \(4, 5, 6, 1\)"),
        (tf.data.Dataset.from_tensor_slices(IMAGES).take(0), "one image or more"),
        (tf.data.Dataset.from_tensor_slices(IMAGES).repeat(), "have an end"),
        ((image for image in IMAGES), "may have no end"),
        (as_split(IMAGES[:, 1:], LABELS), r"Received: shape \(10, 5, 6, 1\)"),
    ],
)
def test_other_images_are_refused(x, message):
    with pytest.raises(DataError, match=message):
        next(image_batches(x, (6, 6, 1), batch_size=4))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "7", True])
def test_the_batch_size_is_a_whole_number(batch_size):
    with pytest.raises(ArgumentError, match="batch_size must be a whole number of 1 or more"):
        list(image_batches(IMAGES, (6, 6, 1), batch_size))


def test_pixels_of_0_and_1_give_a_warning():
    with pytest.warns(UserWarning, match=r"which are black. Pass `images \* 255`"):
        list(image_batches(np.eye(6, dtype="uint8")[None, ..., None], (6, 6, 1), 2))
