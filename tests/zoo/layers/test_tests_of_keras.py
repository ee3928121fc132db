"""Keras's own tests of its layers, run with the layers of `zoo.layers` in their places."""

import importlib.util
import re
import unittest

import keras.src.layers
import pytest
from keras.src.layers.activations import relu, softmax

import zoo.layers
from zoo.layers.twins import keras_twin

MODULES = (
    *("activations.activation_test", "activations.relu_test", "activations.softmax_test"),
    *("convolutional.conv_test", "convolutional.depthwise_conv_test"),
    *("convolutional.separable_conv_test", "core.dense_test", "merging.merging_test"),
    *("normalization.batch_normalization_test", "pooling.average_pooling_test"),
    *("pooling.global_average_pooling_test", "pooling.max_pooling_test"),
    "regularization.dropout_test",
)
"""The modules of tests in `keras.src.layers`."""

LEFT_OUT = {
    "convolutions and pooling along one axis or three": r"conv[13]d|pooling[13]d",
    "what the docstring of Dense leaves to Keras": r"quantiz|int4|int8|float8|awq|gptq",
    "gradients of class tf.IndexedSlices, which are dense tensors here": r"test_dense_sparse$",
    "what BatchNormalization refuses": r"renorm|BatchNormalizationTest\.test_serialization$",
}
"""Why tests are left out, and a pattern for their names."""

pytestmark = pytest.mark.filterwarnings("default")  # Keras's tests have warnings


def replace_layers(patch):
    """Put the layers of Zoo in the places where Keras's tests look for Keras's layers."""
    for place in (keras.src.layers, relu, softmax):
        for name in zoo.layers.__all__:
            kind = getattr(zoo.layers, name)
            if isinstance(kind, type) and keras_twin(kind) and hasattr(place, name):
                patch.setattr(place, name, kind)


@pytest.fixture(autouse=True)
def _layers_of_zoo(monkeypatch):
    replace_layers(monkeypatch)


def executed(module):
    """Execute a module of tests anew, and give the copy."""
    origin = importlib.util.find_spec(f"keras.src.layers.{module}").origin
    spec = importlib.util.spec_from_file_location(f"{module}_of_zoo", origin)
    copy = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        replace_layers(patch)
        spec.loader.exec_module(copy)
    return copy


def cases_of(copy):
    """Give the test cases of a copy of a module by name, without the tests left out."""
    cases = {
        name: case
        for name, case in vars(copy).items()
        if isinstance(case, type) and issubclass(case, unittest.TestCase)
    }
    for name, case in cases.items():
        for test in dir(case):
            if re.search("|".join(LEFT_OUT.values()), f"{name}.{test}"):
                setattr(case, test, None)
    return cases


if importlib.util.find_spec(f"keras.src.layers.{MODULES[0]}") is None:
    pytest.skip("This version of Keras comes without its tests.", allow_module_level=True)
COPIES = [executed(module) for module in MODULES]
for _copy in COPIES:
    globals().update(cases_of(_copy))


def test_the_tests_look_at_the_layers_of_zoo():
    assert keras.src.layers.Multiply is zoo.layers.Multiply
    assert (relu.ReLU, softmax.Softmax) == (zoo.layers.ReLU, zoo.layers.Softmax)
    for copy in COPIES:
        looked_at = [vars(copy).get(name) for name in ("layers", "relu", "softmax")]
        assert any(place in looked_at for place in (keras.src.layers, relu, softmax))
        for case in cases_of(copy).values():
            assert any(name.startswith("test_") and getattr(case, name) for name in dir(case))
