"""Which members are suggested for which images."""

import numpy as np
import pytest

import zoo
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError
from zoo.models.suggestions import PERCEPTRONS, RULES


def images(count, height, width):
    pixels = np.zeros((count, height, width, 1), "uint8")
    return as_split(pixels, np.arange(count) % 2, name="train", class_names=["a", "b"])


@pytest.mark.parametrize(
    ("count", "height", "width", "members"),
    [
        (500, 48, 48, ("cnn", "conv_bn", "cnn")),
        (500, 48, 47, ("cnn", "cnn", "cnn")),
        (500, 12, 64, ("cnn", "cnn", "cnn")),
        (5000, 11, 64, PERCEPTRONS),
        (499, 48, 48, PERCEPTRONS),
        (20, 8, 8, PERCEPTRONS),
    ],
)
def test_members_fit_the_size_and_the_number_of_images(count, height, width, members):
    suggestion = zoo.suggest_members(images(count, height, width))
    assert suggestion.members == members
    assert f"{count:,} training images have {height}×{width} pixels" in suggestion.reason


@pytest.mark.parametrize(("side", "count", "members"), RULES)
def test_the_smallest_images_of_a_rule_are_large_enough_for_its_members(side, count, members):
    for name in members:
        model = zoo.build(name, input_shape=(max(side, 8), max(side, 8), 1), num_classes=2)
        assert model.output_shape == (None, 2)


def test_the_training_images_of_a_data_set_count():
    data = zoo.datasets.load("digits")
    assert zoo.suggest_members(data) == zoo.suggest_members(data.train)


def test_other_things_are_no_data():
    with pytest.raises(ArgumentError, match="must be an ImageData or a Split"):
        zoo.suggest_members("digits")
