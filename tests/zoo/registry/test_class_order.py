"""The last layer of trained weights follows the names of the classes, never their places."""

import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.registry.class_order import (
    check_classes_agree,
    order_classes,
    take_classes,
    tell_other_classes,
)

SMALL = {
    "bn_mlp": {"hidden": (6,)},
    "lenet": {},
    "mini_xception": {"width": 2},  # The classes have maps, and a mean behind the last layer.
    "rep_vgg": {"width": 2},
    "softmax": {},
    "wide_resnet": {"width": 1},
}
KNOWN, OTHER = ("cat", "dog", "eel"), ("eel", "cat", "dog")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), "uint8")


def answers(model, images):
    return np.asarray(model(images, training=False)).astype("float64")


def model_of(name="lenet", **arguments):
    """A model that knows three classes, and gives each class another bias."""
    arguments = {**SMALL[name], **arguments}
    model = zoo.build(name, input_shape=(28, 28, 1), num_classes=3, seed=0, **arguments)
    model.zoo_class_names = KNOWN
    bias = model.get_layer("class_maps" if name == "mini_xception" else "logits").bias
    bias.assign([0.0, 0.5, -0.5])
    return model


@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
@pytest.mark.parametrize("name", SMALL)
def test_each_class_keeps_its_own_weights(images, caplog, name, gradients):
    model = model_of(name, gradients=gradients)
    before = answers(model, images)
    order_classes("mine", model, OTHER)
    np.testing.assert_allclose(answers(model, images), before[:, [2, 0, 1]], atol=1e-6)
    assert abs(before[:, [2, 0, 1]] - before).min() > 1e-4
    assert model.zoo_class_names == OTHER
    assert [record.message for record in caplog.records] == [
        "mine takes the classes of its weights in the order of the data: eel, cat, dog. Each class "
        "keeps its weights in the last layer."
    ]
    order_classes("mine", model, OTHER)  # nothing is left to do
    np.testing.assert_allclose(answers(model, images), before[:, [2, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "mixed_bfloat16", "float64"])
def test_each_class_keeps_its_weights_in_other_precisions(images, precision):
    model = model_of(precision=precision)
    kernel = np.asarray(model.get_layer("logits").kernel).astype("float64")
    dtypes = [variable.dtype for variable in model.variables]
    take_classes([model], OTHER)
    after = np.asarray(model.get_layer("logits").kernel).astype("float64")
    assert np.array_equal(after, kernel[:, [2, 0, 1]])
    assert [variable.dtype for variable in model.variables] == dtypes


def test_logits_are_ordered_too(images):
    model = model_of(classifier_activation=None)
    before = answers(model, images)
    take_classes([model], OTHER)
    np.testing.assert_allclose(answers(model, images), before[:, [2, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("names", [("cat", "dog", "fox"), ("0", "1", "2"), KNOWN])
def test_a_last_layer_for_other_names_or_the_same_order_stays(images, caplog, names):
    model = model_of()
    before = answers(model, images)
    order_classes("mine", model, names)
    assert model.zoo_class_names == KNOWN
    take_classes([model], names)
    assert np.array_equal(answers(model, images), before)
    assert not caplog.records


def test_a_model_that_does_not_know_its_classes_stays(images):
    model = model_of()
    del model.zoo_class_names
    before = answers(model, images)
    order_classes("mine", model, OTHER)
    assert np.array_equal(answers(model, images), before)


def test_what_keras_has_trained_since_stays_and_is_told(images, caplog):
    model = model_of()
    model.compile("sgd", "sparse_categorical_crossentropy")
    order_classes("mine", model, OTHER)
    assert model.zoo_class_names == OTHER  # compiled, but not trained
    model.fit(images, np.array([0, 1, 2, 0, 1]), verbose=0)
    before = answers(model, images)
    order_classes("mine", model, KNOWN)
    assert np.array_equal(answers(model, images), before)
    caplog.clear()
    tell_other_classes("mine", model, KNOWN)
    assert "mine keeps the last layer of its weights" in caplog.text


@pytest.mark.parametrize(
    ("classes", "names", "agree"),
    [
        ((("cat", "dog"), ("dog", "cat")), None, False),
        ((("cat", "dog"), ("cat", "fish")), None, False),
        ((("cat", "dog"), ("Katze", "Hund")), ("chat", "chien"), True),
        ((("cat", "dog", "fish"), ("dog", "cat", "bird")), ("x", "y", "z"), False),
        ((("cat", "dog"),), ("dog", "cat"), False),
        ((("cat", "dog"), ("0", "1")), None, True),  # numbers, where the data had no names
        ((("1", "0"), ("0", "1")), None, False),
    ],
)
def test_classes_agree_class_by_class(classes, names, agree):
    models = [zoo.build("softmax", num_classes=len(known), seed=0) for known in classes]
    for model, known in zip(models, classes, strict=True):
        model.zoo_class_names = known
    members = [f"m{number}" for number in range(len(models))]
    if agree:
        check_classes_agree(members, models, names)
    else:
        with pytest.raises(ArgumentError, match="the same classes, in the same order"):
            check_classes_agree(members, models, names)
