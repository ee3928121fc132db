"""Layers with a gradient that a test can spoil."""

import keras
import pytest
import tensorflow as tf


class Affine(keras.layers.Layer):
    """`x W + b`. The function `fault` changes the gradients (dx, dW, db)."""

    def __init__(self, units=4, fault=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.fault = fault

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,))

    def call(self, x):
        @tf.custom_gradient
        def affine(x, w, b):
            def backward(dy):
                dx, dw, db = dy @ tf.transpose(w), tf.transpose(x) @ dy, tf.reduce_sum(dy, axis=0)
                if self.fault is None:
                    return dx, dw, db
                return self.fault(dx, dw, db, dy=dy, x=x, w=w)

            return x @ w + b, backward

        return affine(x, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "fault": self.fault}


@pytest.fixture
def affine():
    """The class of a layer `x W + b` whose gradients the function `fault` changes."""
    return Affine


@pytest.fixture
def unary():
    """A function that makes a layer without weights of `forward(x)` and a backward pass."""

    def make(forward, backward):
        class Unary(keras.layers.Layer):
            def call(self, x, training=None):
                @tf.custom_gradient
                def function(x):
                    return forward(x), lambda dy: backward(x, dy, training)

                return function(x)

        return Unary()

    return make


@pytest.fixture
def small_model(seeded):
    """A model with convolution, normalisation, pooling and dropout, for images of 6 × 6."""
    return keras.Sequential(
        [
            keras.layers.Input((6, 6, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(3, 3, dtype="mixed_bfloat16"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(4),
            keras.layers.Softmax(dtype="float32"),
        ]
    )


@pytest.fixture
def without_xla(monkeypatch):
    """Compares eager execution and graphs only, for tests whose promise is not about XLA."""
    monkeypatch.setattr("zoo.gradients.agreement.EXECUTIONS", ("eager", "graph"))


@pytest.fixture
def only_eager(monkeypatch):
    """Compares eager execution only, for tests whose promise is not about graphs or XLA either."""
    monkeypatch.setattr("zoo.gradients.agreement.EXECUTIONS", ("eager",))
