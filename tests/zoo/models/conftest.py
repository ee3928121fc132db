"""Pixels for models, and a look at their layers and weights."""

import gc

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def freed():
    """Frees a test's models, which are in circles of references: AlexNet's weights take 240 MB."""
    yield
    gc.collect()


@pytest.fixture
def pixels():
    """A function that draws random images of a shape, [count, height, width, channels]."""

    def draw(shape, count=3):
        return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)

    return draw


@pytest.fixture
def layers_of():
    """A function that lists the layers of a kind in a model."""
    return lambda model, kind: [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.fixture
def randomise():
    """A function that changes every weight, so that an unsaved or unused weight shows."""

    def change(model):
        rng = np.random.default_rng(1)
        for weight in model.weights:
            values = rng.random(weight.shape, "float32") * 0.09 + 0.01
            weight.assign(values * rng.choice([1, 1, -1]).astype("float32"))
            if weight.name == "moving_variance":
                weight.assign(np.abs(weight))
        return model

    return change
