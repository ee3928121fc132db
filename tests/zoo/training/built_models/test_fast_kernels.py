"""Layers of Keras by faster kernels, compared with Keras's own arithmetic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training.built_models.fast_kernels import fast_kernels

IMAGES = np.random.default_rng(0).normal(3, 2, (6, 4, 5, 16)).astype("float32")


def network(dtype="float32", channels=4, **options):
    inputs = keras.Input((4, 5, channels))
    return keras.Model(inputs, keras.layers.BatchNormalization(dtype=dtype, **options)(inputs))


def step(model, fast):
    """Give the output, the gradients and the moving moments of a step in a graph."""

    @tf.function
    def run(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            if fast:
                with fast_kernels(model):
                    y = model(images, training=True)
            else:
                y = model(images, training=True)
            # Any loss with a gradient that differs from pixel to pixel.
            loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
        return y, tape.gradient(loss, [images, *model.trainable_variables])

    images = tf.constant(IMAGES[..., : model.input_shape[-1]])
    y, gradients = run(images)
    return [y, *gradients, *model.non_trainable_variables], run.get_concrete_function(images)


def kernels(function):
    """Give the dtypes of the inputs of TensorFlow's kernels in a graph."""
    operations = function.graph.get_operations()
    return [op.inputs[0].dtype.name for op in operations if "FusedBatchNorm" in op.type]


@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1, "momentum": 0.5}]
)
def test_the_numbers_are_those_of_keras(options):
    (fast, graph), (keras_numbers, plain) = (step(network(**options), fast) for fast in (1, 0))
    assert len(kernels(graph)) == 2
    assert not kernels(plain)
    for ours, theirs in zip(fast, keras_numbers, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_rounded_once(dtype, channels):
    """The kernels of half precision are slow for numbers of channels that 16 does not divide."""
    fast, graph = step(network(f"mixed_{dtype}", channels), True)
    assert kernels(graph) == [dtype if channels == 16 else "float32"] * 2
    assert fast[0].dtype == dtype
    exact, _ = step(network("float32", channels), False)
    np.testing.assert_allclose(tf.cast(fast[0], "float32"), exact[0], rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(fast[-2], exact[-2], rtol=1e-2)


class Subclass(keras.layers.BatchNormalization):
    pass


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (keras.layers.BatchNormalization(), (6, 5)),
        (keras.layers.BatchNormalization(axis=1), (6, 4, 5, 4)),
        (keras.layers.BatchNormalization(trainable=False), (6, 4, 5, 4)),
        (keras.layers.BatchNormalization(renorm=True), (6, 4, 5, 4)),
        (keras.layers.BatchNormalization(dtype="float64"), (6, 4, 5, 4)),
        (Subclass(), (6, 4, 5, 4)),
        (keras.layers.BatchNormalization(), (6, 4, 5, 6)),  # for 6 channels the kernel is slow
    ],
)
def test_what_the_kernel_cannot_do_or_does_slowly_stays_with_keras(layer, shape):
    inputs = keras.Input(shape[1:])
    model = keras.Model(inputs, layer(inputs))

    @tf.function
    def run(images):
        with fast_kernels(model):
            return model(images, training=True)

    assert not kernels(run.get_concrete_function(tf.TensorSpec(shape)))


def test_one_image_of_one_pixel_has_no_variance():
    model = keras.Sequential([keras.Input((1, 1, 4)), keras.layers.BatchNormalization()])
    with fast_kernels(model):
        model(np.ones((1, 1, 1, 4), "float32"), training=True)
    np.testing.assert_allclose(model.layers[0].moving_variance, 0.99)


def test_the_layers_are_as_before_afterwards_also_after_an_error():
    model = network()

    def fail():
        with fast_kernels(model):
            assert "call" in vars(model.layers[1])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "call" not in vars(model.layers[1])


@pytest.mark.parametrize("options", [{}, {"negative_slope": 0.1, "max_value": 6.0}])
def test_a_relu_of_bfloat16_keeps_its_numbers_gradients_and_nan(options):
    inputs = keras.Input(IMAGES.shape[1:])
    model = keras.Model(inputs, keras.layers.ReLU(dtype="bfloat16", **options)(inputs))

    @tf.function
    def run(images, fast):
        with tf.GradientTape() as tape, fast_kernels(model if fast else keras.Sequential()):
            tape.watch(images)
            y = model(images)
        return y, tape.gradient(y, images)

    images = np.concatenate([IMAGES - 3, -np.float32(np.nan) * IMAGES[:1], 0 * IMAGES[:1]])
    for ours, theirs in zip(run(images, True), run(images, False), strict=True):
        np.testing.assert_array_equal(tf.cast(ours, "float32"), tf.cast(theirs, "float32"))
    graph = run.get_concrete_function(tf.TensorSpec(images.shape), True).graph
    compiled = [
        op.get_attr("_XlaMustCompile") for op in graph.get_operations() if "Call" in op.type
    ]
    assert compiled == ([] if options else [True, True])
