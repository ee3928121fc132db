import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.datasets import load
from zoo.datasets.image_data import ImageData
from zoo.datasets.looking.duplicates import find_duplicates, without_duplicates
from zoo.datasets.split import as_split

CLASSES = ("cat", "dog", "owl")


def split(levels, labels=None):
    """Images of one pixel, so that equal levels are equal images."""
    images = np.array(levels, np.uint8).reshape(-1, 1, 1, 1)
    return as_split(images, labels or [0] * len(levels), class_names=CLASSES)


@pytest.fixture
def data():
    return ImageData(
        "pets",
        train=split([1, 1, 1, 2, 3, 4], [0, 0, 1, 0, 0, 2]),
        validation=split([5, 2], [0, 0]),
        test=split([1, 3, 6], [0, 1, 0]),
    )


def test_counts_within_and_across_splits(data):
    found = data.duplicates()
    assert found.images == {"train": 6, "validation": 2, "test": 3}
    assert found.repeated == {"train": 2, "validation": 0, "test": 0}
    assert found.shared == {
        ("train", "validation"): 1,
        ("train", "test"): 4,
        ("validation", "train"): 1,
        ("validation", "test"): 0,
        ("test", "train"): 2,
        ("test", "validation"): 0,
    }
    assert found.dropped == 5
    assert found.conflicting == 2  # images 1 and 3; not 2, which is a cat both times
    assert found


def test_nothing_twice_is_false_and_one_line(data):
    found = find_duplicates({"train": split([1, 2, 3])})
    assert not found
    assert str(found) == found.to_markdown() == "No two images are the same, pixel for pixel."


def test_table_says_what_is_where(data):
    rows = [line.split() for line in str(data.duplicates()).splitlines()]
    assert " ".join(rows[0]) == (
        "duplicates images repeated also in train also in validation also in test"
    )
    assert rows[1:4] == [
        ["train", "6", "2", "–", "1", "4"],
        ["validation", "2", "0", "1", "–", "0"],
        ["test", "3", "0", "2", "0", "–"],
    ]
    assert " ".join(rows[4]) == (
        "Duplicates, pixel for pixel: 5 of 11 images; 2 sets of identical images with different "
        "labels."
    )


def test_markdown_table_has_a_row_for_each_split(data):
    lines = data.duplicates().to_markdown().splitlines()
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| train | 6 | 2 | – | 1 | 4 |"
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_details_name_each_pair_once(data):
    assert data.duplicates().details() == (
        "Within a split: train 2, validation 0, test 0. Shared: 0 of test with validation, 2 of "
        "test with train, 1 of validation with train."
    )
    assert find_duplicates({"train": split([1, 1])}).details() == "Within a split: train 1."


levels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=12)


@given(st.lists(levels, min_size=1, max_size=3))
def test_counts_are_those_of_comparing_every_pixel(parts):
    names = ("train", "validation", "test")[: len(parts)]
    images = {name: [level for level, _ in part] for name, part in zip(names, parts, strict=True)}
    labelled = [pair for part in parts for pair in part]
    splits = {
        name: split(images[name], [label for _, label in part])
        for name, part in zip(names, parts, strict=True)
    }
    found = find_duplicates(splits)
    for name in names:
        assert found.repeated[name] == len(images[name]) - len(set(images[name]))
        for other in {*names} - {name}:
            both = sum(image in images[other] for image in images[name])
            assert found.shared[name, other] == both
    several = {level for level, _ in labelled}
    assert found.dropped == len(labelled) - len(several)
    assert found.conflicting == sum(
        len({label for level, label in labelled if level == kept_level}) > 1
        for kept_level in several
    )

    kept = without_duplicates(splits)
    assert sum(map(len, kept.values())) == len(several)
    last = images[names[-1]]
    assert kept[names[-1]].images.ravel().tolist() == list(dict.fromkeys(last))


def test_dropping_leaves_no_duplicates(write, image_bytes):
    same = image_bytes((2, 2))
    files = {f"{part}/{name}/{k}.png": image_bytes((2, 2)) for part in ("train", "test")
             for name in ("cat", "dog") for k in range(3)}  # fmt: skip
    files |= {"train/cat/same.png": same, "train/dog/same.png": same, "test/cat/same.png": same}
    root = write("pets", files)
    found = load("folder", root, validation=0).duplicates()
    assert (found.dropped, found.conflicting) == (2, 1)
    data = load("folder", root, validation=0, drop_duplicates=True)
    assert not data.duplicates()
    assert (len(data.train), len(data.test)) == (6, 7)
