import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.errors import ArgumentError
from zoo.inspect.networks.recording import record
from zoo.inspect.networks.running import forward, layer_calls


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


SAME = ("flat", "functional", "handwritten", "nested", "subclassed", "logits")
"""Kinds of models that are the same network."""


@pytest.fixture(scope="module")
def expected(models, images):
    """Logits and features of the same network, computed by a model that shares the layers."""
    model = models["logits"]
    features = keras.Model(model.inputs, model.get_layer("second").output)
    return model.predict(images, verbose=0), features.predict(images, verbose=0)


@pytest.mark.parametrize("kind", [*SAME, "mixed"])
def test_logits_and_outputs_of_layers_are_those_of_the_network(models, images, expected, kind):
    logits, outputs = record(models[kind], images, ["second"], batch_size=2)
    assert np.allclose(logits, expected[0], atol=1e-5)
    assert np.allclose(outputs["second"], expected[1], atol=1e-5)
    if kind != "logits":
        probabilities = models[kind].predict(images, verbose=0)
        assert np.allclose(softmax(logits), probabilities, atol=0.02 if kind == "mixed" else 1e-6)


def test_a_single_unit_is_the_log_odds_of_two_classes(models, images):
    logits = record(models["sigmoid"], images).logits
    assert np.allclose(softmax(logits / 2)[:, 1:], models["sigmoid"].predict(images, verbose=0))
    assert np.array_equal(logits[:, 0], -logits[:, 1])


def test_a_layer_of_a_nested_model_is_named_by_its_path(models, images):
    named = record(models["nested"], images, ["backbone/trunk/second", "trunk/first"]).outputs
    assert named["backbone/trunk/second"].shape == (5, 6, 6, 5)
    assert named["trunk/first"].shape == (5, 8, 8, 4)


def test_each_call_of_a_shared_layer_is_recorded(models, images):
    model = models["shared"]
    outputs = record(model, images, ["shared:0", "shared:1", "block/shared"]).outputs
    assert np.array_equal(outputs["shared:1"], outputs["block/shared"])
    assert not np.array_equal(outputs["shared:0"], outputs["shared:1"])
    with pytest.raises(ArgumentError, match="must be below 2, as often as with_shared calls"):
        record(model, images, ["shared:2"])


def test_the_calls_of_layers_are_listed_with_their_shapes(models):
    calls = layer_calls(models["nested"], (8, 8, 3))
    assert [call.name for call in calls][1:4] == [
        f"backbone/trunk/{name}" for name in ("first", "second", "rectified")
    ]
    assert calls[2].shape == (None, 6, 6, 5)
    names = [call.name for call in layer_calls(models["shared"], (8, 8, 3))]
    assert names[1:4] == ["block/shared:0", "block/shared:1", "block"]


ENDS = {
    "layer": lambda: [keras.layers.Dense(3), keras.layers.Softmax()],
    "layer of Zoo": lambda: [zoo.layers.Dense(3), zoo.layers.Softmax()],
    "activation": lambda: [keras.layers.Dense(3, activation="softmax")],
    "activation in Zoo": lambda: [zoo.layers.Dense(3, activation="softmax")],
    "activation layer": lambda: [keras.layers.Dense(3), keras.layers.Activation("softmax")],
    "cast behind it": lambda: [
        keras.layers.Dense(3, activation="softmax"),
        keras.layers.Activation("linear", dtype="float64"),
    ],
    "log-softmax": lambda: [keras.layers.Dense(3, activation="log_softmax")],
    "sigmoid": lambda: [keras.layers.Dense(3, activation="sigmoid")],
    "none": lambda: [keras.layers.Dense(3)],
}


@pytest.mark.parametrize("end", ENDS)
def test_the_activation_at_the_end_is_left_out(end):
    model = keras.Sequential([keras.Input((4,)), *ENDS[end]()])
    images = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")

    @tf.function(autograph=False)
    def run(x):
        result = forward(model, x)
        endings.append(result.ending)
        return result.logits

    endings = []
    kernel, bias = model.get_weights()
    assert np.allclose(run(images), images @ kernel + bias, atol=1e-6)
    assert endings[0] == {"none": "linear", "sigmoid": "sigmoid", "log-softmax": "log_softmax"}.get(
        end, "softmax"
    )


def test_features_in_a_loop_of_their_own_are_out_of_reach():
    class Looping(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(2, name="inner")

        def call(self, x):
            return tf.map_fn(lambda row: self.inner(row[None])[0], x, fn_output_signature="float32")

    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), Looping()])
    with pytest.raises(ArgumentError, match="runs inside a loop or a tf"):
        record(model, np.zeros((1, 2, 2, 1), "uint8"), ["inner"])


def test_a_layer_that_is_not_called_is_refused():
    class Idle(keras.Model):
        def __init__(self):
            super().__init__(name="lazy")
            self.idle = keras.layers.ReLU(name="idle")
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(keras.ops.reshape(x, (-1, 4)))

    with pytest.raises(ArgumentError, match="Received: 'idle', which is not called"):
        record(Idle(), np.zeros((1, 2, 2, 1), "uint8"), ["idle"])


def test_forward_is_for_graphs_only(models, images):
    with pytest.raises(RuntimeError, match=r"inside a tf\.function"):
        forward(models["flat"], images)
