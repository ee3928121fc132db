import numpy as np
import pytest

import zoo.datasets
from zoo.datasets import as_split
from zoo.errors import DataError
from zoo.spreading.sharing import share_splits, take_splits


def test_images_travel_as_arrays_each_once():
    shares = np.array([[1, 0], [0.5, 0.5], [0, 1]], "float32")
    images = np.arange(48, dtype="uint8").reshape(3, 4, 4, 1)
    split = as_split(images, [0, 1, 1], class_names=("a", "b"), label_shares=shares)
    split = as_split(split, sample_weight=[1, 2, 3])
    part = split.take([2, 0])
    described, arrays = share_splits({"train": split, "part": part, "none": None}, by_name=False)
    assert sum(array is split.store for array in arrays) == 1
    taken = take_splits(described, arrays)
    assert taken["none"] is None
    for given, got in ((split, taken["train"]), (part, taken["part"])):
        for name in ("images", "labels", "label_shares", "sample_weight", "digests"):
            np.testing.assert_array_equal(getattr(got, name), getattr(given, name))
        assert (got.name, got.class_names) == (given.name, given.class_names)


def test_a_data_set_travels_by_its_name_and_a_checksum():
    data = zoo.datasets.load("digits", classes=["3", "1"])
    part = data.train.take(slice(5, 90))
    described, arrays = share_splits({"train": part}, by_name=True)
    assert described["train"]["store"]["load"]["classes"] == ["3", "1"]
    assert all(array.ndim == 1 for array in arrays)  # no pixels
    np.testing.assert_array_equal(take_splits(described, arrays)["train"].images, part.images)
    described["train"]["store"]["checksum"] += 1
    with pytest.raises(DataError, match="digits must have the same images on each machine"):
        take_splits(described, arrays)


def test_images_that_load_does_not_give_travel_as_arrays():
    train = zoo.datasets.load("digits").train
    changed = as_split(255 - train.images, train.labels, class_names=train.class_names)
    changed.settings = train.settings  # such as a selection of rows has
    described, arrays = share_splits({"train": changed}, by_name=True)
    assert any(array is changed.store for array in arrays)
    assert isinstance(described["train"]["store"], int)
