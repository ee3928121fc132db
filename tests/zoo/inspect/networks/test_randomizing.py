import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.inspect.networks.randomizing import RandomizedModel, initial_weights, learned_layers
from zoo.inspect.networks.running import forward

SHAPE = (8, 8, 3)


def answers(model, images):
    run = tf.function(lambda pixels: forward(model, pixels).outputs, autograph=False)
    return run(tf.constant(images)).numpy()


@pytest.mark.parametrize("kind", ["flat", "nested", "subclassed", "mixed", "sigmoid"])
def test_random_weights_are_those_of_the_copy_alone(models, images, kind):
    model = models[kind]
    before = [weight.copy() for weight in model.get_weights()]
    trained = answers(model, images)
    copy = RandomizedModel(model, SHAPE)
    assert np.allclose(answers(copy, images), trained, atol=1e-6)
    copy.randomize(range(len(copy.learned)), seed=0)
    assert not np.allclose(answers(copy, images), trained, atol=1e-3)
    copy.randomize([], seed=0)
    assert np.allclose(answers(copy, images), trained, atol=1e-6)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_layers_are_listed_from_the_last_to_the_first(models):
    paths = [layer.path for layer in learned_layers(models["nested"], SHAPE)]
    assert paths == ["answer", "hidden", "backbone/trunk/second", "backbone/trunk/first"]
    shared = [layer.path for layer in learned_layers(models["shared"], SHAPE)]
    assert shared == ["answer", "block/shared"]


def test_statistics_of_the_images_are_kept_and_those_of_batches_are_not():
    normalized = keras.layers.Normalization(mean=3.0, variance=4.0)
    batch = keras.layers.BatchNormalization(name="batch")
    model = keras.Sequential([keras.Input((4, 4, 1)), normalized, keras.layers.Flatten(), batch])
    (layer,) = learned_layers(model, (4, 4, 1))
    assert layer.path == "batch"
    assert len(layer.weights) == 4


def test_the_layers_own_initialisers_draw_other_weights_for_each_seed():
    fixed = keras.initializers.RandomUniform(2.0, 3.0, seed=5)
    layer = keras.layers.Dense(4, kernel_initializer=fixed, bias_initializer="ones")
    layer.build((None, 6))
    kernel, bias = initial_weights(layer, seed=0)
    assert kernel.min() >= 2
    assert kernel.max() <= 3
    assert bias.tolist() == [1] * 4
    assert not np.array_equal(kernel, layer.kernel.numpy())
    assert np.array_equal(kernel, initial_weights(layer, seed=0)[0])
    assert not np.array_equal(kernel, initial_weights(layer, seed=1)[0])


class Unknown(keras.layers.Layer):
    """A layer that cannot be made from a configuration."""

    def __init__(self, function):
        super().__init__(name="unknown")
        self.function = function
        self.factors = self.add_weight(shape=(5,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        return self.function(inputs) * self.factors

    def get_config(self):
        raise NotImplementedError


def test_weights_of_a_layer_without_configuration_are_put_into_random_order():
    layer = Unknown(lambda x: x)
    layer.factors.assign([1, 2, 3, 4, 5])
    model = keras.Sequential([keras.Input((1, 1, 5)), layer, keras.layers.Flatten()])
    copy = RandomizedModel(model, (1, 1, 5))
    copy.randomize([0], seed=0)
    assert copy.shuffled == ("unknown",)
    values = answers(copy, np.ones((1, 1, 1, 5), "float32"))[0]
    assert sorted(values) == [1, 2, 3, 4, 5]
    assert values.tolist() != [1, 2, 3, 4, 5]


def test_kernels_that_start_from_equal_weights_are_put_into_random_order():
    answer = keras.layers.Dense(3, kernel_initializer="zeros", name="answer")
    rectifier = keras.layers.PReLU()  # whose slopes start from zeros, as they should
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), rectifier, answer])
    trained = np.arange(12, dtype="float32").reshape(4, 3)
    answer.set_weights([trained, np.zeros(3)])
    copy = RandomizedModel(model, (2, 2, 1))
    copy.randomize([0, 1], seed=0)
    assert copy.shuffled == ("answer",)
    kernel = answers(copy, np.eye(4, dtype="float32").reshape(4, 2, 2, 1))
    assert sorted(kernel.ravel()) == list(range(12))
    assert not np.array_equal(kernel, trained)


def test_a_model_without_weights_is_refused():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    with pytest.raises(ArgumentError, match="must have weights that a training learns"):
        learned_layers(model, (4, 4, 1))
