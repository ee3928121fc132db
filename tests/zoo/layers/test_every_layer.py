"""Every layer of `zoo.layers`, tried with its registered example."""

import keras
import numpy as np
import pytest

import zoo
import zoo.layers
from zoo.layers.registration import EXAMPLES

every_layer = pytest.mark.parametrize("name", sorted(EXAMPLES))


def layer_and_shape(name, **options):
    example = EXAMPLES[name]
    return getattr(zoo.layers, name)(**example.arguments, **options), example.input_shape


def of_each_input(function, shape):
    """Apply a function to the shape of a batch of 3, or to each of the shapes of several inputs."""
    if isinstance(shape[0], tuple):
        return [function((3, *part)) for part in shape]
    return function((3, *shape))


@every_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float32", "float64"])
def test_the_announced_dtype_and_shape_are_right(name, policy):
    layer, shape = layer_and_shape(name, dtype=policy)
    symbol = of_each_input(keras.KerasTensor, shape)
    announced = layer.compute_output_spec(symbol) if layer.built else layer(symbol)
    again = layer.compute_output_spec(symbol)
    y = layer(of_each_input(lambda sides: np.ones(sides, "float32"), shape))
    assert announced.dtype == again.dtype == layer.compute_dtype == y.dtype.name
    expected = layer.compute_output_shape(of_each_input(tuple, shape))
    assert announced.shape == again.shape == expected == y.shape


@every_layer
def test_keras_finds_a_layer_by_its_registered_name(name):
    layer, _ = layer_and_shape(name)
    assert keras.saving.get_registered_name(type(layer)) == f"zoo>{name}"
    assert keras.saving.get_registered_object(f"zoo>{name}") is type(layer)
    saved = keras.saving.serialize_keras_object(layer)
    assert type(keras.saving.deserialize_keras_object(saved)) is type(layer)


@every_layer
def test_the_checker_finds_no_fault(name):
    # In every precision, eagerly, in a graph and through XLA, against the twin of Keras.
    layer, shape = layer_and_shape(name)
    report = zoo.gradcheck(layer, shape, second_order=True)
    assert report.ok, str(report)
    names = {check.name for check in report.tensors}
    assert {"input", "input 0"} & names
    assert {check.name for check in report.second_order} == names
    assert report.agreement
