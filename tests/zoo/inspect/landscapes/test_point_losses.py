"""Losses at many points are those of the models with these weights, and no model changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers
from zoo.datasets import Split
from zoo.errors import ArgumentError, DataError
from zoo.inspect.landscapes.outputs import labelled_images
from zoo.inspect.landscapes.planes import Plane, current_values, random_plane
from zoo.inspect.landscapes.point_losses import PointLosses

KINDS = (
    *("flat", "functional", "handwritten", "nested", "subclassed", "shared", "logits", "sigmoid"),
)
POINTS = np.array([[0.0, 0.0], [0.5, -0.3]])


def split_of(images, classes=3):
    labels = np.arange(len(images)) % classes
    return Split("data", images, labels, tuple("abc")[:classes])


def losses_of(model, split):
    """The cross-entropy of each image as Keras computes it, in float32."""
    outputs = model(split.images.astype("float32"), training=False)
    if outputs.shape[-1] == 1:
        labels = split.labels[:, None].astype("float32")
        return keras.losses.binary_crossentropy(labels, outputs).numpy()
    from_logits = abs(outputs.numpy().sum(-1) - 1).max() > 0.01
    entropy = keras.losses.sparse_categorical_crossentropy
    return entropy(split.labels, outputs, from_logits=from_logits).numpy()


def moved(plane, coordinates):
    """The values of a plane's variables at a point."""
    return [
        start
        + sum(c * direction[k] for c, direction in zip(coordinates, plane.directions, strict=True))
        for k, start in enumerate(plane.origin)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_those_of_the_model_with_the_weights_of_the_point(kind, models, images):
    model, split = models[kind], split_of(images, 2 if kind == "sigmoid" else 3)
    before = model.get_weights()
    plane = random_plane(model, seed=0)
    found = PointLosses(model, plane, split).of_images(POINTS)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert found.dtype == "float64"
    try:
        for coordinates, losses in zip(POINTS, found, strict=True):
            for variable, value in zip(plane.variables, moved(plane, coordinates), strict=True):
                variable.assign(value)
            expected = losses_of(model, split)
            np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-5)
    finally:
        model.set_weights(before)


def test_a_model_of_mixed_precision_has_the_losses_of_its_float32_twin(models, images):
    split = split_of(images)
    mixed, flat = (
        PointLosses(models[kind], random_plane(models[kind], 1), split).of_images(POINTS)
        for kind in ("mixed", "flat")
    )
    np.testing.assert_allclose(mixed, flat, rtol=1e-5)
    assert models["mixed"].get_layer("first").compute_dtype == "bfloat16"


