"""A layer or loss is copied under a precision policy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError

L = keras.layers


def test_a_loss_of_ones_own_is_checked_as_it_stands():
    class Scaled(keras.losses.Loss):  # without get_config
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, y_true, y_pred):
            @tf.custom_gradient
            def half_square(p):
                e = p - y_true
                return self.factor * e**2 / 2, lambda dy: dy * e

            return tf.reduce_sum(half_square(y_pred), axis=-1)

    assert zoo.gradcheck(Scaled(1.0), (4,), twin=False).ok
    assert not zoo.gradcheck(Scaled(2.0), (4,)).ok
    labels, predictions = np.zeros((2, 3)), np.ones((2, 3))
    assert not zoo.gradcheck(Scaled(2.0), inputs=(labels, predictions)).ok


def test_a_layer_that_cannot_be_copied_says_so():
    class Stubborn(L.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(**kwargs)
            self.function = function

        def call(self, x):
            return x

        def get_config(self):
            return super().get_config()

    with pytest.raises(
        ArgumentError, match=r"Stubborn\.from_config\(get_config\(\)\) must make a copy"
    ):
        zoo.gradcheck(Stubborn(np.sin), (2,))
