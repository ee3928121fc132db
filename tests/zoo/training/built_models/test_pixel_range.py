"""A trained model that takes other values than pixels is named; no other model is."""

import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee
from zoo.training.built_models.pixel_range import _rescales, warning_of_range

layers = keras.layers
RANGES = {"0 to 1": (1 / 255, 0.0), "-1 to 1": (1 / 127.5, -1.0)}


@pytest.fixture(scope="module")
def digits():
    return zoo.datasets.load("digits")


def network(*first):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)), *first, layers.Conv2D(8, 3), layers.BatchNormalization(),
            layers.ReLU(), layers.Flatten(), layers.Dense(10, "softmax"),
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(digits):
    """Models that were trained with Keras on other values than pixels: range → model."""
    models = {}
    for values, (scale, offset) in RANGES.items():
        keras.utils.set_random_seed(0)
        models[values] = network(layers.BatchNormalization()) if offset else network()
        models[values].compile("adam", "sparse_categorical_crossentropy")
        images = digits.train.images * np.float32(scale) + offset
        models[values].fit(images, digits.train.labels, epochs=8, batch_size=32, verbose=0)
    return models


def behind(rescaling, model):
    return keras.Sequential([keras.Input((8, 8, 1)), rescaling, model])


@pytest.mark.parametrize("values", RANGES)
def test_a_model_of_other_values_is_named_with_the_way_out(values, trained, digits):
    warning = warning_of_range("mine", trained[values], digits.test)
    assert f"with values from {values}" in warning
    advice = warning.split("before it: ")[1].rstrip(".")
    mended = eval(advice, {"keras": keras, "model": trained[values]})
    assert warning_of_range("mine", mended, digits.test) == ""
    committee = Committee([mended])
    accuracy = (committee.votes(digits.test)[0] == digits.test.labels).mean()
    assert accuracy > 0.9


def test_a_report_and_a_training_say_so(trained, digits):
    committee = Committee([trained["0 to 1"]])
    with pytest.warns(UserWarning, match="must take pixels from 0 to 255"):
        committee.report(digits.test)
    model = keras.models.clone_model(trained["0 to 1"])
    model.set_weights(trained["0 to 1"].get_weights())
    committee = Committee([model])
    with pytest.warns(UserWarning, match="must take pixels from 0 to 255"):
        committee.fit(digits.train, epochs=1, verbose=0)
    committee.report(digits.test)  # Zoo has trained the model with pixels: no warning


def test_a_training_says_so_of_its_teacher_too(trained, digits):
    teacher = zoo.Teacher(trained["0 to 1"])
    with pytest.warns(UserWarning, match="The teacher's sequential.* must take pixels from 0 to"):
        Committee(["softmax"]).fit(digits.validation, teacher=teacher, epochs=1, verbose=0)


def test_a_model_behind_a_rescaling_is_not_named(trained, digits):
    model = behind(layers.Rescaling(1 / 255), trained["0 to 1"])
    assert warning_of_range("mine", model, digits.test) == ""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("first", [[], [layers.BatchNormalization], [layers.RandomFlip]])
def test_an_untrained_model_is_not_named(seed, first, digits):
    keras.utils.set_random_seed(seed)
    model = network(*(kind() for kind in first))
    for weight in model.weights:  # as of other initialisers
        if weight.path.endswith("bias"):
            weight.assign(np.random.default_rng(seed).normal(size=weight.shape) / 10)
    assert warning_of_range("mine", model, digits.train) == ""


@pytest.mark.parametrize("name", zoo.list_models())
def test_the_models_of_zoo_begin_with_a_rescaling(name):
    assert _rescales(zoo.build(name))