def test_weights_in_half_precision_are_mixed_in_float32(images):
    model = keras.Sequential(
        [keras.Input(images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    half = keras.Sequential(
        [
            keras.Input(images.shape[1:], dtype="float32"),
            keras.layers.Flatten(dtype="bfloat16"),
            keras.layers.Dense(3, "softmax", dtype="bfloat16"),
        ]
    )
    half.set_weights([0.01 * weight for weight in model.get_weights()])
    model.set_weights([np.array(weight.value, "float32") for weight in half.weights])
    rough, exact = (
        PointLosses(m, random_plane(m, 0), split_of(images)).of_images(POINTS)
        for m in (half, model)
    )
    np.testing.assert_allclose(rough, exact, rtol=1e-4)


@pytest.fixture(params=[keras.layers, zoo.layers], ids=["keras", "zoo"])
def linear(request, images):
    """Softmax regression in float64."""
    library = request.param
    inputs = keras.Input(images.shape[1:], dtype="float64")
    x = library.Flatten(dtype="float64")(library.Rescaling(1 / 255, dtype="float64")(inputs))
    return keras.Model(inputs, library.Dense(3, activation="softmax", dtype="float64")(x))


def softmax_losses(logits, labels):
    shifted = logits - logits.max(-1, keepdims=True)
    return np.log(np.exp(shifted).sum(-1)) - shifted[np.arange(len(labels)), labels]


def test_softmax_regression_has_the_losses_of_the_formula(linear, images):
    split = split_of(images)
    plane = random_plane(linear, seed=2)
    x = images.reshape(len(images), -1) * np.float64(np.float32(1 / 255))  # as Keras rounds it
    bias = np.array(linear.weights[1].value)
    found = PointLosses(linear, plane, split, batch_size=2).of_images(POINTS)
    for coordinates, losses in zip(POINTS, found, strict=True):
        (kernel,) = moved(plane, coordinates)
        expected = softmax_losses(x @ kernel + bias, split.labels)
        np.testing.assert_allclose(losses, expected, atol=1e-12)


def test_far_losses_are_exact_where_probabilities_round_to_0(linear, images):
    kernel = linear.weights[0]
    direction = np.zeros(kernel.shape)
    direction[:, 0] = 1
    plane = Plane([kernel], current_values([kernel]), [[direction]])
    losses = PointLosses(linear, plane, split_of(images)).of_images(np.array([[100.0]]))
    assert losses[0, 1] > 1000


def normalized_model(library, dropout=0.5):
    layers = [
        *(library.Rescaling(1 / 255), library.Conv2D(3, 3), library.BatchNormalization()),
        *(library.ReLU(), library.Flatten(), library.Dropout(dropout), library.Dense(3)),
        library.BatchNormalization(),
    ]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


@pytest.mark.parametrize("library", [keras.layers, zoo.layers], ids=["keras", "zoo"])
def test_statistics_taken_anew_are_those_of_the_images(library, images):
    model = normalized_model(library)
    plane = random_plane(model, 0)
    before = model.get_weights()
    found = PointLosses(model, plane, split_of(images), anew=True).of_images(POINTS)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    # The same with Keras: a training pass without dropout, whose moving averages forget at once.
    twin = normalized_model(keras.layers, dropout=0.0)
    for layer in twin.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    for coordinates, losses in zip(POINTS, found, strict=True):
        twin.set_weights(before)
        variables = random_plane(twin, 0).variables
        for variable, value in zip(variables, moved(plane, coordinates), strict=True):
            variable.assign(value)
        twin(images.astype("float32"), training=True)
        expected = softmax_losses(
            twin(images.astype("float32")).numpy().astype("float64"), split_of(images).labels
        )
        np.testing.assert_allclose(losses, expected, atol=2e-5)


def test_statistics_of_several_batches_are_those_of_all_images(images):
    # With a single normalisation in front, the statistics of all images are known.
    model = keras.Sequential(
        [
            *(keras.Input((8, 8, 3)), keras.layers.BatchNormalization(), keras.layers.Flatten()),
            keras.layers.Dense(3),
        ]
    )
    whole, in_batches = (
        PointLosses(
            model, random_plane(model, 0), split_of(images), anew=True, batch_size=size
        ).of_images(POINTS)
        for size in (5, 2)
    )
    np.testing.assert_allclose(in_batches, whole, atol=1e-4)


def test_a_normalisation_that_is_called_twice_has_the_statistics_of_both_calls(images):
    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.BatchNormalization(epsilon=0.0)
    branches = [shared(inputs), shared(3 * inputs + 20)]
    dense = keras.layers.Dense(3)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(keras.layers.Add()(branches))))
    found = PointLosses(model, random_plane(model, 0), split_of(images), anew=True).of_images(
        POINTS[:1]
    )
    x = images.astype("float64")
    both = np.concatenate([x, 3 * x + 20])
    mean, deviation = both.mean((0, 1, 2)), both.std((0, 1, 2))
    added = (x - mean) / deviation + (3 * x + 20 - mean) / deviation
    logits = added.reshape(5, -1) @ np.array(dense.kernel) + np.array(dense.bias)
    np.testing.assert_allclose(found[0], softmax_losses(logits, split_of(images).labels), rtol=1e-4)


def test_a_frozen_normalisation_keeps_its_statistics(images):
    model = normalized_model(keras.layers)
    for layer in model.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    kept, anew = (
        PointLosses(model, random_plane(model, 0), split_of(images), anew=anew).of_images(POINTS)
        for anew in (False, True)
    )
    np.testing.assert_array_equal(kept, anew)


def test_penalties_are_added_when_asked_for(images):
    dense = keras.layers.Dense(3, "softmax", kernel_regularizer="l2")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    plain, penalized = (
        PointLosses(model, random_plane(model, 0), split_of(images), penalties=penalties).of_images(
            POINTS
        )
        for penalties in (False, True)
    )
    kernel = np.array(dense.kernel)
    np.testing.assert_allclose(
        penalized[0] - plain[0], 0.01 * np.square(kernel).sum(), rtol=1e-3, atol=1e-5
    )
    assert abs(penalized[1] - plain[1] - (penalized[0] - plain[0])).max() > 1e-4


def test_layers_in_front_of_the_weights_that_move_run_once(models, images):
    flat = models["flat"]
    answer = flat.get_layer("answer")
    plane = Plane([answer.bias], current_values([answer.bias]), [[np.ones(3, "float32")]])
    losses = PointLosses(flat, plane, split_of(images))
    assert losses._prefix.layer is answer
    assert losses._prefix.model.layers[-1].name == "hidden"
    found = losses.of_images(np.zeros((1, 1)))[0]
    np.testing.assert_allclose(found, losses_of(flat, split_of(images)), atol=1e-5)


def test_the_mean_counts_images_by_their_weights(models, images):
    split = split_of(images)
    split.sample_weight = np.array([1, 0, 0, 2, 0], "float32")
    losses = PointLosses(models["flat"], random_plane(models["flat"], 0), split)
    each = losses.of_images(POINTS)
    np.testing.assert_allclose(losses.means(POINTS), (each[:, 0] + 2 * each[:, 3]) / 3)


def test_several_sigmoids_are_refused(images):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid")]
    )
    losses = PointLosses(model, random_plane(model, 0), split_of(images))
    with pytest.raises(ArgumentError, match="Received: 3 sigmoids"):
        losses.of_images(POINTS)


