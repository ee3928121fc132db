"""Arguments of a wrong type are refused at the door, in the words of this project."""

import numpy as np
import pytest

import zoo.inspect
from zoo.errors import ArgumentError
from zoo.inspect.explaining.explanation import Explanation

IMAGES = np.zeros((2, 28, 28, 1), "uint8")
LABELS = np.array([0, 1])
NO_MODELS = ["cnn.keras", None, 3, [], IMAGES]
NO_NAMES = [[], {}, None, 3, "other", np.array([1, 2])]

MODELS = {
    "activations": (IMAGES,),
    "dead_units": (IMAGES,),
    "explain": (IMAGES,),
    "faithfulness": (IMAGES,),
    "features": (IMAGES, "conv"),
    "landscape": ((IMAGES, LABELS),),
    "leaks": ((IMAGES, LABELS), None),
    "maximize": (),
    "mistakes": ((IMAGES, LABELS),),
    "neighbours": (IMAGES, IMAGES),
    "sanity_check": (IMAGES,),
    "weights": (),
}


@pytest.mark.parametrize("function", MODELS)
def test_what_is_no_model_is_refused(function):
    for value in NO_MODELS:
        with pytest.raises(ArgumentError, match=r"must be a (built )?keras\.Model"):
            getattr(zoo.inspect, function)(value, *MODELS[function])


CHOICES = {
    "method": ("explain", (IMAGES,), {}),
    "of": ("explain", (IMAGES,), {}),
    "order": ("sanity_check", (IMAGES,), {}),
    "metric": ("neighbours", (IMAGES, IMAGES), {}),
    "scale": ("weights", (), {}),
    "space": ("maximize", ("logits",), {}),
    "verbose": ("dead_units", (IMAGES,), {}),
    "batch_statistics": ("landscape", ((IMAGES, LABELS),), {"x": (-1, 1), "y": (-1, 1)}),
}


@pytest.fixture(scope="module")
def model():
    return zoo.build("softmax")


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_no_choice_is_refused(name, model):
    function, arguments, options = CHOICES[name]
    for value in NO_NAMES:
        if name == "batch_statistics" and value is None:
            continue
        with pytest.raises(ArgumentError, match=rf"^(The )?{name} must .*Received: "):
            getattr(zoo.inspect, function)(model, *arguments, **options, **{name: value})


def test_names_of_classes_and_units_are_lists(model):
    for value in (3, True, "cat", 1.5):
        with pytest.raises(ArgumentError, match=r"^class_names must be a list of names\."):
            zoo.inspect.explain(model, IMAGES, class_names=value, method="gradient")
        with pytest.raises(ArgumentError, match=r"^names must be 10 names, one for each unit\."):
            zoo.inspect.weights(model).plot(names=value)


def test_an_explanation_shows_images_and_classes_that_there_are():
    maps = np.zeros((2, 4, 4))
    explanation = Explanation(maps, "gradient", LABELS, IMAGES[:, :4, :4])
    assert explanation.label_name(-1) == "1"
    for value in ("0", None, 1.5, 2, -3, [0]):
        with pytest.raises(ArgumentError, match=r"^index must be a whole number"):
            explanation.label_name(value)
        with pytest.raises(ArgumentError, match=r"^column must be a whole number"):
            explanation.label_name(0, value)
    for value in ("2", None, 0, 1.5):
        with pytest.raises(ArgumentError, match=r"^most must be a whole number of 1 or more"):
            explanation.plot(most=value)
