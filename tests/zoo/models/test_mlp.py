"""Multilayer perceptrons compute what NumPy computes, and take their options."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

import zoo
from zoo.errors import ArgumentError


def perceptron(model, images, activation):
    """The same in NumPy: scale, then dense layer, activation and normalisation by turns."""
    x = images.reshape(len(images), -1) / 255
    *hidden, last = [layer for layer in model.layers if layer.weights]
    for layer in hidden:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            x = gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta
        else:
            kernel, bias = layer.get_weights()
            x = activation(x @ kernel + bias)
    kernel, bias = last.get_weights()
    return softmax(x @ kernel + bias, axis=-1)


@pytest.mark.parametrize("name", ["mlp", "bn_mlp", "lasso_mlp", "deep_mlp"])
@pytest.mark.parametrize("hidden", [(), (5,), [4, 3, 6]])
@pytest.mark.parametrize(
    ("activation", "function"), [("relu", lambda x: np.maximum(x, 0)), ("tanh", np.tanh)]
)
def test_perceptron_computes_what_numpy_computes(
    name, hidden, activation, function, pixels, layers_of, randomise
):
    model = zoo.build(
        name, input_shape=(3, 5, 2), num_classes=3, hidden=hidden, activation=activation
    )
    randomise(model)
    images = pixels((3, 5, 2))
    assert [layer.units for layer in layers_of(model, keras.layers.Dense)] == [*hidden, 3]
    expected = perceptron(model, images, function)
    np.testing.assert_allclose(model(images), expected, rtol=1e-5, atol=1e-6)


def test_softmax_regression_computes_what_numpy_computes(pixels, randomise):
    model = randomise(zoo.build("softmax", input_shape=(3, 5, 2), num_classes=3))
    images = pixels((3, 5, 2))
    np.testing.assert_allclose(model(images), perceptron(model, images, None), rtol=1e-5)


@pytest.mark.parametrize(("name", "depth"), [("mlp", 3), ("bn_mlp", 2), ("deep_mlp", 4)])
def test_dropout_stands_behind_each_hidden_layer(name, depth, layers_of):
    model = zoo.build(name, input_shape=(2, 2, 1), dropout=0.25)
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [0.25] * depth
    assert not layers_of(zoo.build(name, input_shape=(2, 2, 1)), keras.layers.Dropout)


@pytest.mark.parametrize(
    ("name", "arguments", "l1", "l2"),
    [
        ("lasso_mlp", {}, 1e-4, 2e-4),  # the report's
        ("lasso_mlp", {"l1": 0.5, "l2": 0.0}, 0.5, 0.0),
        ("mlp", {"l1": 0.1}, 0.1, 0.0),
        ("mlp", {"l2": 0.3}, 0.0, 0.3),
        ("mlp", {"l1": 0.1, "l2": 0.3}, 0.1, 0.3),
    ],
)
def test_penalties_are_those_of_the_hidden_kernels(name, arguments, l1, l2, layers_of):
    model = zoo.build(name, input_shape=(3, 3, 1), hidden=(4, 5), **arguments)
    kernels = [layer.kernel.numpy() for layer in layers_of(model, keras.layers.Dense)[:-1]]
    expected = [l1 * np.abs(kernel).sum() + l2 * (kernel**2).sum() for kernel in kernels]
    np.testing.assert_allclose(model.losses, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "bn_mlp", "deep_mlp"])
def test_there_are_no_penalties_unless_asked_for(name):
    assert zoo.build(name, input_shape=(3, 3, 1)).losses == []


@pytest.mark.parametrize("hidden", [100, (0,), (-1, 3), (2.5,), "abc", None, (True,)])
def test_hidden_is_a_list_of_widths(hidden):
    with pytest.raises(ArgumentError, match="hidden must be a list of layer widths"):
        zoo.build("mlp", input_shape=(2, 2, 1), hidden=hidden)
