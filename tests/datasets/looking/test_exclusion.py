import numpy as np
import pytest

from zoo.datasets import as_split, load
from zoo.datasets.looking.exclusion import leave_out
from zoo.errors import ArgumentError, DataError


def levels(*values, labels=None, name="train"):
    """Images of 2×2 pixels, each of one grey level."""
    images = np.array(values, "uint8")[:, None, None, None].repeat(2, 1).repeat(2, 2)
    labels = np.arange(len(values)) % 2 if labels is None else labels
    return as_split(images, labels, class_names=("even", "odd"), name=name)


@pytest.fixture
def splits():
    return {"train": levels(0, 1, 2, 3, 0, 1), "test": levels(0, 5, 6, 7, name="test")}


def grey_levels(split):
    return split.images[:, 0, 0, 0].tolist()


def test_without_a_list_nothing_changes(splits):
    assert leave_out(splits, None) == (splits, None)
    kept, counts = leave_out(splits, [])
    assert grey_levels(kept["train"]) == [0, 1, 2, 3, 0, 1]
    assert counts == {}


def test_digests_leave_out_all_copies_but_keep_the_test_split(splits):
    digest = splits["train"].digests[0]
    for given in ([int(digest)], np.array([digest]), (digest,)):
        kept, counts = leave_out(splits, given)
        assert grey_levels(kept["train"]) == [1, 2, 3, 1]
        assert grey_levels(kept["test"]) == [0, 5, 6, 7]
        assert counts == {"train": 1 + 1}


def test_row_numbers_leave_out_these_rows_only(splits):
    kept, counts = leave_out(splits, {"train": [0, 3], "test": np.array([1])})
    assert grey_levels(kept["train"]) == [1, 2, 0, 1]
    assert grey_levels(kept["test"]) == [0, 6, 7]
    assert counts == {"train": 2, "test": 1}


def test_a_list_without_effect_is_an_error(splits):
    with pytest.raises(DataError, match="digests that no image has"):
        leave_out(splits, [17])
    with pytest.warns(UserWarning, match="1 digests that no training"):
        leave_out(splits, [17, int(splits["train"].digests[0])])


@pytest.mark.parametrize(
    ("exclude", "error", "message"),
    [
        ({"train": [6]}, ArgumentError, r"exclude\['train'\] must be numbers from 0 to 5"),
        ({"valid": [0]}, ArgumentError, r"splits of the data set: train, test\. Received: 'valid'"),
        ("train.txt", ArgumentError, "must be a list of whole numbers"),
        ([0.5], ArgumentError, "must be a list of whole numbers"),
        ([-1], ArgumentError, "must be numbers from 0"),
        ({"train": [0, 2, 4]}, DataError, "all images of class 'even'"),
    ],
)
def test_lists_that_cannot_be_followed_are_named(splits, exclude, error, message):
    with pytest.raises(error, match=message):
        leave_out(splits, exclude)


def test_load_leaves_images_out_and_keeps_the_others_in_their_splits():
    data = load("digits", classes=["3", "8"])
    digests = data.train.digests[[3, 17]].tolist()
    less = load("digits", classes=["3", "8"], exclude=digests)
    kept = np.setdiff1d(np.arange(len(data.train)), [3, 17])
    np.testing.assert_array_equal(less.train.rows, data.train.rows[kept])
    np.testing.assert_array_equal(less.test.rows, data.test.rows)
    assert less.train.settings["exclude"] == {"train": 2}
    again = load("digits", classes=["3", "8"], exclude={"train": [3, 17]})
    np.testing.assert_array_equal(again.train.rows, less.train.rows)
