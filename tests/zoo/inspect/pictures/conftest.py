import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.inspect.pictures.predictions import Predictions


@pytest.fixture(scope="session")
def six():
    """Six images of three classes, of which the second and the last have the same pixels."""
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3)).astype("uint8")
    images[5] = images[1]
    names = ("cat", "$dog$", "a very long name of a class")
    return as_split(images, [0, 1, 2, 0, 1, 2], class_names=names, name="train")


@pytest.fixture(scope="session")
def predictions():
    """Two members that agree on the first three images, contradict each other on the fourth."""
    first = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [1, 0, 0], [0.4, 0.3, 0.3]]
    second = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0, 1, 0], [0.2, 0.5, 0.3]]
    members = np.array([[*first, [0.9, 0.1, 0]], [*second, [0.9, 0.1, 0]]])
    mean = members.mean(axis=0)
    return Predictions(members, mean, mean.argmax(axis=1))
