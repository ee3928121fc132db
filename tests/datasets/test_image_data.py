from dataclasses import replace

import numpy as np
import pytest

from zoo.datasets.image_data import ImageData
from zoo.datasets.split import as_split


@pytest.fixture
def split():
    images = np.zeros((6, 4, 5, 3), np.uint8)
    return as_split(images, [0, 1, 2, 0, 1, 0], class_names=("cat", "dog", "owl", "fox"))


def test_image_data_takes_its_properties_from_train_and_shows_counts(split):
    data = ImageData("pets", split, test=split.take([0], name="test"))
    assert data.class_names == ("cat", "dog", "owl", "fox")
    assert data.image_shape == (4, 5, 3)
    assert data.num_classes == 4
    assert data.validation is None
    lines = repr(data).splitlines()
    assert lines[0] == "ImageData('pets', 4 classes of 4×5×3)"
    assert lines[1].split() == ["data", "6", "cat", "3,", "dog", "2,", "owl", "1,", "fox", "0"]
    assert lines[2].split()[:2] == ["test", "1"]


def test_names_that_a_terminal_would_obey_are_shown_as_python_writes_them(split):
    hostile = replace(split, name="a\nb", class_names=("\x1b[31m", "\udce9\n", "\u202e", "d"))
    texts = str(hostile), str(ImageData("digits", hostile))
    for text, lines in zip(texts, (1, 2), strict=True):
        assert len(text.splitlines()) == lines
        assert r"\x1b[31m 3, \udce9\n 2, \u202e 1, d 0" in text
        assert text.replace("\n", "").isprintable()


def test_image_data_is_frozen(split):
    with pytest.raises(AttributeError):
        ImageData("pets", split).name = "other"


def test_splits_are_those_that_are_there(split):
    data = ImageData("pets", split, test=split.take([0], name="test"))
    assert list(data.splits) == ["train", "test"]
    assert data.parts == data.splits
    assert data.splits["train"] is split
