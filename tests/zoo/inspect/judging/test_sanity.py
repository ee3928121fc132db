import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

import zoo
from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.inspect import SanityCheck, explain, sanity_check
from zoo.inspect.explaining import network
from zoo.inspect.judging.sanity import structural_similarity
from zoo.inspect.networks.randomizing import RandomizedModel
from zoo.plots import figure_pixels


@pytest.fixture(scope="module")
def trained():
    """A tiny convolutional network that has learned a few digits."""
    data = zoo.datasets.load("digits")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="first"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="second"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax", name="answer"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(data.train.images, data.train.labels, batch_size=64, epochs=6, verbose=0)
    return model, data.test.images[:24]


def test_gradients_and_grad_cam_pass_and_guided_backpropagation_fails(trained):
    model, images = trained
    checks = {
        method: sanity_check(model, images, method=method, verbose=0)
        for method in ("gradient", "grad_cam", "guided_backpropagation")
    }
    assert checks["gradient"].passes
    assert checks["grad_cam"].passes
    assert not checks["guided_backpropagation"].passes
    assert "sanity check failed: rank correlation" in checks["guided_backpropagation"].caption
    caption = explain(model, images, method="guided_backpropagation").caption
    assert "sanity check failed: rank correlation" in caption
    assert "sanity check passed" in explain(model, images, method="gradient").caption


def test_layers_become_random_one_after_another_or_alone(models, images):
    cascade = sanity_check(models["flat"], images, 0, "gradient", draws=1)
    assert cascade.layers == ("answer", "hidden", "second", "first")
    assert cascade.correlations.shape == cascade.ssim.shape == (4, 5)
    alone = sanity_check(models["flat"], images, 0, "gradient", draws=1, order="independent")
    assert np.array_equal(alone.correlations[0], cascade.correlations[0])
    assert not np.allclose(alone.correlations[-1], cascade.correlations[-1])
    with pytest.raises(ArgumentError, match='order must be "cascading" for a verdict'):
        _ = alone.passes


def test_the_correlations_are_those_of_the_same_network_with_other_weights(models, images):
    model = keras.models.clone_model(models["flat"])
    model.set_weights(models["flat"].get_weights())
    check = sanity_check(model, images, 0, "gradient", draws=1, seed=4)
    trained = explain(model, images, 0, "gradient").maps
    copy = RandomizedModel(model, (8, 8, 3))
    copy.randomize(range(4), seed=4)
    pairs = zip(copy.learned, copy._copies, strict=True)
    for layer, copies in pairs:
        for weight, value in zip(layer.weights, copies, strict=True):
            weight.assign(value)
    other = explain(model, images, 0, "gradient").maps
    for image in range(5):
        first, second = (np.abs(maps[image]).ravel() for maps in (trained, other))
        measured = check.absolute_correlations[-1, image]
        assert np.isclose(measured, spearmanr(first, second)[0], atol=1e-4)
        signed = spearmanr(trained[image].ravel(), other[image].ravel())[0]
        assert np.isclose(check.correlations[-1, image], signed, atol=1e-4)


def test_the_trained_network_is_traced_once(models, images, monkeypatch):
    runs = []
    original = network.forward
    monkeypatch.setattr(
        network, "forward", lambda *args, **kw: runs.append(1) or original(*args, **kw)
    )
    sanity_check(models["flat"], images, 0, "gradient", draws=1, verbose=0)
    assert len(runs) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_check_leaves_the_weights_as_they_were(models, images, monkeypatch, error):
    def interrupt(*arguments):
        raise error

    monkeypatch.setattr("zoo.inspect.judging.sanity._similarities", interrupt)
    before = [weight.copy() for weight in models["nested"].get_weights()]
    with pytest.raises(error):
        sanity_check(models["nested"], images, 0, "gradient")
    assert all(map(np.array_equal, before, models["nested"].get_weights()))


def test_a_committee_is_checked_step_by_step_in_all_members(models, images):
    small = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()], name="small")
    small.add(keras.layers.Dense(3, activation="softmax", name="only"))
    committee = Committee([models["functional"], small], voting="soft")
    check = sanity_check(committee, images, method="gradient", draws=1)
    assert check.layers == ("answer, only", "hidden", "second", "first")
    assert np.isfinite(check.correlations).all()
    explanation = explain(committee, images, method="gradient")
    assert explanation.with_sanity().sanity.images == 5


def test_a_slow_method_is_checked_when_it_is_asked_for(models, images):
    explanation = explain(models["flat"], images, 0, "occlusion", patch=4)
    assert explanation.caption.endswith("sanity check: not checked")
    assert "rank correlation" in explanation.with_sanity().caption


def test_the_check_of_several_classes_averages_over_them(models, images):
    explanation = explain(models["flat"], images, "all", "gradient").with_sanity()
    assert explanation.sanity.images == 5
    with pytest.raises(ArgumentError, match="labels must name a single class"):
        sanity_check(models["flat"], images, "all", "gradient")


def test_the_verdict_needs_the_whole_interval():
    wide = np.array([[0.1, 0.9, 0.1, 0.8, 0.2]])
    assert not SanityCheck(wide, wide, wide, ("a",), "cascading", "rise", 1).passes
    assert SanityCheck(wide / 3, wide, wide, ("a",), "cascading", "rise", 1).passes
    none = np.full((1, 2), np.nan)
    empty = SanityCheck(none, none, none, ("a",), "cascading", "rise", 1)
    assert not empty.passes
    assert "not possible" in empty.caption


def test_structural_similarity_is_1_for_equal_maps_and_near_0_for_noise():
    first, second = np.random.default_rng(0).random((2, 3, 16, 16)).astype("float32")
    assert np.allclose(structural_similarity(first, first), 1)
    assert np.abs(structural_similarity(first, second)).max() < 0.3
    assert np.isfinite(structural_similarity(0 * first, second)).all()


@pytest.mark.parametrize("order", ["cascading", "independent"])
def test_a_check_is_drawn(order):
    values = np.array([[0.9, 0.8], [np.nan, np.nan], [0.2, 0.1]])
    layers = ("a$_1$", "b", "c")
    check = SanityCheck(values, values, values, layers, order, "gradient", 2, ("b",))
    axes = check.plot()
    figure_pixels(axes.figure)
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names[-3:] == list(layers)
    assert check.plot(axes) is axes
