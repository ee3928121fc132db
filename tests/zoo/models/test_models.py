import importlib
import json
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from scipy.special import softmax

import zoo
import zoo.models
from zoo import registry
from zoo.errors import ArgumentError
from zoo.layers import LocalResponseNormalization
from zoo.registry.flops import flops

NAMES = zoo.list_models()


def smallest_side(name):
    """The shortest side in pixels that a model takes, from its error about a smaller image."""
    try:
        zoo.build(name, input_shape=(1, 1, 1))
    except ArgumentError as error:
        return int(re.search(r"at least (\d+)×", str(error)).group(1))
    return 1


SMALLEST = {name: smallest_side(name) for name in NAMES}
LIMITED = {name: side for name, side in SMALLEST.items() if side > 1}
LARGE = {name for name in NAMES if (zoo.describe(name).parameter_count or 0) > 10_000_000}
"""Models that take long to build, for which a single case is tested."""


def odd(name, channels):
    """A small input shape whose sides are odd and differ."""
    side = max(SMALLEST[name], 3) | 1
    return (side, side + 2, channels)


@pytest.fixture
def undrawn(monkeypatch):
    """Kernels are zeros: for AlexNet's 61 million weights, random numbers take time and memory."""

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


# The descriptions and the real models


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_what_it_is_and_where_it_comes_from(name):
    spec = zoo.describe(name)
    assert spec.summary.endswith(".")
    assert spec.parameter_count
    assert spec.flops
    assert spec.source
    assert spec.tags
    assert registry.REQUIRED not in spec.parameters.values()
    assert spec.parameters["classifier_activation"] == "softmax"


@pytest.mark.parametrize("name", NAMES)
def test_tags_are_true(name, layers_of):
    model = zoo.build(name, input_shape=odd(name, 1), num_classes=2)
    tags = set(zoo.describe(name).tags)
    hidden = len(layers_of(model, keras.layers.Dense)) - 1
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert ("conv" in tags) == bool(convolutions)
    assert ("mlp" in tags) == (hidden > 0 and not convolutions)
    assert ("linear" in tags) == (hidden == 0 and not convolutions)
    assert ("separable" in tags) == bool(layers_of(model, keras.layers.SeparableConv2D))
    assert ("batchnorm" in tags) == bool(layers_of(model, keras.layers.BatchNormalization))
    assert ("regularised" in tags) == bool(model.losses)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("undrawn")
def test_entry_builds_with_no_argument_as_described(name):
    model, defaults = zoo.build(name), zoo.describe(name).parameters
    assert model.name == name
    assert model.input_shape == (None, *defaults["input_shape"])
    assert model.output_shape == (None, defaults["num_classes"])
    assert model.count_params() == zoo.describe(name).parameter_count
    assert flops(model) == zoo.describe(name).flops
    assert not model.compiled


def test_conv_bn_trains_as_many_parameters_as_the_report_says():
    trainable = zoo.build("conv_bn").trainable_weights
    assert sum(int(np.prod(weight.shape)) for weight in trainable) == 2_109_031


@pytest.mark.usefixtures("undrawn")
def test_alexnet_is_the_paper_s(layers_of):
    model = zoo.build("alexnet")
    assert model.input_shape == (None, 227, 227, 3)
    kernels = {layer.name: tuple(layer.kernel.shape) for layer in model.layers if layer.weights}
    assert kernels == {
        "conv1": (11, 11, 3, 96),
        "conv2": (5, 5, 48, 256),  # two groups: half of the channels each
        "conv3": (3, 3, 256, 384),
        "conv4": (3, 3, 192, 384),
        "conv5": (3, 3, 192, 256),
        "fc6": (9216, 4096),
        "fc7": (4096, 4096),
        "logits": (4096, 1000),
    }
    # Section 3.5: normalisation and pooling follow the first and the second convolution,
    # pooling the fifth.
    kinds = [type(layer).__name__ for layer in model.layers]
    block = ["Conv2D", "ReLU", "LocalResponseNormalization", "MaxPooling2D"]
    assert kinds[2:10] == block * 2
    assert kinds[10:18] == ["Conv2D", "ReLU"] * 3 + ["MaxPooling2D", "Flatten"]
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [0.5, 0.5]