def test_probabilities_that_no_softmax_gave_are_taken_as_probabilities(images):
    inputs = keras.Input((8, 8, 3))
    squares = keras.ops.square(keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    outputs = squares / keras.ops.sum(squares, axis=-1, keepdims=True)
    model, split = keras.Model(inputs, outputs), split_of(images)
    found = PointLosses(model, random_plane(model, 0), split).of_images(POINTS[:1])
    given = model(images.astype("float32")).numpy()[np.arange(5), split.labels]
    np.testing.assert_allclose(found[0], -np.log(given), rtol=1e-4)


@pytest.mark.parametrize("kind", ["flat", "subclassed", "sigmoid"])
def test_images_that_do_not_fit_are_refused(kind, models, images):
    with pytest.raises(DataError, match="must take the images"):
        labelled_images(models[kind], (images[:, :5], np.arange(5) % 2))
    with pytest.raises(DataError, match="classes"):
        labelled_images(models[kind], (images, np.arange(5)))


def test_the_slope_is_the_gradient_of_the_mean(linear, images):
    losses = PointLosses(linear, random_plane(linear, 0), split_of(images), batch_size=2)
    point, step = np.array([0.3, -0.2]), 1e-5
    loss, slope = losses.slope(point)
    assert loss == pytest.approx(losses.means(point[None])[0], rel=1e-9)
    around = losses.means(point + step * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]))
    np.testing.assert_allclose(slope, (around[::2] - around[1::2]) / (2 * step), rtol=1e-5)


def test_layers_are_as_before_when_tracing_fails(models, images, monkeypatch):
    mixed = models["mixed"]
    losses = PointLosses(mixed, random_plane(mixed, 0), split_of(images))
    monkeypatch.setattr(tf, "map_fn", lambda *words, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        losses.of_images(POINTS)
    assert mixed.get_layer("first").compute_dtype == "bfloat16"
    assert "call" not in vars(mixed.get_layer("first"))
