import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.inspect import leaks


@pytest.fixture(scope="module")
def training(images):
    return as_split(images, [0, 1, 2, 0, 1], class_names=("a", "b", "c"))


def test_accuracy_is_given_with_and_without_images_that_leak(models, training):
    fresh = np.random.default_rng(5).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    test = np.concatenate([training.images[:1, :, ::-1], fresh, training.images[1:2]])
    answers = np.asarray(models["flat"](test.astype("float32"))).argmax(axis=1)
    labels = answers.copy()
    labels[[0, 2]] = (labels[[0, 2]] + 1) % 3
    split = as_split(test, labels, class_names=training.class_names)
    found = leaks(models["flat"], split, training, max_shift=0)
    assert found.duplicates.first.tolist() == [0, 5]
    assert found.duplicates.kinds.tolist() == ["mirrored", "identical"]
    assert [found.every.value, found.without.value, found.leaked.value] == [4 / 6, 3 / 4, 1 / 2]
    assert "Without these images: 75.0 %" in found.sentence()


def test_no_leak_is_told(models, training):
    other = as_split(255 - training.images, training.labels, class_names=training.class_names)
    found = leaks(models["flat"], other, training, max_shift=0)
    assert found.leaked is None
    assert found.sentence().endswith("0 of 5 images are the same or nearly the same as another.")


def test_nothing_is_left_where_every_image_leaks(models, training):
    found = leaks(models["flat"], training, training, max_shift=0)
    assert found.without is None
    assert "Without these images: there are none." in found.sentence()
