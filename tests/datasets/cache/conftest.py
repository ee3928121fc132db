"""Two small splits, and a reader that gives them and counts how often it is asked."""

import numpy as np
import pytest

from zoo.datasets.split import Split

NAMES = ("cat", "dog")


@pytest.fixture
def splits(rng):
    def split(name, count):
        images = rng.integers(0, 256, (count, 4, 5, 3), dtype=np.uint8)
        return Split(name, images, np.arange(count) % 2, NAMES)

    return {"train": split("train", 6), "test": split("test", 3)}


@pytest.fixture
def reader(splits):
    """A reader that counts how often it is asked."""

    def read(new):
        read.calls += 1
        return splits

    read.calls = 0
    return read
