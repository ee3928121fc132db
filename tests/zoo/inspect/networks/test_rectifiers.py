import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers
from zoo.errors import ArgumentError
from zoo.inspect.networks.rectifiers import modify_relus
from zoo.inspect.networks.running import forward


def modified_gradient(model, x, rule):
    """The number of ReLUs that were changed, and the gradient of the first output."""
    counts = []

    @tf.function(autograph=False)
    def gradient(x):
        logits = forward(model, x).logits
        counts.append(modify_relus(logits, rule))
        return tf.gradients(logits[:, 0], x)[0]

    result = gradient(tf.constant(x)).numpy()
    return counts[0], result


KINDS = ("flat", "functional", "handwritten", "nested", "subclassed", "shared", "mixed")
X = np.array([[1.0, -2.0, 0.5, 3.0]], "float32")
UP = np.array([1.0, 1.0, -1.0, -1.0])  # the gradient that comes to each unit
EXPECTED = {"guided": [1, 0, 0, 0], "deconvolution": [1, 1, 0, 0]}


class Calling(keras.layers.Layer):
    """A layer that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


LAYERS = {
    "ReLU": lambda: keras.layers.ReLU(),
    "ReLU of Zoo": lambda: zoo.layers.ReLU(),
    "Activation": lambda: keras.layers.Activation("relu"),
    "keras.ops": lambda: Calling(keras.ops.relu),
    "keras.activations": lambda: Calling(keras.activations.relu),
    "TensorFlow": lambda: Calling(tf.nn.relu),
    "maximum": lambda: Calling(lambda x: tf.maximum(x, 0.0)),
    "a limit": lambda: keras.layers.ReLU(max_value=5),
    "a limit in Zoo": lambda: zoo.layers.ReLU(max_value=5),
    "a threshold": lambda: keras.layers.ReLU(threshold=0.1),
    "a threshold in Zoo": lambda: zoo.layers.ReLU(threshold=0.1),
    "nested": lambda: keras.Sequential([keras.layers.ReLU()]),
    "relu6": lambda: keras.layers.Activation("relu6"),
}


@pytest.mark.parametrize("rule", EXPECTED)
@pytest.mark.parametrize("kind", LAYERS)
def test_the_backward_pass_of_each_kind_of_relu_is_changed(kind, rule):
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((4,)), LAYERS[kind](), dense])
    dense.set_weights([-UP[:, None]])  # class 0 of a single unit is minus the unit
    count, gradient = modified_gradient(model, X, rule)
    assert count == 1
    assert gradient[0].tolist() == EXPECTED[rule]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("flat", 3),
        ("functional", 3),
        ("handwritten", 3),
        ("nested", 3),
        ("subclassed", 3),
        ("shared", 2),
        ("mixed", 3),
    ],
)
def test_every_relu_of_a_model_is_counted(models, images, kind, count):
    assert modified_gradient(models[kind], images.astype("float32"), "guided")[0] == count


@pytest.mark.parametrize("library", [keras.layers, zoo.layers])
def test_the_slope_of_a_leaky_relu_stays_in_the_guided_gradient(library):
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((4,)), library.ReLU(negative_slope=0.5), dense])
    dense.set_weights([-UP[:, None]])
    count, gradient = modified_gradient(model, X, "guided")
    assert (count, gradient[0].tolist()) == (1, [1, 0.5, 0, 0])


def test_other_functions_are_not_relus():
    layers = [keras.layers.Dense(3, activation="tanh"), zoo.layers.Dense(2, activation="sigmoid")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Softmax()])
    assert modified_gradient(model, X, "guided")[0] == 0


def test_a_relu_with_a_slope_and_a_threshold_is_refused():
    layer = keras.layers.ReLU(negative_slope=0.5, threshold=0.1)
    model = keras.Sequential([keras.Input((4,)), layer])
    with pytest.raises(ArgumentError, match="must have no threshold"):
        modified_gradient(model, X, "guided")


def test_a_relu_inside_another_function_is_refused():
    model = keras.Sequential([keras.Input((4,)), Calling(tf.function(tf.nn.relu))])
    with pytest.raises(ArgumentError, match="must run in the model's own graph"):
        modified_gradient(model, X, "guided")


def test_the_model_has_its_usual_gradient_afterwards(models, images):
    model, x = models["flat"], tf.constant(images, "float32")

    def usual():
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = model(x, training=False)[:, 0]
        return tape.gradient(score, x).numpy()

    before = usual()
    modified_gradient(model, images.astype("float32"), "guided")
    assert np.array_equal(usual(), before)
