"""Small untrained models of every kind, which take 8×8 images of three classes."""

import keras
import numpy as np
import pytest

import zoo.layers

SHAPE = (8, 8, 3)


def convolutions(library=keras.layers, prefix=""):
    """Layers with a ReLU of each kind: as a layer, as an activation, and as an operation."""
    return [
        library.Conv2D(4, 3, padding="same", activation="relu", name=f"{prefix}first"),
        library.Conv2D(5, 3, name=f"{prefix}second"),
        library.ReLU(name=f"{prefix}rectified"),
        library.MaxPooling2D(2, name=f"{prefix}pooled"),
    ]


def head(library=keras.layers, classes=3, activation="softmax", dtype=None):
    return [
        library.Flatten(name="flat"),
        library.Dense(6, activation="relu", name="hidden"),
        library.Dense(classes, activation=activation, name="answer", dtype=dtype),
    ]


def scaled():
    return [keras.Input(SHAPE), keras.layers.Rescaling(1 / 255, name="scaled")]


def flat_model(**options):
    return keras.Sequential([*scaled(), *convolutions(), *head(**options)], name="flat_model")


def functional_model(library=keras.layers):
    inputs = x = keras.Input(SHAPE)
    for layer in [*scaled()[1:], *convolutions(library)]:
        x = layer(x)
    x = keras.ops.reshape(x, (-1, 45))
    x = keras.ops.relu(library.Dense(6, name="hidden")(x))
    logits = library.Dense(3, name="answer")(x)
    return keras.Model(inputs, library.Softmax(name="probabilities")(logits), name="functional")


def nested_model(**options):
    inner = keras.Sequential([keras.Input(SHAPE), *convolutions()], name="trunk")
    outer = keras.Sequential([keras.Input(SHAPE), inner], name="backbone")
    return keras.Sequential([*scaled(), outer, *head(**options)], name="nested")


class Subclassed(keras.Model):
    """The same network, whose ReLUs and softmax are functions in `call`."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.convolutions = [
            keras.layers.Conv2D(4, 3, padding="same", name="first"),
            keras.layers.Conv2D(5, 3, name="second"),
        ]
        self.hidden = keras.layers.Dense(6, name="hidden")
        self.answer = keras.layers.Dense(3, name="answer")

    def call(self, inputs):
        x = keras.ops.cast(inputs, self.compute_dtype) / 255
        for convolution in self.convolutions:
            x = keras.activations.relu(convolution(x))
        x = keras.ops.max_pool(x, 2)
        x = keras.ops.relu(self.hidden(keras.ops.reshape(x, (-1, 45))))
        return keras.ops.softmax(self.answer(x))


class SharedBlock(keras.layers.Layer):
    """A layer that calls the same convolution twice."""

    def __init__(self, **options):
        super().__init__(**options)
        self.shared = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")

    def call(self, inputs):
        return self.shared(self.shared(inputs))


def shared_model():
    layers = [*scaled(), SharedBlock(name="block"), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(3, name="answer")], name="with_shared")


def mixed_model():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return flat_model(dtype="float32")
    finally:
        keras.config.set_dtype_policy(before)


MAKERS = {
    "flat": flat_model,
    "functional": functional_model,
    "handwritten": lambda: functional_model(zoo.layers),
    "nested": nested_model,
    "subclassed": Subclassed,
    "shared": shared_model,
    "mixed": mixed_model,
    "logits": lambda: flat_model(activation=None),
    "sigmoid": lambda: flat_model(classes=1, activation="sigmoid"),
}
"""Kind → maker. All have the weights of the same network, except `shared` and `sigmoid`."""


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE)).astype("uint8")


@pytest.fixture(scope="session")
def models(images):
    """Kind → model. The models are shared by all tests, which must not change them."""
    keras.utils.set_random_seed(3)
    made = {kind: maker() for kind, maker in MAKERS.items()}
    made["subclassed"](images)
    weights = [weight + 0.1 * (weight.ndim == 1) for weight in made["flat"].get_weights()]
    for kind, model in made.items():
        model.set_weights(weights if kind not in ("shared", "sigmoid") else model.get_weights())
    return made


@pytest.fixture(scope="session")
def standardizing():
    """Makes a model that divides each image by its standard deviation, or by a floor above 0."""

    def make(floor=0.0):
        inputs = keras.Input((4, 4, 1))
        centred = inputs - keras.ops.mean(inputs, axis=(1, 2, 3), keepdims=True)
        deviation = keras.ops.sqrt(keras.ops.mean(centred**2, axis=(1, 2, 3), keepdims=True))
        x = centred / keras.ops.maximum(deviation, floor)
        x = keras.layers.Flatten()(x)
        logits = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(0))(x)
        return keras.Model(inputs, keras.layers.Softmax()(logits), name="standardizing")

    return make
