import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import ArgumentError
from zoo.layers import LocalResponseNormalization


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(0, 30, (2, 3, 4, 7)).astype("float32")


def by_the_formula(x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(0, c - depth_radius) : c + depth_radius + 1]
        y[..., c] = x[..., c] / (bias + alpha * np.sum(near**2, axis=-1)) ** beta
    return y


@settings(max_examples=30)
@given(
    depth_radius=st.integers(0, 9),  # also wider than there are channels
    channels=st.integers(1, 8),
    bias=st.floats(0.5, 3),
    alpha=st.floats(0, 0.1),
    beta=st.floats(0.1, 1),
    seed=st.integers(0, 99),
)
def test_it_is_tensorflows_local_response_normalization(
    depth_radius, channels, bias, alpha, beta, seed
):
    x = np.random.default_rng(seed).normal(0, 5, (2, 2, 3, channels)).astype("float32")
    layer = LocalResponseNormalization(depth_radius, bias, alpha, beta)
    expected = tf.nn.local_response_normalization(x, depth_radius, bias, alpha, beta)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_defaults_are_the_papers(inputs):
    expected = tf.nn.local_response_normalization(inputs, 2, 2.0, 1e-4, 0.75)
    np.testing.assert_allclose(LocalResponseNormalization()(inputs), expected, rtol=1e-5)


def test_float64_is_exact(inputs):
    x = inputs.astype("float64")
    y = LocalResponseNormalization(3, 1.5, 0.01, 0.6, dtype="float64")(x)
    assert y.dtype == "float64"
    np.testing.assert_allclose(y, by_the_formula(x, 3, 1.5, 0.01, 0.6), rtol=1e-13)


def test_gradient_is_that_of_tensorflows(inputs):
    x = tf.constant(inputs)
    layer = LocalResponseNormalization(alpha=0.01)
    gradients = []
    for function in (layer, lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 0.01, 0.75)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.sin(function(x)))
        gradients.append(tape.gradient(total, x))
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)


def test_mixed_precision_gives_the_compute_dtype(inputs):
    layer = LocalResponseNormalization(dtype="mixed_bfloat16")
    assert layer(inputs).dtype == "bfloat16"
    assert layer.compute_output_spec(keras.KerasTensor((None, 3, 4, 7))).dtype == "bfloat16"


def test_shape_stays(inputs):
    layer = LocalResponseNormalization()
    assert layer.compute_output_shape((None, 3, 4, 7)) == (None, 3, 4, 7)
    assert layer(inputs).shape == inputs.shape
    assert layer.weights == []


def test_height_and_width_may_be_unknown(inputs):
    image = keras.Input((None, None, 7))
    model = keras.Model(image, LocalResponseNormalization()(image))
    np.testing.assert_allclose(model(inputs), by_the_formula(inputs), rtol=1e-5)


def test_it_works_in_a_graph(inputs):
    layer = LocalResponseNormalization()
    np.testing.assert_allclose(tf.function(layer)(inputs), layer(inputs), rtol=1e-6)


def test_config_makes_the_same_layer(inputs):
    layer = LocalResponseNormalization(1, 3.0, 0.5, 0.25, name="norm", dtype="float64")
    copy = LocalResponseNormalization.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert (copy.name, copy.depth_radius, copy.bias, copy.alpha, copy.beta) == (
        "norm",
        1,
        3.0,
        0.5,
        0.25,
    )
    np.testing.assert_array_equal(copy(inputs), layer(inputs))


def test_keras_finds_it_by_its_registered_name():
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(LocalResponseNormalization(4))
    )
    assert isinstance(layer, LocalResponseNormalization)
    assert layer.depth_radius == 4
    assert keras.saving.get_registered_name(LocalResponseNormalization) == (
        "zoo>LocalResponseNormalization"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth_radius": -1},
        {"depth_radius": 1.5},  # half a channel
        {"bias": 0},
        {"bias": -2.0},
    ],
)
def test_bad_argument_is_rejected(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ArgumentError, match=f"{name} must be") as error:
        LocalResponseNormalization(**arguments)
    assert f"Received: {value}" in str(error.value)
