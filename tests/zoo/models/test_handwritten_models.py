"""Models of layers with gradients by hand train as the same models of Keras's layers."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.errors import ArgumentError
from zoo.layers.registration import EXAMPLES


def smallest_shape(name):
    """A small image shape that a model takes: of 12 pixels, or as its error about less says."""
    side = 12
    try:
        zoo.build(name, input_shape=(1, 1, 1))
    except ArgumentError as error:
        side = max(side, int(re.search(r"at least (\d+)×", str(error)).group(1)))
    return (side, side, 3 if side > 48 else 1)


def some_rows(model):
    """Every weight, and of a large weight some rows: copies of AlexNet's would take 80 MB each."""
    arrays = (np.asarray(weight) for weight in model.weights)
    return [array[:: 1 + len(array) // 512].copy() for array in arrays]


def steps_of(name, gradients, precision):
    """The losses of three steps, some weights before the steps, and their changes."""
    shape = smallest_shape(name)
    model = zoo.build(
        name, gradients=gradients, seed=1, precision=precision, input_shape=shape, num_classes=5
    )
    optimizer = keras.optimizers.SGD(0.001)
    optimizer.build(model.trainable_variables)
    before = some_rows(model)

    @tf.function(autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, p))
            loss += sum(model.losses, start=tf.zeros((), loss.dtype))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    # With seed 0 an input of a ReLU in AlexNet is at the kink, where float32 may go to either side.
    rng = np.random.default_rng(1)
    losses = [
        float(step(rng.integers(0, 256, (6, *shape)).astype("uint8"), rng.integers(0, 5, 6)))
        for _ in range(3)
    ]
    return losses, before, [b - a for a, b in zip(before, some_rows(model), strict=True)]


@pytest.mark.parametrize(
    ("name", "precision", "rtol"),
    [  # AlexNet in float64 takes as long as all others together
        (name, "float32", 1e-4) if name == "alexnet" else (name, "float64", 1e-9)
        for name in zoo.list_models()
    ],
)
def test_three_steps_of_an_entry_are_those_of_its_keras_twin(name, precision, rtol):
    expected_losses, expected_start, expected = steps_of(name, "auto", precision)
    losses, start, moves = steps_of(name, "handwritten", precision)
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    for ours, theirs in zip(start, expected_start, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The change of each tensor is compared relative to its own largest change. Smaller errors are
    # rounding: of the weight itself, and of large terms whose sum is 0 (in the gradient of a bias
    # before a batch normalisation).
    largest = max(abs(move).max() for move in expected)
    for ours, theirs, weight in zip(moves, expected, start, strict=True):
        rounding = 4 * np.finfo(precision).eps * (abs(weight).max() + largest)
        atol = rtol * abs(theirs).max() + rounding
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, strict=True)


@pytest.mark.parametrize("name", zoo.list_models())
def test_entries_are_built_from_our_layers(name):
    model = zoo.build(name, gradients="handwritten", input_shape=smallest_shape(name))
    found = [layer for layer in model.layers if type(layer).__name__ in EXAMPLES]
    assert found
    assert all(type(layer) is getattr(zoo.layers, type(layer).__name__) for layer in found)
