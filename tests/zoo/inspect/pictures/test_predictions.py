import keras
import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.ensembles import Committee
from zoo.errors import ArgumentError, DataError
from zoo.inspect.pictures.predictions import as_probabilities, labelled_split, predict_split


@pytest.fixture(scope="module")
def split(images):
    return as_split(images, [0, 1, 0, 1, 0], class_names=("a", "b"))


def test_models_of_every_kind_give_the_same_probabilities(models, split):
    expected = np.asarray(models["flat"](split.images.astype("float32")), "float64")
    for kind, model in models.items():
        if kind in ("sigmoid", "shared"):
            continue
        found = predict_split(model, split, 2)
        tolerance = 0.02 if kind == "mixed" else 1e-5
        np.testing.assert_allclose(found.probabilities, expected, atol=tolerance, err_msg=kind)
        np.testing.assert_allclose(found.confidences, expected.max(axis=1), atol=tolerance)
        assert found.class_names(split) == ("a", "b", "2")


def test_a_sigmoid_answers_between_two_classes(models, split):
    ones = np.asarray(models["sigmoid"](split.images.astype("float32")))[:, 0]
    found = predict_split(models["sigmoid"], split, 8)
    np.testing.assert_allclose(found.probabilities, np.stack([1 - ones, ones], 1), atol=1e-6)
    np.testing.assert_array_equal(found.answers, ones > 0.5)


def test_a_mean_of_sigmoids_is_a_probability_and_a_sum_of_logits_is_not():
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 1)).astype("uint8")
    split = as_split(images, np.arange(9) % 2)
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    for activation, merge in (("sigmoid", keras.layers.Average), (None, keras.layers.Add)):
        parts = [keras.layers.Dense(1, activation)(x) for _ in range(2)]
        model = keras.Model(inputs, merge()(parts))
        ones = np.asarray(model(images.astype("float32")), "float64")[:, 0]
        if activation is None:
            ones = 1 / (1 + np.exp(-ones))
        found = predict_split(model, split, 4)
        np.testing.assert_allclose(found.probabilities[:, 1], ones, atol=1e-6)


def test_logits_and_logarithms_become_probabilities():
    logits = np.array([[1.0, 3.0, -2.0]])
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(as_probabilities(logits, None), shares)
    np.testing.assert_allclose(as_probabilities(np.log(shares), "log_softmax"), shares)
    np.testing.assert_allclose(as_probabilities(shares, None), shares)
    np.testing.assert_allclose(as_probabilities(np.array([[0.0]]), None), [[0.5, 0.5]])


def test_a_committee_answers_by_its_vote_with_the_confidence_of_its_members(models, split):
    members = [models["flat"], models["functional"]]
    three = as_split(split.images, split.labels, class_names=("a", "b", "c"))
    committee = Committee(members, voting="majority", weights=(3, 1), class_names="abc")
    found = predict_split(committee, labelled_split(committee, three), 2)
    assert found.members.shape == (2, 5, 3)
    mean = found.members[0] * 0.75 + found.members[1] * 0.25
    np.testing.assert_allclose(found.probabilities, mean, atol=1e-6)
    np.testing.assert_array_equal(found.answers, committee.predict(three).argmax(axis=1))


def test_what_cannot_be_asked_is_named(models, images):
    with pytest.raises(ArgumentError, match=r"must be a built keras\.Model"):
        labelled_split(keras.Sequential([keras.layers.Dense(2)]), images, [0, 1, 0, 1, 0])
    four = as_split(images, [0, 1, 2, 3, 0])
    with pytest.raises(DataError, match=r"3 classes that the model knows\. Received: 4"):
        predict_split(models["flat"], four, 8)
