import inspect

import keras
import pytest

from zoo.ensembles import Committee, stack
from zoo.errors import ArgumentError
from zoo.training.built_models.fit_arguments import INSTEAD


@pytest.fixture(scope="module")
def untrained():
    return Committee("softmax")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"validation_split": 0.1},
            r"validation_split=0\.1\. Hold images out, `kept, held_out",
        ),
        (
            {"validation_freq": 2},
            r"Received: validation_freq=2\. Leave it out: the model is jud",
        ),
        ({"class_weight": {0: 2.0}}, r'zoo\.Recipe\(class_weight="balanced"\), or pass sample_wei'),
        ({"shuffle": False}, r"a random order of its own\.$"),
        ({"epoch": 3}, r"Received: epoch=3; did you mean 'epochs'\? Leave it out\.$"),
    ],
)
def test_an_argument_that_keras_has_gets_the_way_here(untrained, train_split, arguments, message):
    with pytest.raises(ArgumentError, match=r"^fit must be called with its own arguments: x, y,"):
        untrained.fit(train_split, **arguments)
    with pytest.raises(ArgumentError, match=message):
        stack(["softmax"], train_split, **arguments)
    assert not untrained.members


def test_every_argument_of_keras_is_one_of_ours_or_has_a_way():
    ours = inspect.signature(Committee.fit).parameters
    theirs = inspect.signature(keras.Model.fit).parameters
    assert set(theirs) - set(ours) == set(INSTEAD)
