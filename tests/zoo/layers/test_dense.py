"""Sparse inputs, and changes that Keras makes to a built layer."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.errors import ArgumentError

SPARSE = np.array([[1, 0, -2, 0], [0, 0, 0, 0], [0, 3, 0, 0.5]])  # an empty row and column


def dense_twins(**arguments):
    """The Keras layer and ours, for inputs of four, with the same random weights."""
    rng = np.random.default_rng(1)
    layers = [library.Dense(3, **arguments) for library in (keras.layers, zoo.layers)]
    weights = [rng.normal(size=shape) for shape in ((4, 3), (3,))]
    for layer in layers:
        layer.build((None, 4))
        layer.set_weights(weights[: len(layer.weights)])
    return layers


def of_values(layer, x):
    """Outputs, and the gradients of an uneven loss by the values of x and by the weights."""
    with tf.GradientTape() as tape:
        tape.watch(x.values)
        y = layer(x)
        loss = tf.reduce_sum(tf.sin(tf.cast(y, "float64") + tf.cast(tf.range(3), "float64")))
    gradients = tape.gradient(loss, [x.values, *layer.trainable_variables])
    return [tf.cast(tf.convert_to_tensor(v), "float64") for v in (y, *gradients)]


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float64", 1e-12), ("float32", 1e-5), ("mixed_float16", 5e-3), ("mixed_bfloat16", 0.05)],
)
@pytest.mark.parametrize("arguments", [{"activation": "softmax"}, {"use_bias": False}])
def test_dense_takes_sparse_inputs_as_keras_does(arguments, dtype, tolerance, graph):
    results = []
    for layer in dense_twins(dtype=dtype, **arguments):
        run = tf.function(of_values) if graph else of_values
        x = tf.sparse.from_dense(tf.constant(SPARSE, layer.variable_dtype))
        results.append(run(layer, x))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, strict=True)


def test_dense_gives_sparse_inputs_the_gradients_of_dense_ones():
    layer = dense_twins(dtype="float64")[1]
    x = tf.sparse.from_dense(SPARSE)
    y, d_values, d_kernel, d_bias = of_values(layer, x)
    full = tf.constant(SPARSE)
    with tf.GradientTape() as tape:
        tape.watch(full)
        z = layer(full)
        loss = tf.reduce_sum(tf.sin(z + tf.cast(tf.range(3), "float64")))
    d_x, *expected = tape.gradient(loss, [full, *layer.trainable_variables])
    np.testing.assert_allclose(y, z)
    np.testing.assert_allclose(d_values, tf.gather_nd(d_x, x.indices))
    np.testing.assert_allclose(d_kernel, expected[0])
    np.testing.assert_allclose(d_bias, expected[1])


def test_dense_has_second_order_gradients_for_sparse_inputs():
    layer = dense_twins(dtype="float64")[1]
    x, full = tf.sparse.from_dense(SPARSE), tf.constant(SPARSE)
    found = []
    for at, inputs in ((x.values, x), (full, full)):
        with tf.GradientTape() as outer:
            outer.watch(at)
            with tf.GradientTape() as tape:
                tape.watch(at)
                loss = tf.reduce_sum(tf.sin(layer(inputs)))
            first = tape.gradient(loss, layer.kernel.value)
            value = tf.reduce_sum(tf.sin(first))
        found.append(outer.gradient(value, [at, layer.kernel.value]))
    (d_values, d_kernel), (d_x, expected) = found
    np.testing.assert_allclose(d_values, tf.gather_nd(d_x, x.indices))
    np.testing.assert_allclose(tf.convert_to_tensor(d_kernel), expected)


def test_a_model_of_sparse_inputs_trains_as_keras_own():
    x, y = tf.sparse.from_dense(tf.constant(SPARSE, "float32")), np.ones((3, 3))
    after = []
    for layer in dense_twins(activation="relu"):
        inputs = keras.Input((4,), sparse=True)
        model = keras.Model(inputs, layer(inputs))
        assert model.output.shape == (None, 3)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.fit(x, y, batch_size=3, epochs=2, verbose=0)
        after.append([*model.get_weights(), model.predict(x, verbose=0)])
    for theirs, ours in zip(*after, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_sparse_kernel_gradient_in_bfloat16_counts_every_row():
    layer = zoo.layers.Dense(1, dtype="mixed_bfloat16")
    x = tf.sparse.from_dense(tf.ones((5000, 1)))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(x), "float32"))
    np.testing.assert_allclose(tape.gradient(loss, layer.kernel.value), [[5000]], rtol=5e-3)


def test_sparse_inputs_of_rank_3_are_refused():
    with pytest.raises(ArgumentError, match=r"\[batch, inputs\].*Received: .*\(2, 3, 4\)"):
        zoo.layers.Dense(2)(tf.sparse.from_dense(tf.ones((2, 3, 4))))


def test_quantising_is_refused():
    _, layer = dense_twins()
    with pytest.raises(NotImplementedError, match="Dense does not have a `quantize` method"):
        layer.quantize("int8")
    model = keras.Sequential([keras.Input((4,)), layer])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.quantize("int8")  # warns of its input layer too
    assert any("Layer Dense does not have a `quantize`" in str(one.message) for one in said)
    assert layer.quantization_mode is None


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", ["Dense", "Conv2D"])
def test_lora_is_keras_own(name, graph, dtype):
    arguments = {"units": 3} if name == "Dense" else {"filters": 3, "kernel_size": 2}
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 5, 4)), "float32")
    results = []
    for library in (keras.layers, zoo.layers):
        layer = getattr(library, name)(dtype=dtype, **arguments)
        layer.build(x.shape)
        layer.enable_lora(2)
        rng = np.random.default_rng(1)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])

        def run(layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(tf.sin(tf.cast(y, "float32")))
            return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]

        found = tf.function(run)() if graph else run()
        assert [v.name for v in layer.trainable_variables] == [
            "bias", "lora_kernel_a", "lora_kernel_b"
        ]  # fmt: skip
        results.append([tf.cast(value, "float32") for value in found])
    tolerance = 1e-4 if dtype == "float32" else 0.05
    for theirs, ours in zip(*results, strict=True):
        atol = tolerance * np.max(np.abs(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=atol, strict=True)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["Dense", "Conv2D"])
def test_a_bias_over_many_rows_is_summed_with_enough_digits(name, policy):
    arguments = {"units": 3} if name == "Dense" else {"filters": 3, "kernel_size": 1}
    layer = getattr(zoo.layers, name)(dtype=policy, **arguments)
    x = tf.ones((10_000, 4) if name == "Dense" else (4, 50, 50, 4))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(x), "float32"))
    gradient = tape.gradient(loss, layer.bias.value)
    np.testing.assert_allclose(gradient, 10_000, rtol=5e-3)
