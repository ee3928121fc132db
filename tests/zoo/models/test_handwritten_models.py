"""Models of layers with gradients by hand train as the same models of Keras's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers


def steps_of(name, gradients, precision):
    """Losses of three steps, the weights before them, and by how much the steps move each."""
    shape = ENTRY_SHAPES.get(name, (12, 12, 1))
    model = zoo.build(
        name, gradients=gradients, seed=1, precision=precision, input_shape=shape, num_classes=5
    )
    optimizer = keras.optimizers.SGD(0.001)
    optimizer.build(model.trainable_variables)
    before = model.get_weights()

    @tf.function(autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, p))
            loss += sum(model.losses, start=tf.zeros((), loss.dtype))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    # With seed 0 a ReLU of AlexNet meets its kink, and falls to either side in float32.
    rng = np.random.default_rng(1)
    losses = [
        float(step(rng.integers(0, 256, (6, *shape)).astype("uint8"), rng.integers(0, 5, 6)))
        for _ in range(3)
    ]
    return losses, before, [b - a for a, b in zip(before, model.get_weights(), strict=True)]


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("name", zoo.list_models(tags="report"))
def test_three_steps_of_an_entry_are_those_of_its_keras_twin(name, precision, rtol):
    expected_losses, expected_start, expected = steps_of(name, "auto", precision)
    losses, start, moves = steps_of(name, "handwritten", precision)
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    for ours, theirs in zip(start, expected_start, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # What the steps change, since they change it by little: each tensor relative to its own
    # largest change. Below that is rounding, of the weight that is added to, and of terms that
    # add up to 0 (a bias before a batch normalisation) but are as large as others.
    largest = max(abs(move).max() for move in expected)
    for ours, theirs, weight in zip(moves, expected, start, strict=True):
        rounding = 4 * np.finfo(precision).eps * (abs(weight).max() + largest)
        atol = rtol * abs(theirs).max() + rounding
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, strict=True)


@pytest.mark.parametrize("name", zoo.list_models())
def test_entries_are_built_from_our_layers(name):
    own = {
        layer for layer in map(zoo.layers.__dict__.get, zoo.layers.__all__)
        if isinstance(layer, type) and layer.__module__.startswith("zoo.layers.")
    }  # fmt: skip
    assert len(own) == 11
    model = zoo.build(
        name, gradients="handwritten", input_shape=ENTRY_SHAPES.get(name, (12, 12, 1))
    )
    named = {one.__name__: one for one in own}
    found = [layer for layer in model.layers if type(layer).__name__ in named]
    assert found
    assert all(type(layer) is named[type(layer).__name__] for layer in found)
