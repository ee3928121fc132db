"""The page of a small committee whose classes have hostile names."""

import keras
import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.ensembles import Committee
from zoo.inspect import model_page
from zoo.inspect.page_parts.subject import Subject

HOSTILE = (
    '<script>alert("1")</script>',
    "\"'><img src=http://example.org/x.png onerror=alert(1)>\n\x1b[31mred\x1b[0m & \udcff",
    "long $x_1$ " + "name" * 750,
)
"""Names of classes that would break a page that does not escape them."""


@pytest.fixture(scope="session")
def split():
    """Forty images of three classes with hostile names."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (40, 8, 8, 3)).astype("uint8")
    return as_split(images, rng.integers(0, 3, 40), class_names=HOSTILE, name="test")


@pytest.fixture(scope="session")
def perceptron():
    """A network without a convolution and without a ReLU."""
    dense = keras.layers.Dense(3, activation="softmax", name="answer")
    layers = [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    return keras.Sequential([*layers, dense], name="perceptron")


@pytest.fixture(scope="session")
def committee(models, perceptron):
    """A committee of a convolutional network and a perceptron, which disagree."""
    return Committee([models["flat"], perceptron], voting="soft")


@pytest.fixture(scope="session")
def subject(committee, split):
    """The committee and its images, for single parts of the page."""
    return Subject(committee, split)


@pytest.fixture(scope="session")
def single(perceptron, split):
    """A single model and its images, for single parts of the page."""
    return Subject(perceptron, split)


@pytest.fixture(scope="session")
def made(committee, split):
    """The page of the committee."""
    facts = {"Model": "<b>\udcff.keras", "<i>": "&lt;"}
    return model_page(committee, split, facts=facts, verbose=0)


@pytest.fixture(scope="session")
def found(made, read_page):
    """The page of the committee, parsed."""
    return read_page(made.html)
