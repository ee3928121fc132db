"""Multilayer perceptrons compute what NumPy computes, and take their options."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError


def pixels(shape, count=3):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def randomise(model):
    """Change every weight, so that a weight that is not saved or not used shows."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.uniform(0.01, 0.1, weight.shape) * rng.choice([1, 1, -1]))
        if weight.name == "moving_variance":
            weight.assign(np.abs(weight))
    return model


def perceptron(model, images, activation):
    """The same in NumPy: scale, then dense layer, activation and normalisation by turns."""
    x = images.reshape(len(images), -1) / 255
    dense = layers_of(model, keras.layers.Dense)
    norms = layers_of(model, keras.layers.BatchNormalization) or [None] * (len(dense) - 1)
    for layer, norm in zip(dense, norms, strict=False):
        kernel, bias = layer.get_weights()
        x = activation(x @ kernel + bias)
        if norm:
            gamma, beta, mean, variance = norm.get_weights()
            x = gamma * (x - mean) / np.sqrt(variance + norm.epsilon) + beta
    kernel, bias = dense[-1].get_weights()
    return softmax(x @ kernel + bias)


@pytest.mark.parametrize("name", ["mlp", "bn_mlp", "lasso_mlp", "deep_mlp"])
@pytest.mark.parametrize("hidden", [(), (5,), [4, 3, 6]])
@pytest.mark.parametrize(
    ("activation", "function"), [("relu", lambda x: np.maximum(x, 0)), ("tanh", np.tanh)]
)
def test_perceptron_computes_what_numpy_computes(name, hidden, activation, function):
    model = zoo.build(
        name, input_shape=(3, 5, 2), num_classes=3, hidden=hidden, activation=activation
    )
    randomise(model)
    images = pixels((3, 5, 2))
    assert [layer.units for layer in layers_of(model, keras.layers.Dense)] == [*hidden, 3]
    expected = perceptron(model, images, function)
    np.testing.assert_allclose(model(images), expected, rtol=1e-5, atol=1e-6)


def test_softmax_regression_computes_what_numpy_computes():
    model = randomise(zoo.build("softmax", input_shape=(3, 5, 2), num_classes=3))
    images = pixels((3, 5, 2))
    np.testing.assert_allclose(model(images), perceptron(model, images, None), rtol=1e-5)


@pytest.mark.parametrize(("name", "depth"), [("mlp", 3), ("bn_mlp", 2), ("deep_mlp", 4)])
def test_dropout_stands_behind_each_hidden_layer(name, depth):
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
def test_penalties_are_those_of_the_hidden_kernels(name, arguments, l1, l2):
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
