"""A sweep of six trials with two seeds, which is trained once."""

import pytest

import zoo
from zoo.datasets import ImageData
from zoo.ensembles import Member
from zoo.recipes import Recipe

RATES = [1e-4, 0.05, 0.5]


@pytest.fixture(scope="session")
def images(train_split, validation_split, test_split):
    return ImageData("halves", train_split, validation_split, test_split)


@pytest.fixture(scope="session")
def base():
    return Member("softmax", recipe=Recipe(batch_size=50, epochs=3))


@pytest.fixture(scope="session")
def swept(images, base, tmp_path_factory):
    return zoo.tune(
        base,
        images,
        {"learning_rate": RATES, "momentum": [0.0, 0.9]},
        round_size=4,
        seeds=2,
        seed=5,
        log_dir=tmp_path_factory.mktemp("sweep") / "run",
        verbose=0,
    )
