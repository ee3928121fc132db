"""Twins refuse and take the same arguments as the layers of Keras, with the same values."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers
from zoo.errors import ArgumentError
from zoo.layers.twins import with_safe_convolutions

# Layer, arguments, input shape, arguments of the call.
REFUSED = {
    "mask with a wrong side": ("Softmax", {}, (2, 3), {"mask": np.ones((2, 2), bool)}),
    "mask of another batch": ("Softmax", {}, (2, 3), {"mask": np.ones((3, 3), bool)}),
    "mask larger than the inputs": ("Softmax", {}, (1, 3), {"mask": np.ones((2, 3), bool)}),
    "mask with too many dimensions": ("Softmax", {}, (2, 3), {"mask": np.ones((1, 2, 3), bool)}),
    "softmax over a missing axis": ("Softmax", {"axis": 5}, (2, 3), {}),
    "softmax over missing axes": ("Softmax", {"axis": (1, 5)}, (2, 3), {}),
    "softmax over an axis twice": ("Softmax", {"axis": (1, -1)}, (2, 3), {}),
    "softmax over no axis": ("Softmax", {"axis": ()}, (2, 3), {}),
    "softmax of whole numbers": ("Softmax", {}, (2, 3), {"dtype": "int32"}),
    "dense without units": ("Dense", {"units": 0}, (2, 3), {}),
    "dense of negative units": ("Dense", {"units": -2}, (2, 3), {}),
    "dense of rank 1": ("Dense", {"units": 2}, (3,), {}),
    "filters below 1": ("Conv2D", {"filters": -1, "kernel_size": 3}, (2, 5, 5, 1), {}),
    "kernel larger than the image": ("Conv2D", {"filters": 1, "kernel_size": 7}, (2, 5, 5, 1), {}),
    "groups that do not divide": (
        "Conv2D", {"filters": 3, "kernel_size": 1, "groups": 2}, (2, 5, 5, 4), {}
    ),
    "strides and dilation": (
        "Conv2D", {"filters": 1, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        (2, 5, 5, 1), {},
    ),
    "strides of 0": ("Conv2D", {"filters": 1, "kernel_size": 1, "strides": 0}, (2, 5, 5, 1), {}),
    "images without channels": ("Conv2D", {"filters": 1, "kernel_size": 1}, (2, 5, 5), {}),
    "window larger than the image": ("MaxPooling2D", {"pool_size": 7}, (2, 5, 5, 1), {}),
    "window of 0": ("MaxPooling2D", {"pool_size": 0}, (2, 5, 5, 1), {}),
    "pooling without channels": ("MaxPooling2D", {}, (2, 5, 5), {}),
    "unknown padding": ("MaxPooling2D", {"padding": "reflect"}, (2, 5, 5, 1), {}),
    "depthwise without a multiplier": (
        "DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 0}, (2, 5, 5, 2), {}
    ),
    "separable, filters below 1": (
        "SeparableConv2D", {"filters": 0, "kernel_size": 2}, (2, 5, 5, 2), {}
    ),
    "average over no image": ("GlobalAveragePooling2D", {}, (2, 5, 5), {}),
    "sum of a single tensor": ("Add", {}, (2, 3), {}),
    "unknown activation": ("Activation", {"activation": "rellu"}, (2, 3), {}),
    "dropout of more than all": ("Dropout", {"rate": 1.5}, (2, 3), {"training": True}),
    "noise of another rank": (
        "Dropout", {"rate": 0.5, "noise_shape": (2, 3, 4)}, (2, 3), {"training": True}
    ),
    "noise of another size": (
        "Dropout", {"rate": 0.5, "noise_shape": (2, 2)}, (2, 3), {"training": True}
    ),
    "negative slope of the wrong sign": ("ReLU", {"negative_slope": -1.0}, (2, 3), {}),
    "negative maximum": ("ReLU", {"max_value": -1.0}, (2, 3), {}),
    "negative threshold": ("ReLU", {"threshold": -1.0}, (2, 3), {}),
    "normalisation over a missing axis": ("BatchNormalization", {"axis": 5}, (2, 3), {}),
    "mask of the wrong rank": (
        "BatchNormalization", {}, (2, 3, 4), {"training": True, "mask": np.ones((2, 3, 4), bool)}
    ),
    "mask of the wrong length": (
        "BatchNormalization", {}, (2, 3, 4), {"training": True, "mask": np.ones((2, 2), bool)}
    ),
}  # fmt: skip
TAKEN = {
    "mask of one row": ("Softmax", {}, (2, 3), {"mask": np.array([1, 0, 1], bool)}),
    "mask of one column": ("Softmax", {}, (2, 3), {"mask": np.array([[True], [False]])}),
    "mask of numbers": ("Softmax", {}, (2, 3), {"mask": np.array([[0.2, 0.6, 1.0]], "float32")}),
    "axis in a list": ("Softmax", {"axis": [1]}, (2, 3), {}),
    "mask over two axes": (
        "Softmax", {"axis": (1, 2)}, (2, 3, 4), {"mask": np.array([1, 0, 1, 1], bool)}
    ),
    "dropout of nothing": ("Dropout", {"rate": 0}, (2, 3), {"training": True}),
    "normalisation of whole numbers": ("BatchNormalization", {}, (2, 3), {"dtype": "int32"}),
}  # fmt: skip


def call(library, case):
    name, arguments, shape, options = case
    options = dict(options)
    dtype = options.pop("dtype", "float32")
    x = tf.constant(np.random.default_rng(0).integers(-9, 9, shape), dtype)
    if "mask" in options:
        options["mask"] = tf.constant(options["mask"])
    return np.asarray(getattr(library, name)(**arguments)(x, **options))


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_what_the_layer_of_keras_refuses_its_twin_refuses(case):
    errors = []
    for library in (keras.layers, zoo.layers):
        with pytest.raises(Exception) as raised:  # noqa: PT011  Keras has many kinds of errors
            call(library, case)
        errors.append(raised.value)
    if isinstance(errors[0], ValueError):
        assert isinstance(errors[1], ValueError)


@pytest.mark.parametrize("case", TAKEN.values(), ids=list(TAKEN))
def test_what_the_layer_of_keras_takes_its_twin_takes_with_the_same_values(case):
    expected = call(keras.layers, case)
    np.testing.assert_allclose(call(zoo.layers, case), expected, rtol=1e-6, atol=1e-7)


def test_the_error_of_a_mask_names_both_shapes():
    with pytest.raises(ArgumentError, match=r"each must be 1 or.*Received: mask\.shape="):
        call(zoo.layers, REFUSED["mask with a wrong side"])


def test_convolutions_inside_models_are_replaced_by_their_twins():
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 1, strides=2)])
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255), inner])
    copy = keras.models.clone_model(model, clone_function=with_safe_convolutions)
    copy.set_weights(model.get_weights())
    kinds = [type(layer) for layer in copy._flatten_layers()]
    assert zoo.layers.Conv2D in kinds
    assert keras.layers.Conv2D not in kinds
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-6)
