"""A layer whose gradient would end the process is named before the training starts."""

import keras
import numpy as np
import pytest

import zoo
import zoo.layers
from zoo.errors import ArgumentError
from zoo.layers.twins import with_safe_convolutions
from zoo.layers.unsafe_kernels import check_kernels


def model_with(*layers, shape=(60, 60, 8)):
    return keras.Sequential([keras.Input(shape), *layers])


def shortcut(**options):
    return keras.layers.Conv2D(4, 1, strides=2, name="shortcut", **options)


def test_a_strided_1x1_convolution_of_few_channels_is_named_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"Received: shortcut.*with_safe_convolutions"):
        check_kernels("mine", model_with(shortcut()))


def test_it_is_found_inside_other_models_too():
    inner = model_with(shortcut())
    x = keras.Input((60, 60, 8))
    residual = keras.layers.Add()([inner(x), keras.layers.MaxPooling2D()(x)[..., :4]])
    with pytest.raises(ArgumentError, match="Received: shortcut"):
        check_kernels("mine", model_with(keras.Model(x, residual)))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 1),
        keras.layers.Conv2D(4, 3, strides=2),
        shortcut(dtype="mixed_bfloat16"),
        shortcut(trainable=False),
        zoo.layers.Conv2D(4, 1, strides=2),
        keras.layers.SeparableConv2D(4, 3, strides=2),
    ],
)
def test_other_convolutions_are_safe(layer):
    check_kernels("mine", model_with(layer))


class OwnConvolution(keras.layers.Conv2D):
    """A convolution of the user's own has the operation of Keras."""


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        (shortcut(), 15),
        (OwnConvolution(40, 1, strides=(1, 3), name="shortcut"), 1),
        (keras.layers.Conv2DTranspose(15, 1, strides=2, name="shortcut"), 40),
        (keras.layers.DepthwiseConv2D(1, strides=2, name="shortcut"), 1),
        (keras.layers.SeparableConv2D(20, 1, strides=2, name="shortcut"), 1),
    ],
)
def test_all_operations_that_end_python_are_named(layer, channels):
    with pytest.raises(ArgumentError, match=r"fewer than 16 channels.*Received: shortcut\."):
        check_kernels("mine", model_with(layer, shape=(60, 60, channels)))


@pytest.mark.parametrize(
    "layer",
    [
        shortcut(),
        keras.layers.Conv2DTranspose(16, 1, strides=2),
        keras.layers.DepthwiseConv2D(1, strides=2),
        keras.layers.SeparableConv2D(20, 1, strides=2),
    ],
)
def test_many_channels_are_safe(layer):
    check_kernels("mine", model_with(layer, shape=(8, 8, 16)))


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        (keras.layers.Conv1D(40, 1, strides=2, name="shortcut"), 15),
        (keras.layers.Conv1DTranspose(15, 1, strides=2, name="shortcut"), 40),
        (keras.layers.DepthwiseConv1D(1, strides=2, name="shortcut"), 1),
        (keras.layers.SeparableConv1D(20, 1, strides=2, name="shortcut"), 1),
    ],
)
def test_convolutions_along_one_axis_are_the_same_operation(layer, channels):
    with pytest.raises(ArgumentError, match=r"Received: shortcut\."):
        check_kernels("mine", model_with(layer, shape=(100, channels)))
    check_kernels("mine", model_with(keras.layers.Conv1D(4, 3, strides=2), shape=(100, 2)))
    check_kernels("mine", model_with(keras.layers.Conv1D(4, 1, strides=2), shape=(100, 16)))


@pytest.mark.parametrize(
    ("layer", "twin"),
    [
        (keras.layers.Conv2D(4, 1, strides=2), None),
        (zoo.layers.Conv2D(4, 1, strides=2), None),
        (zoo.layers.Conv2D(4, 1, strides=2), keras.layers.Conv2D(4, 1, strides=2)),
        (zoo.layers.SeparableConv2D(4, 1, strides=2), None),
        (zoo.layers.DepthwiseConv2D(1, strides=2), None),
        (model_with(keras.layers.Conv2D(4, 1, strides=2), shape=(56, 56, 1)), None),
    ],
)
def test_the_checker_leaves_the_precision_out_in_which_python_would_end(layer, twin):
    report = zoo.gradcheck(layer, (56, 56, 1), twin=twin, batch_size=2, mode="fast")
    assert report.ok
    assert {check.policy for check in report.agreement} >= {"float64"}
    assert "float32" not in {check.policy for check in report.agreement}
    assert "Not compared in float32, in which TensorFlow" in "".join(report.notes)


def test_other_gradients_of_the_weights_are_refused_too():
    model = model_with(
        shortcut(), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")
    )
    images, labels = np.zeros((4, 60, 60, 8), "uint8"), np.arange(4) % 2
    pair = [("shortcut/bias", 0), ("shortcut/bias", 1)]
    with pytest.raises(ArgumentError, match="Received: shortcut"):
        zoo.inspect.descend(model, (images, labels), pair, {"sgd": keras.optimizers.SGD()})
    histograms = zoo.inspect.HistogramLog(images, labels)
    with pytest.raises(ArgumentError, match="Received: shortcut"):
        histograms.check_members({"mine": model})


@pytest.mark.parametrize("kind", ["DepthwiseConv2D", "SeparableConv2D"])
def test_layers_of_zoo_are_safe_for_a_single_channel_too(kind):
    arguments = {"kernel_size": 1, "strides": 2, "name": "shortcut"}
    arguments |= {"filters": 3} if kind == "SeparableConv2D" else {}
    model = model_with(
        getattr(keras.layers, kind)(**arguments),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, "softmax"),
        shape=(60, 60, 1),
    )
    with pytest.raises(ArgumentError, match="Received: shortcut"):
        check_kernels("mine", model)
    copy = keras.models.clone_model(model, clone_function=with_safe_convolutions)
    copy.set_weights(model.get_weights())
    check_kernels("mine", copy)
    images = np.random.default_rng(0).normal(size=(4, 60, 60, 1)).astype("float32")
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-5, atol=1e-6)


def test_without_the_kernels_of_onednn_all_are_safe(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    check_kernels("mine", model_with(shortcut()))


def test_the_way_out_gives_the_same_answers_and_can_be_trained():
    model = model_with(shortcut(), keras.layers.GlobalAveragePooling2D(),
                       keras.layers.Dense(2, "softmax"))  # fmt: skip
    copy = keras.models.clone_model(model, clone_function=with_safe_convolutions)
    copy.set_weights(model.get_weights())
    check_kernels("mine", copy)
    images = np.random.default_rng(0).normal(size=(16, 60, 60, 8)).astype("float32")
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-5, atol=1e-6)
    copy.compile("sgd", "sparse_categorical_crossentropy")
    copy.fit(images, np.arange(16) % 2, verbose=0)
    assert all(np.isfinite(weight).all() for weight in copy.get_weights())


def mini_xception():
    """A published network for faces (Arriaga et al., 2017)."""
    layers = keras.layers
    inputs = x = keras.Input((64, 64, 1))
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    for filters in (16, 32, 64, 128):
        shortcut = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
        for _ in range(2):
            x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.Add()([x, shortcut])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x))
    return keras.Model(inputs, layers.Softmax()(x), name="mini_xception")


def test_of_a_mini_xception_one_layer_is_named():
    model = mini_xception()
    assert model.count_params() == 58_423
    with pytest.raises(ArgumentError, match=r"Received: conv2d\w*\. For a Conv2D"):
        check_kernels("mine", model)
