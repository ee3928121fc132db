"""A model whose file could not be loaded again is refused before it is trained."""

import random

import keras
import pytest

from zoo.errors import ArgumentError
from zoo.training.built_models.saving_check import check_can_be_saved

INPUT = keras.Input((4, 4, 1))


def model_of(*layers):
    return keras.Sequential([INPUT, *layers, keras.layers.Flatten(), keras.layers.Dense(2)])


@keras.saving.register_keras_serializable(package="tests")
class Scale(keras.layers.Layer):
    """A registered layer with an argument."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tests")
class ForgetsItsFactor(Scale):
    def get_config(self):
        return {**super().get_config(), "factor": 1.0}


@keras.saving.register_keras_serializable(package="tests")
class HasNoConfig(keras.layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def own_function(values):
    return values + 1


class Unregistered(keras.layers.ReLU):
    pass


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.Model):
    """A subclassed model that can be saved."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(2, "softmax")

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def test_models_that_can_be_loaded_again_are_taken():
    check_can_be_saved("mine", model_of(Scale(2.0)))
    check_can_be_saved("mine", keras.Model(INPUT, Registered()(INPUT)))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (keras.layers.Lambda(lambda x: x / 255), "Lambda"),
        (Unregistered(), "Unregistered"),
        (keras.layers.Dense(2, activation=keras.ops.square), "'square'|square"),
        (keras.layers.Dense(2, activation=lambda x: x + 1), "activation function identifier"),
        (keras.layers.Dense(2, activation=own_function), "own_function"),
        (ForgetsItsFactor(2.0), "the loaded model gives other answers"),
        (HasNoConfig(keras.ops.abs), "get_config"),
    ],
    ids=[
        "lambda",
        "unregistered",
        "operation",
        "lambda function",
        "function",
        "forgets",
        "no config",
    ],
)
def test_others_are_refused_with_the_reason(layer, reason):
    with pytest.raises(ArgumentError, match=rf"saved and loaded again\. Received.*{reason}"):
        check_can_be_saved("mine", model_of(layer))


def test_the_check_changes_no_random_numbers():
    random.seed(1)
    check_can_be_saved("mine", model_of(Scale(2.0)))
    check_can_be_saved("mine", model_of())
    found = random.random()
    random.seed(1)
    model_of(Scale(2.0)), model_of()
    assert found == random.random()
