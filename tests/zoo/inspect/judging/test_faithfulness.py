import keras
import numpy as np
import pytest

from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.inspect import explain, faithfulness
from zoo.inspect.judging.faithfulness import edges
from zoo.plots import figure_pixels


@pytest.fixture(scope="module")
def linear():
    """A linear model of two classes, whose score is the sum of weight × pixel."""
    kernel = np.random.default_rng(0).normal(size=(16, 1)).astype("float32") / 255
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights([kernel, np.array([0.3], "float32")])
    images = np.random.default_rng(1).integers(1, 256, (6, 4, 4, 1)).astype("uint8")
    return model, images, kernel[:, 0]


def test_the_curves_of_a_linear_model_are_known(linear):
    model, images, kernel = linear
    found = faithfulness(
        model, images, "gradient_times_input", labels=1, steps=16, deletion="black",
        insertion="black", verbose=0,
    )  # fmt: skip
    parts = np.sort(images.reshape(6, 16) * kernel, axis=1)[:, ::-1]
    put_back = 0.3 + np.concatenate([np.zeros((6, 1)), parts.cumsum(axis=1)], axis=1)
    left = 0.3 + parts.sum(axis=1, keepdims=True) - (put_back - 0.3)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    assert np.allclose(found.deletion[0], sigmoid(left), atol=1e-5)
    assert np.allclose(found.insertion[0], sigmoid(put_back), atol=1e-5)
    middle = (sigmoid(left)[:, 1:] + sigmoid(left)[:, :-1]) / 2
    assert np.allclose(found.areas("deletion")[0], middle.mean(axis=1), atol=1e-5)
    # No order of the pixels is better for a linear model, in any image.
    assert (found.deletion[0] <= found.deletion[1:] + 1e-6).all()
    assert (found.insertion[0] >= found.insertion[1:] - 1e-6).all()
    for curve in ("deletion", "insertion"):
        for over in ("random", "edges"):
            assert found.advantage(curve, over).low > 0
    assert found.fractions.tolist() == [k / 16 for k in range(17)]


def test_all_orders_begin_and_end_at_the_same_images(models, images):
    model = models["flat"]
    found = faithfulness(model, images, "gradient", steps=5, verbose=0)
    answers = model.predict(images, verbose=0)
    own = answers[np.arange(5), found.labels]
    assert np.array_equal(found.labels, answers.argmax(axis=1))
    assert np.allclose(found.deletion[:, :, 0], own, atol=1e-5)
    assert np.allclose(found.insertion[:, :, -1], own, atol=1e-5)
    assert np.allclose(found.deletion[:, :, -1], found.deletion[:1, :, -1])
    empty = model.predict(np.zeros_like(images), verbose=0)
    assert np.allclose(found.deletion[0, :, -1], empty[np.arange(5), found.labels], atol=1e-5)


def test_pixels_become_what_the_method_compares_them_with(linear):
    model, images, _ = linear
    for method, options, deletion, insertion in (
        ("gradient", {}, "black", "black"),
        ("integrated_gradients", {"baseline": 40}, "the grey level 40", "the grey level 40"),
        ("occlusion", {}, "the mean colour", "the mean colour"),
    ):
        found = faithfulness(model, images, method, labels=1, steps=2, verbose=0, **options)
        assert (found.deleted_to, found.inserted_into) == (deletion, insertion)
    asked = faithfulness(model, images, "gradient", deletion="blur", insertion=9, verbose=0)
    assert (asked.deleted_to, asked.inserted_into) == ("blurred pixels", "the grey level 9")


def test_a_map_that_is_judged_by_other_pixels_can_be_worse_than_a_random_order(linear):
    """The pixels with large weights are dark: the mean makes them lighter, and the score rises."""
    model = keras.models.clone_model(linear[0])
    kernel = np.repeat([1.0, 0.1], 8).astype("float32") / 255
    model.set_weights([kernel[:, None], np.zeros(1, "float32")])
    images = np.repeat([40, 200], 8).reshape(1, 4, 4, 1).astype("uint8")
    for deletion, is_better in ((None, True), ("mean", False)):
        found = faithfulness(
            model, images, "gradient_times_input", labels=1, deletion=deletion, verbose=0
        )
        areas = found.areas()
        assert (areas[0, 0] < areas[1, 0]) == is_better


def test_class_activation_compares_pixels_with_nothing(models, images):
    found = faithfulness(models["flat"], images, "grad_cam", steps=2, verbose=0)
    assert (found.deleted_to, found.inserted_into) == ("the mean colour", "blurred pixels")


def test_probabilities_that_are_no_numbers_are_refused(standardizing):
    model = standardizing()
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype("uint8")
    with pytest.raises(ArgumentError, match='Pass deletion="blur"'):
        faithfulness(model, images, "gradient", steps=2, verbose=0)
    asked = faithfulness(
        model, images, "gradient", steps=2, deletion="blur", insertion="blur", verbose=0
    )
    assert np.isfinite(asked.deletion).all()


def test_a_committee_is_judged_by_its_vote(models, images):
    committee = Committee([models["functional"], models["nested"]], voting="soft", weights=[1, 3])
    explanation = explain(committee, images, method="gradient")
    found = faithfulness(committee, method=explanation, steps=3, verbose=0)
    probabilities = committee.predict(images)[np.arange(5), explanation.labels]
    assert np.allclose(found.deletion[0, :, 0], probabilities, atol=1e-5)


def test_logits_are_turned_into_probabilities(models, images):
    first, second = (
        faithfulness(models[kind], images, "gradient", steps=3, verbose=0)
        for kind in ("flat", "logits")
    )
    assert np.allclose(first.deletion, second.deletion, atol=1e-4)


def test_probabilities_that_no_softmax_computes_stay_as_they_are(models, images):
    mixed = keras.layers.Lambda(lambda probabilities: probabilities / 2 + 1 / 6)
    model = keras.Sequential([models["flat"], mixed])
    model.build((None, 8, 8, 3))
    found = faithfulness(model, images, "gradient", of="probabilities", steps=3, verbose=0)
    assert np.allclose(found.deletion[0, :, 0], model.predict(images, verbose=0).max(1), atol=1e-5)


def test_edges_are_those_of_the_grey_image():
    images = np.zeros((1, 5, 6, 3), "float32")
    images[:, :, 3:] = 30
    assert (edges(images)[0, :, 2:4] > 0).all()
    assert not edges(images)[0, :, :2].any()
    assert not edges(images)[0, :, 4:].any()


def test_wrong_arguments_are_refused(models, images):
    model = models["flat"]
    with pytest.raises(ArgumentError, match="single class for each image"):
        faithfulness(model, images, "gradient", labels="all")
    explanation = explain(model, images, 0, "gradient")
    with pytest.raises(ArgumentError, match="images must be None with an explanation"):
        faithfulness(model, images, explanation)
    found = faithfulness(model, method=explanation, steps=2, verbose=0)
    with pytest.raises(ArgumentError, match='curve must be "deletion" or "insertion"'):
        found.areas("removal")
    with pytest.raises(ArgumentError, match="ranking must be one of"):
        found.area(ranking="sobel")


def test_curves_are_drawn(models, images):
    found = faithfulness(models["flat"], images, "grad_cam", steps=4, verbose=0)
    figure = found.plot()
    figure_pixels(figure)
    assert [axes.get_title() for axes in figure.axes] == [
        "deletion (lower is better)",
        "insertion (higher is better)",
    ]
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "pixels replaced by the mean colour [%]",
        "pixels put back in place of blurred pixels [%]",
    ]
    assert found.plot(figure.axes[0], curve="insertion") is figure.axes[0]
