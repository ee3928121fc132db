import numpy as np
import pytest

from zoo.datasets.split import Split, as_split
from zoo.errors import ArgumentError, DataError, ZooError


@pytest.fixture
def split(rng):
    images = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    return as_split(images, [0, 1, 2, 0, 1, 0], class_names=("cat", "dog", "owl", "fox"))


def test_split_describes_itself(split):
    assert len(split) == 6
    assert split.image_shape == (4, 5, 3)
    assert split.num_classes == 4
    assert split.class_counts == {"cat": 3, "dog": 2, "owl": 1, "fox": 0}
    assert repr(split) == "Split('data', 6 images of 4×5×3: cat 3, dog 2, owl 1, fox 0)"


def test_images_of_a_whole_split_are_the_store_itself(split):
    assert split.images is split.store


def test_images_of_a_selection_are_materialised_once(split):
    part = split.take([4, 1])
    np.testing.assert_array_equal(part.images, split.images[[4, 1]])
    assert part.images is part.images


def test_selection_of_a_selection_shares_the_store(split):
    part = split.take([5, 3, 1]).take([2, 0])
    assert part.store is split.store
    np.testing.assert_array_equal(part.images, split.images[[1, 5]])
    np.testing.assert_array_equal(part.labels, split.labels[[1, 5]])


@pytest.mark.parametrize(
    "rows", [[0, -1], slice(1, 4), np.array([True, False] * 3), np.array([2, 2], np.int32)]
)
def test_take_selects_as_numpy_does(split, rows):
    np.testing.assert_array_equal(split.take(rows).images, split.images[rows])
    np.testing.assert_array_equal(split.take(rows).labels, split.labels[rows])


@pytest.mark.parametrize(
    "rows",
    [[6], [0.5], "a", 3, [[0, 1]], [True, False], [[1], [1, 2]], slice("a", None), [10**400]],
)
def test_take_refuses_what_selects_no_rows(split, rows):
    with pytest.raises(ArgumentError, match="rows must"):
        split.take(rows)


@pytest.mark.parametrize("count", [np.int64(1), np.uint64(1)])
def test_a_number_of_images_to_hold_out_may_be_of_any_integer_type(count):
    split = as_split(np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1), [0, 1] * 4)
    assert [len(part) for part in split.split(count)] == [6, 2]


def test_take_can_name_the_selection(split):
    assert split.take([0], name="validation").name == "validation"
    assert split.take([0]).name == "data"


def test_as_split_passes_a_split_through(split):
    assert as_split(split) is split


def test_as_split_refuses_labels_beside_a_split(split):
    with pytest.raises(ArgumentError, match="its own labels"):
        as_split(split, split.labels)


def test_as_split_copies_no_pixels_and_names_classes_by_number():
    images = np.zeros((3, 2, 2, 1), np.uint8)
    split = as_split(images, np.array([2, 0, 1], np.int32), name="mine")
    assert split.images is images
    assert split.labels.dtype == np.int64
    assert split.class_names == ("0", "1", "2")
    assert split.name == "mine"


def test_data_errors_are_zoo_errors_and_value_errors():
    assert issubclass(DataError, ZooError)
    assert issubclass(DataError, ValueError)


def test_split_survives_a_trip_through_pickle(split):
    import pickle

    again = pickle.loads(pickle.dumps(split.take([1, 2])))
    assert isinstance(again, Split)
    np.testing.assert_array_equal(again.images, split.images[[1, 2]])


def test_digests_tell_images_apart_and_follow_them():
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 2)).astype("uint8")
    images[5] = images[1]
    split = as_split(images, [0] * 6)
    assert split.digests.dtype == np.uint64
    assert len(set(split.digests.tolist())) == 5
    assert split.digests[5] == split.digests[1]
    np.testing.assert_array_equal(split.take([4, 1]).digests, split.digests[[4, 1]])
    assert split.count_among(split.digests[[5, 0]]) == 3


def test_shares_follow_their_images():
    images = np.arange(12, dtype=np.uint8)[:, None, None, None]
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    split = as_split(images, np.arange(12) % 3, label_shares=shares)
    assert split.label_shares.dtype == np.float32
    selections = [split.take([5, 2]), split.take(split.labels > 0), split.sample(5)]
    selections += [*split.split(2), *(part for fold in split.folds(2) for part in fold)]
    for part in selections:
        numbers = part.images.ravel()
        np.testing.assert_array_equal(part.label_shares, shares[numbers].astype("float32"))
    again = as_split(split, label_shares=shares[::-1])
    np.testing.assert_array_equal(again.label_shares, shares[::-1].astype("float32"))
    np.testing.assert_array_equal(again.labels, split.labels)
