"""Names of the command line stand for small targets."""

import keras
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.gradients import catalogue

L = keras.layers


@pytest.mark.parametrize(
    "name", ["softmax", "cnn", "Dense", "Conv2D", "LSTM", "Add", "SoftmaxCrossEntropy", "Huber"]
)
def test_a_name_of_the_command_line_has_a_place_to_be_checked_at(name):
    target, point = catalogue.target(name, "handwritten", seed=0)
    if isinstance(target, keras.Model):
        assert target.output_shape == (None, 3)
        assert target.input_shape[1] == 8
    else:
        assert zoo.gradcheck(target, **point, mode="fast", twin=False, second_order=False).ok


def test_a_layer_that_needs_more_is_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"given target_shape.*zoo.gradcheck\(Reshape"):
        catalogue.target("Reshape", "auto", seed=0)


def test_the_command_lines_shape_and_arguments_replace_the_tables():
    layer, point = catalogue.target("GroupNormalization", "auto", 0, [(3, 4)], {"groups": 2})
    assert (layer.groups, point) == (2, {"input_shape": [(3, 4)]})
    model, point = catalogue.target("softmax", "handwritten", 0, [(5, 6, 1)], {"num_classes": 4})
    assert (model.input_shape, model.output_shape, point) == ((None, 5, 6, 1), (None, 4), {})
    assert type(model.layers[-1]).__module__.startswith("zoo.layers")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Dense", {"units": "many"}, r"must fit Dense.*units='many' \(Received an invalid value"),
        ("Discretization", {}, r"must fit Discretization.*no argument \(You need to set either"),
        ("Dense", {"colour": 1}, "must fit Dense.*colour=1"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_a_line(name, arguments, words):
    with pytest.raises(ArgumentError, match=words) as error:
        catalogue.target(name, "auto", 0, (), arguments)
    assert "\n" not in str(error.value)
