"""Sums and products of several tensors, against Keras's layers of the same name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers

SHAPES = {
    "two alike": [(2, 4, 3), (2, 4, 3)],
    "three alike": [(2, 3), (2, 3), (2, 3)],
    "a weight for each channel": [(2, 5, 4, 3), (2, 1, 1, 3)],
    "both are repeated": [(2, 1, 3), (2, 4, 1)],
    "another rank": [(2, 4, 3), (2, 3)],
}
both = pytest.mark.parametrize("name", ["Add", "Multiply"])


def arrays(shapes, dtype="float64"):
    rng = np.random.default_rng(0)
    return [tf.constant(rng.normal(size=shape), dtype) for shape in shapes]


def output_and_gradients(layer, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
        uneven = tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), y.dtype)
        loss = tf.reduce_sum(y * tf.sin(uneven))
    return [y, *tape.gradient(loss, inputs)]


@both
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("execution", ["eager", "graph", "xla"])
def test_outputs_and_gradients_are_keras_own(name, shapes, execution):
    inputs = arrays(shapes)
    expected = output_and_gradients(getattr(keras.layers, name)(dtype="float64"), inputs)
    layer = getattr(zoo.layers, name)(dtype="float64")
    run = output_and_gradients
    if execution != "eager":
        layer.build([tuple(shape) for shape in shapes])
        run = tf.function(run, autograph=False, jit_compile=execution == "xla")
    for ours, theirs in zip(run(layer, inputs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14, strict=True)


@both
def test_sides_that_are_known_only_when_the_graph_runs(name):
    inputs = arrays([(2, 5, 4, 3), (2, 1, 1, 3)])
    layer = getattr(zoo.layers, name)(dtype="float64")
    expected = output_and_gradients(layer, inputs)
    signature = [tf.TensorSpec((None, None, None, 3), "float64")] * 2
    graph = tf.function(
        lambda *tensors: output_and_gradients(layer, list(tensors)), input_signature=signature
    )
    for ours, theirs in zip(graph(*inputs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@both
def test_a_long_sum_in_half_precision_does_not_stop_growing(name):
    inputs = [tf.ones((1, 64, 64, 1), "bfloat16"), tf.ones((1, 1, 1, 1), "bfloat16")]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = getattr(zoo.layers, name)(dtype="bfloat16")(inputs)
    assert float(tf.reshape(tape.gradient(y, inputs)[1], ())) == 64 * 64


@both
def test_the_second_gradient_is_keras_own(name):
    def second(layer):
        inputs = arrays([(2, 4, 3), (2, 1, 3)])
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            gradients = output_and_gradients(layer, inputs)[1:]
            loss = sum(tf.reduce_sum(tf.sin(gradient)) for gradient in gradients)
        return outer.gradient(loss, inputs, unconnected_gradients="zero")

    ours, theirs = (
        second(getattr(library, name)(dtype="float64")) for library in (zoo.layers, keras.layers)
    )
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-10, atol=1e-12)
