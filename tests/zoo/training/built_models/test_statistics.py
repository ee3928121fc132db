from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.training.built_models.statistics import mixes_images, update_batch_statistics
from zoo.training.learner import Learner
from zoo.training.train import train

RECIPE = Recipe("adam", 0.01, batch_size=64, epochs=4)


@pytest.fixture(scope="module")
def data():
    return zoo.datasets.load("digits", classes=["1", "7", "8"])


class Weights(keras.callbacks.Callback):
    """The weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def trained(data, recipe, name="softmax", **arguments):
    model = zoo.build(name, input_shape=data.image_shape, num_classes=3, seed=0)
    train([Learner(name, model, recipe)], data.train, data.validation, verbose=0, **arguments)
    return model


@pytest.fixture(scope="module")
def weights_of_epochs(data):
    """The weights after each epoch of a training that does not average."""
    kept = Weights()
    trained(data, RECIPE, callbacks=[kept])
    return kept.weights


@pytest.mark.parametrize(("share", "first"), [(0.5, 2), (0, 0), (0.8, 3)])
def test_weights_are_the_mean_over_the_last_epochs(data, weights_of_epochs, share, first):
    averaged = trained(data, replace(RECIPE, average_from=share))
    for index, weight in enumerate(averaged.get_weights()):
        expected = np.mean([weights[index] for weights in weights_of_epochs[first:]], axis=0)
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)


def test_batch_statistics_are_those_of_the_averaged_weights(data):
    model = trained(data, replace(RECIPE, average_from=0.5), "bn_mlp")
    layer = next(layer for layer in model.layers if hasattr(layer, "moving_mean"))
    assert layer.momentum == 0.99
    before = keras.Model(model.input, layer.input)
    batches = data.train.batches(64, shuffle=True)
    means = [np.asarray(before(np.asarray(x, "float32"))).mean(axis=0) for x, _ in batches]
    np.testing.assert_allclose(layer.moving_mean, np.mean(means, axis=0), rtol=1e-3, atol=1e-4)


def test_models_without_batch_statistics_are_left_alone(data):
    model = zoo.build("softmax", input_shape=data.image_shape, num_classes=3, seed=0)
    before = model.get_weights()
    batches = data.train.batches(64).as_numpy_iterator()
    update_batch_statistics(model, batches)
    assert len(list(batches)) == len(data.train.batches(64))  # none was looked at
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_in_models_in_models_are_settled_too(data):
    inner = zoo.build("bn_mlp", input_shape=data.image_shape, num_classes=3, seed=0)
    images = keras.Input(data.image_shape)
    update_batch_statistics(keras.Model(images, inner(images)), data.train.batches(64))
    means = [layer.moving_mean for layer in inner.layers if hasattr(layer, "moving_mean")]
    assert all(np.asarray(mean).any() for mean in means)


def test_a_killed_training_goes_on_with_its_mean(data, tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                raise RuntimeError("the power has gone")

    recipe = replace(RECIPE, average_from=0.25)
    with pytest.raises(RuntimeError, match="power"):
        trained(data, recipe, log_dir=tmp_path / "run", callbacks=[Kill()])
    resumed = trained(data, recipe, log_dir=tmp_path / "run", resume=True)
    for one, other in zip(resumed.get_weights(), trained(data, recipe).get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1, "half", float("nan")])
def test_shares_out_of_range_are_refused(share):
    with pytest.raises(ArgumentError, match="average_from must be a share of 0 or more"):
        Recipe(average_from=share)


def test_early_stopping_and_averaging_exclude_each_other():
    with pytest.raises(ArgumentError, match="Leave out patience or average_from"):
        Recipe(average_from=0.5, patience=3)


def test_only_layers_that_are_known_keep_images_apart():
    class Unknown(keras.layers.Layer):
        def call(self, inputs):
            return inputs - keras.ops.mean(inputs, axis=0, keepdims=True)

    def model(*layers):
        inner = keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Flatten()])
        return keras.Sequential([keras.Input((4, 4, 1)), inner, keras.layers.Dense(2, "softmax")])

    assert not mixes_images(model(keras.layers.LayerNormalization(), keras.layers.Dropout(0.5)))
    assert mixes_images(model(keras.layers.BatchNormalization()))
    assert not mixes_images(model(keras.layers.BatchNormalization(trainable=False)))
    assert mixes_images(model(zoo.layers.BatchNormalization()))
    assert mixes_images(model(Unknown()))
