import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from zoo.datasets import as_split
from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.inspect import neighbours
from zoo.inspect.networks.recording import record
from zoo.inspect.pictures.neighbours import feature_layer


@pytest.fixture(scope="module")
def data():
    images = np.random.default_rng(2).integers(0, 256, (23, 8, 8, 3)).astype("uint8")
    return as_split(images, np.arange(23) % 3, class_names=("cat", "dog", "owl"))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_those_of_all_distances(models, images, data, metric):
    found = neighbours(models["flat"], images, data, k=4, metric=metric, batch_size=5)
    features = [record(models["flat"], x, ["hidden"]).outputs["hidden"] for x in (images, data)]
    distances = pairwise_distances(*features, metric=metric)
    expected = np.sort(distances, axis=1)[:, :4]
    np.testing.assert_allclose(found.distances, expected, rtol=1e-3, atol=1e-5)
    reached = np.take_along_axis(distances, found.indices, axis=1)
    np.testing.assert_allclose(reached, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found.labels, data.labels[found.indices])
    assert found.layer == "hidden"


def test_an_image_of_the_data_is_its_own_nearest_image(models, data):
    found = neighbours(models["nested"], data.take([7, 2]), data, k=1, layer="second")
    assert found.indices[:, 0].tolist() == [7, 2]
    assert found.layer == "backbone/trunk/second"


def test_the_features_stand_before_the_classifier_in_models_of_every_kind(models, data):
    layers = {kind: feature_layer(model, data) for kind, model in models.items()}
    assert layers.pop("shared").startswith("global_average_pooling")
    # Where ReLU is a function, it is not a layer.
    assert set(layers.values()) == {"hidden"}


def test_the_picture_has_a_row_for_each_image(models, images, data):
    (axes,) = neighbours(models["flat"], images, data, k=2).plot(most=3).axes
    assert len(axes.images) == 9
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == "image 0"
    assert texts[1].split("\n")[1] in ("cat", "dog", "owl")
    assert axes.get_title() == "the nearest images in layer hidden, by cosine distance"


def test_what_cannot_be_searched_is_named(models, images, data):
    with pytest.raises(ArgumentError, match="metric must be 'cosine' or 'euclidean'"):
        neighbours(models["flat"], images, data, metric="l1")
    with pytest.raises(ArgumentError, match="k must be a whole number of 23 or less"):
        neighbours(models["flat"], images, data, k=24)
    committee = Committee([models["flat"], models["functional"]])
    with pytest.raises(ArgumentError, match=r"Pass a member, committee\.members\[0\]"):
        neighbours(committee, images, data)