def test_alexnet_s_features_are_the_activations_of_the_last_pooling(pixels, layers_of):
    features = zoo.build("alexnet", features="pool5")
    assert features.output_shape == (None, 9216)
    assert not layers_of(features, keras.layers.Dense)
    images = pixels((67, 71, 1))
    whole = zoo.build("alexnet", input_shape=(67, 71, 1), num_classes=2, seed=3)
    features = zoo.build("alexnet", input_shape=(67, 71, 1), features="pool5", seed=3)
    expected = keras.Model(whole.input, whole.get_layer("pool5").output)(images)
    np.testing.assert_allclose(features(images), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_features_are_what_the_classes_are_told_by(name, pixels):
    arguments = {"input_shape": odd(name, 1), "num_classes": 2, "seed": 3}
    whole, features = zoo.build(name, **arguments), zoo.build(name, **arguments, features=True)
    images = pixels(odd(name, 1))
    last = [layer for layer in whole.layers if layer.weights][-1]
    expected = keras.Model(whole.input, last.input)(images)
    if len(expected.shape) == 4:
        expected = np.mean(expected, axis=(1, 2))
    found = features(images)
    assert found.dtype == "float32"
    assert found.shape == (3, features.output_shape[-1])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# What goes in and what comes out


@pytest.mark.parametrize(
    ("name", "channels", "classes"),
    [
        (name, *case)
        for name in NAMES
        for case in ([(3, 1000)] if name in LARGE else [(1, 2), (3, 1000), (4, 2)])
    ],
)
def test_pixels_go_in_and_probabilities_come_out(name, channels, classes, pixels):
    shape = odd(name, channels)
    model = zoo.build(name, input_shape=shape, num_classes=classes, seed=0)
    images = pixels(shape)
    probabilities = model(images)
    assert probabilities.shape == (3, classes)
    assert probabilities.dtype == "float32"
    assert np.min(probabilities) >= 0
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, rtol=1e-5)
    assert not np.allclose(probabilities[0], probabilities[1])  # it looks at the pixels
    np.testing.assert_array_equal(model(images.astype("float32")), probabilities)


def test_keras_predict_takes_uint8(pixels):
    model = zoo.build("mlp", input_shape=(3, 4, 1), hidden=(4,), seed=0)
    images = pixels((3, 4, 1))
    np.testing.assert_allclose(model.predict(images, verbose=0), model(images), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_without_activation_it_gives_logits(name, pixels):
    shape = odd(name, 1)
    arguments = {"input_shape": shape, "num_classes": 3, "seed": 0}
    images = pixels(shape)
    logits = np.asarray(zoo.build(name, **arguments, classifier_activation=None)(images))
    probabilities = zoo.build(name, **arguments)(images)
    assert not np.allclose(logits.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax(logits, axis=-1), probabilities, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("activation", ["sigmoid", "linear", "", False])
def test_other_classifier_activation_is_rejected(activation):
    with pytest.raises(ArgumentError, match=r'must be "softmax" or None\. Received: '):
        zoo.build("softmax", classifier_activation=activation)


@pytest.mark.parametrize(
    ("name", "precision", "output"),
    [
        (name, precision, "float64" if precision == "float64" else "float32")
        for name in NAMES
        for precision in ("mixed_bfloat16", "mixed_float16", "float64")
        if precision == "mixed_bfloat16" or name not in LARGE
    ],
)
def test_output_is_of_full_precision(name, precision, output, pixels):
    model = zoo.build(name, input_shape=odd(name, 1), num_classes=2, precision=precision)
    assert model.output.dtype == output
    probabilities = model(pixels(odd(name, 1), count=1))
    assert probabilities.dtype == output
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, rtol=1e-5)


# The smallest image


@pytest.mark.parametrize(("name", "smallest"), LIMITED.items())
def test_smallest_image_fits(name, smallest, pixels):
    model = zoo.build(name, input_shape=(smallest, smallest, 1), num_classes=2)
    assert model(pixels((smallest, smallest, 1), count=1)).shape == (1, 2)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LIMITED])
def test_perceptron_takes_a_single_pixel(name, pixels):
    assert zoo.build(name, input_shape=(1, 1, 1), num_classes=2)(pixels((1, 1, 1))).shape == (3, 2)


@pytest.mark.parametrize(("name", "smallest"), LIMITED.items())
@pytest.mark.parametrize(("height", "width"), [(-1, 0), (0, -1), (-1, -1), (-1, 100)])
def test_smaller_image_raises_with_the_smallest_that_fits(name, smallest, height, width):
    shape = (smallest + height, smallest + width, 3)
    with pytest.raises(ArgumentError) as error:
        zoo.build(name, input_shape=shape)
    assert str(error.value).startswith(
        f"input_shape must be at least {smallest}×{smallest} pixels for {name}. Received: {shape}."
    )


@pytest.mark.parametrize(("name", "smallest"), LIMITED.items())
def test_a_pixel_less_would_not_have_fitted(name, smallest, monkeypatch):
    module = importlib.import_module(zoo.describe(name).builder.__module__)
    stem = module.stem
    monkeypatch.setattr(module, "stem", lambda *arguments, smallest: stem(*arguments))
    with pytest.raises(ValueError, match="output size would be zero or negative"):
        zoo.build(name, input_shape=(smallest - 1, smallest - 1, 1))


