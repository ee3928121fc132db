"""Dropout draws masks as in Keras, and uses a mask in both passes."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers


@pytest.mark.parametrize("graph", [False, True])
def test_dropout_draws_a_new_mask_each_call_and_the_same_from_the_same_seed(graph):
    def masks(seed):
        layer = zoo.layers.Dropout(0.5, seed=seed)
        run = tf.function(lambda x: layer(x, training=True)) if graph else layer
        call = {} if graph else {"training": True}
        # The third is of another shape, so a graph is traced again.
        return [run(tf.ones(shape), **call).numpy() for shape in ((8, 8), (8, 8), (9, 8), (8, 8))]

    first, second, longer, last = masks(1)
    for other in (second, longer[:8], last):
        assert not np.array_equal(first, other)
    assert not np.array_equal(second, last)
    for one, same, another in zip((first, second, longer, last), masks(1), masks(2), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, another)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_dropout_goes_backwards_through_the_mask_it_went_forwards_through(jit_compile):
    layer, x = zoo.layers.Dropout(0.4, seed=3), tf.ones((50, 40))

    @tf.function(jit_compile=jit_compile)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, x)

    y, gradient = run(x)
    np.testing.assert_array_equal(y, gradient)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.6], rtol=1e-6)
    assert np.mean(y == 0) == pytest.approx(0.4, abs=0.05)
    assert not np.array_equal(run(x)[0], y)


def test_dropout_of_all_is_zero_both_ways():
    layer, x = zoo.layers.Dropout(1.0), tf.ones((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(y, np.zeros((2, 3)))
    np.testing.assert_array_equal(tape.gradient(y, x), np.zeros((2, 3)))
