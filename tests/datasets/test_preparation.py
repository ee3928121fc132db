import numpy as np
import pytest

from zoo.datasets import load
from zoo.datasets.preparation import hold_out_like, prepare_splits
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError, DataError, ZooError


def test_zero_holds_nothing_out():
    data = load("digits", validation=0, test=0)
    assert data.validation is None
    assert data.test is None
    assert len(data.train) == 1797


def test_same_seed_same_parts():
    first, again, other = (load("digits", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test.rows, again.test.rows)
    np.testing.assert_array_equal(first.validation.rows, again.validation.rows)
    assert first.test.rows.tolist() != other.test.rows.tolist()


def test_classes_are_numbered_in_the_order_asked():
    whole = load("digits", validation=0, test=0).train
    data = load("digits", classes=["7", "1"], validation=0, test=0)
    assert data.class_names == ("7", "1")
    for label, digit in enumerate([7, 1]):
        np.testing.assert_array_equal(
            data.train.images[data.train.labels == label], whole.images[whole.labels == digit]
        )


def test_held_out_images_of_a_class_do_not_depend_on_the_classes_asked():
    whole = load("digits")
    some = load("digits", classes=["7", "1"])
    for part in ("train", "validation", "test"):
        expected = getattr(whole, part)
        expected = expected.rows[np.isin(expected.labels, [1, 7])]
        np.testing.assert_array_equal(getattr(some, part).rows, expected)


def test_class_that_is_too_small_to_part_is_named(write, image_bytes):
    files = {f"{name}.png": image_bytes((2, 2)) for name in ("cat/1", "dog/1", "dog/2", "owl/1")}
    root = write("pets", files)
    with pytest.raises(DataError, match=r"3 images of class 'cat' to hold some out\. Received: 1"):
        load("folder", root)
    assert len(load("folder", root, validation=0, test=0).train) == 4


@pytest.mark.parametrize(
    ("shares", "least"), [({}, 3), ({"validation": 3, "test": 2}, 6), ({"validation": 3}, 5)]
)
def test_all_images_of_a_small_class_are_counted_where_test_and_validation_are_held_out(
    write, image_bytes, shares, least
):
    files = {f"{name}/{k}.png": image_bytes((2, 2)) for name in ("cat", "dog") for k in range(2)}
    message = rf"least {least} images of class 'cat' to hold some out\. Received: 2"
    with pytest.raises(DataError, match=message):
        load("folder", write("few", files), **shares)
    more = {f"{name}/{k}.png": image_bytes((2, 2)) for name in ("cat", "dog") for k in range(least)}
    assert min(load("folder", write("enough", more), **shares).train.class_counts.values()) == 1


def test_duplicates_that_are_all_there_is_are_not_dropped_in_silence(write, image_bytes):
    images = {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(4)}
    root = write(
        "pets", {f"{part}/{k}": v for part in ("train", "test") for k, v in images.items()}
    )
    with pytest.raises(DataError, match=r"image in train .* Received: none of class 'a'"):
        load("folder", root, drop_duplicates=True)


def test_shares_are_those_among_the_classes_that_are_left():
    images = np.arange(4, dtype=np.uint8)[:, None, None, None]
    shares = [[0.5, 0.25, 0.25], [0, 1, 0], [0.5, 0.5, 0], [0, 1, 0]]
    names = ["cat", "dog", "owl"]
    split = as_split(images, [0, 0, 2, 2], class_names=names, label_shares=shares)
    options = {"leave_out_small_classes": False, "drop_duplicates": False, "shares": {}, "seed": 0}
    prepared = prepare_splits({"train": split}, classes=["owl", "cat"], **options)["train"]
    # Nobody has voted for the owl or the cat on the second and the last image: the label counts.
    expected = [[1 / 3, 2 / 3], [0, 1], [0, 1], [1, 0]]
    np.testing.assert_allclose(prepared.label_shares, expected, rtol=1e-6)
    assert prepared.label_shares.dtype == np.float32


def test_images_are_held_out_as_another_data_set_of_the_same_images_does():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None]
    train = as_split(images, [0, 0, 0, 1, 1, 1])
    others = {
        "train": as_split(images[2:4], [0, 1]),
        "validation": as_split(images[[1, 4]], [1, 0]),
        "test": as_split(images[[5]], [0]),
    }
    prepared = hold_out_like({"train": train}, others, "other")
    assert [split.rows.tolist() for split in prepared.values()] == [[0, 2, 3], [1, 4]]
    assert (prepared["validation"].name, prepared["validation"].labels.tolist()) == (
        "validation", [0, 1],
    )  # fmt: skip


def test_a_data_set_holds_out_what_it_holds_out_by_itself():
    whole, same = load("digits"), load("digits", validation="digits")
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(same, part).rows, getattr(whole, part).rows)
    assert same.train.settings["validation"] == "digits"


@pytest.mark.parametrize(
    ("held_out", "splits", "message"),
    [
        ([7], ["train"], "Received: 0 of 2 training images are in it, and 0 are held out"),
        ([0], ["train"], r"leaves images of every class\. Received: 1 of 2"),
        ([1], ["train", "validation"], r"name a validation split\. Received: 'other'"),
    ],
)
def test_another_data_set_holds_out_some_of_the_same_images(held_out, splits, message):
    images = np.arange(2, dtype=np.uint8)[:, None, None, None]
    split = as_split(images, [0, 1])
    others = {"validation": as_split(np.array(held_out, np.uint8)[:, None, None, None], [0])}
    with pytest.raises(ZooError, match=message):
        hold_out_like(dict.fromkeys(splits, split), others, "other")


def test_test_images_that_the_other_data_set_trains_on_are_warned_of():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None]
    splits = {"train": as_split(images[:4], [0, 1, 0, 1]), "test": as_split(images[4:], [0, 1])}
    others = {
        "train": as_split(images[[1, 2, 3, 4]], [0, 1, 0, 1]),
        "validation": as_split(images[[0, 5]], [0, 1]),
    }
    with pytest.warns(UserWarning, match="Test images that are training images of other: 1"):
        hold_out_like(splits, others, "other")


def test_files_of_the_other_data_set_are_needed(write, image_bytes):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(20)})
    with pytest.raises(DataError, match=r"validation='digits' must name .* root must be None"):
        load("folder", root, validation="digits")


def test_an_unknown_data_set_that_holds_out_is_named():
    with pytest.raises(ArgumentError, match="'digit'; did you mean 'digits'"):
        load("digits", validation="digit")