@pytest.mark.parametrize("filters", [(4,), (4, 4, 4)])
def test_smallest_image_of_the_cnn_follows_its_depth(filters):
    smallest = 2 ** len(filters)
    zoo.build("cnn", input_shape=(smallest, smallest, 1), filters=filters, hidden=3)
    with pytest.raises(ArgumentError, match=f"at least {smallest}×{smallest} pixels"):
        zoo.build("cnn", input_shape=(smallest - 1, smallest, 1), filters=filters)


# Options


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "initializer" in zoo.describe(name).parameters]
)
def test_initializer_makes_the_first_kernel(name):
    model = zoo.build(name, input_shape=odd(name, 1), num_classes=2, initializer="zeros")
    first, *_ = (weight for weight in model.weights if weight.name == "kernel")
    assert not np.any(first)


def test_cnn_is_the_report_s(layers_of):
    model = zoo.build("cnn")
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert [(layer.filters, layer.kernel_size, layer.padding) for layer in convolutions] == [
        (32, (3, 3), "same"),
        (32, (3, 3), "same"),
        (64, (3, 3), "same"),
        (64, (3, 3), "same"),
    ]
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [0.25, 0.25, 0.5]
    assert [layer.units for layer in layers_of(model, keras.layers.Dense)] == [512, 7]
    block = ["Conv2D", "ReLU", "Conv2D", "ReLU", "MaxPooling2D", "Dropout"]
    assert [type(layer).__name__ for layer in model.layers][2:14] == block * 2


def test_options_of_the_cnn(layers_of):
    model = zoo.build(
        "cnn", input_shape=(9, 8, 1), filters=(2, 3, 4), hidden=5, conv_dropout=0.1, dropout=0.2
    )
    filters = [layer.filters for layer in layers_of(model, keras.layers.Conv2D)]
    assert filters == [2, 2, 3, 3, 4, 4]
    rates = [layer.rate for layer in layers_of(model, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.1, 0.2]
    assert layers_of(model, keras.layers.Dense)[0].units == 5


def test_conv_bn_goes_down_to_one_pixel(layers_of):
    model = zoo.build("conv_bn")
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert [layer.filters for layer in convolutions] == [16, 32, 64, 128, 256, 512]
    assert [layer.padding for layer in convolutions] == ["same"] * 5 + ["valid"]
    assert convolutions[-1].output.shape == (None, 1, 1, 512)
    assert len(layers_of(model, keras.layers.BatchNormalization)) == 7


def test_dropout_of_alexnet(layers_of):
    model = zoo.build("alexnet", input_shape=(67, 67, 1), num_classes=2, dropout=0.25)
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [0.25, 0.25]
    normalisations = layers_of(model, LocalResponseNormalization)
    assert [(layer.depth_radius, layer.bias) for layer in normalisations] == [(2, 2.0)] * 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mlp", {"dropout": 2}),
        ("mlp", {"dropout": -0.5}),
        ("mlp", {"l1": -1}),
        ("mlp", {"activation": "rellu"}),
        ("mlp", {"initializer": "glorot"}),
        ("cnn", {"hidden": (3, 4)}),  # a list in the perceptrons, a number here
        ("cnn", {"filters": 3}),
        ("cnn", {"conv_dropout": "lots"}),
    ],
)
def test_argument_that_the_builder_cannot_use_is_named(name, arguments):
    ((key, value),) = arguments.items()
    with pytest.raises(ArgumentError) as error:
        zoo.build(name, **arguments)
    assert key in str(error.value)
    assert str(value) in str(error.value)


# Saved and loaded

LOAD = """
import json, pathlib, sys
import keras, numpy as np

folder = pathlib.Path(sys.argv[1])
images = np.load(folder / "images.npz")
def predict(name):
    model = keras.models.load_model(folder / f"{name}.keras", compile=False, safe_mode=True)
    return np.asarray(model(images[name]))

predictions = {name: predict(name) for name in images if name != "alexnet"}
without_zoo = "zoo" not in sys.modules
import zoo.layers
predictions["alexnet"] = predict("alexnet")
np.savez(folder / "predictions.npz", **predictions)
print(json.dumps(without_zoo))
"""


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # h5py, Keras
def test_saved_model_predicts_the_same_in_a_fresh_process(tmp_path, pixels, randomise):
    images, expected = {}, {}
    for name in NAMES:
        images[name] = pixels(odd(name, 1))
        model = randomise(zoo.build(name, input_shape=odd(name, 1), num_classes=3))
        expected[name] = np.asarray(model(images[name]))
        model.save(tmp_path / f"{name}.keras")
    np.savez(tmp_path / "images.npz", **images)
    process = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-2000:]
    # Only AlexNet has a layer of the zoo; the others need nothing but Keras.
    assert json.loads(process.stdout) is True
    with np.load(tmp_path / "predictions.npz") as predictions:
        for name in NAMES:
            np.testing.assert_allclose(predictions[name], expected[name], rtol=1e-5, atol=1e-6)
    shutil.rmtree(tmp_path)  # 80 MB
