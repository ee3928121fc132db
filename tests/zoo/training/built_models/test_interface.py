"""A model takes images of a shape, and gives one probability for each class."""

import keras
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.training.built_models.interface import check_model, image_interface

layers = keras.layers


def test_the_interface_of_a_model_of_any_size_has_no_sides():
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layers.Dense(4, "softmax")(layers.GlobalAveragePooling2D()(x)))
    assert image_interface("mine", model) == ((None, None, 3), 4)
    check_model("mine", model, (5, 7, 3), 4)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((4, 4), 2, r"images of \(height, width, channels\) = \(4, 4, 1\)"),
        ((4, 5, 1), 2, r"images of \(height, width, channels\) = \(4, 4, 1\)"),
        ((4, 4, 1), 3, r"images of 2 classes\. Received: 3 classes"),
    ],
)
def test_other_images_and_classes_are_refused(shape, classes, message):
    model = zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2)
    with pytest.raises(ArgumentError, match=message):
        check_model("net", model, shape, classes)


def test_a_model_without_a_fixed_input_shape_is_refused():
    with pytest.raises(ArgumentError, match=r"a fixed input shape\. Received: <Seq.*Wrap"):
        check_model("net", keras.Sequential([layers.Dense(3)]), (4, 4, 1), 2)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ([layers.Dense(2)], r"a sum of 0 for a black image, as of logits"),
        ([layers.Dense(2, "sigmoid")], r"of noise, as of logits or sigmoids"),
        ([layers.Dense(2, "softmax"), layers.Rescaling(-1.0, 1.0)], None),
        (
            [layers.Dense(2, "softmax"), layers.Rescaling(3.0, -1.0)],
            r"from 0 to 1\. Received: -",
        ),
    ],
)
def test_answers_that_are_no_probabilities_are_refused(last, message):
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), *last])
    if message is None:
        check_model("net", model, (4, 4, 1), 2)
        return
    with pytest.raises(ArgumentError, match=message):
        check_model("net", model, (4, 4, 1), 2)


def test_a_sigmoid_of_one_unit_becomes_two_probabilities_by_the_advice():
    x = keras.Input((4, 4, 1))
    model = keras.Model(x, layers.Dense(1, "sigmoid")(layers.Flatten()(x / 255)))
    with pytest.raises(ArgumentError, match=r"2 classes or more.*\(None, 1\)") as raised:
        image_interface("net", model)
    advice = str(raised.value).partition("class 0: ")[2].rstrip(".")
    check_model("net", eval(advice, {"keras": keras, "model": model}), (4, 4, 1), 2)


def test_a_model_that_raises_about_pixels_is_refused():
    class Raises(layers.Layer):
        def call(self, inputs):
            if hasattr(inputs, "numpy"):  # and not when the model is made
                raise RuntimeError("no such device")
            return inputs

    model = keras.Sequential([keras.Input((4, 4, 1)), Raises(), layers.Flatten()])
    with pytest.raises(ArgumentError, match=r"about pixels.*error: .*no such device"):
        check_model("net", model, (4, 4, 1), 16)
