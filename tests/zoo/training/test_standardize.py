"""Standardisation as a part of the model, and the weights of classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.datasets.split import Split
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.layers import MeanImageStandardization, PerImageStandardization
from zoo.training.built_models.statistics import mean_image
from zoo.training.learner import Learner
from zoo.training.train import train

SHAPE = (4, 5, 3)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (60, *SHAPE), dtype=np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def split(images):
    # Of the second class there are three times as many.
    return Split("train", images, (np.arange(60) % 4 > 0).astype("int64"), ("few", "many"))


def test_per_image_is_tensorflows(images):
    grey = np.full((1, *SHAPE), 7, np.uint8)
    images = np.concatenate([images, grey]).astype("float32")
    expected = tf.image.per_image_standardization(images)
    np.testing.assert_allclose(PerImageStandardization()(images), expected, atol=1e-5)


def test_mean_image_is_numpys(split, images):
    mean, deviation = mean_image(split)
    np.testing.assert_allclose(mean, images.mean(0))
    np.testing.assert_allclose(deviation, (images - images.mean(0)).std())
    some = split.take([5, 3, 4])
    np.testing.assert_allclose(mean_image(some)[0], images[[5, 3, 4]].mean(0))


def test_a_float64_model_standardizes_in_float64(images):
    model = zoo.build(
        "softmax", input_shape=images.shape[1:], standardize="per_image", precision="float64"
    )
    standardized = keras.Model(model.inputs, model.get_layer("standardization").output)
    found = standardized([images[:4].astype("float64")]).numpy()
    scaled = images[:4] / 255.0
    axes = (1, 2, 3)
    deviation = np.maximum(scaled.std(axes, keepdims=True), scaled[0].size ** -0.5)
    np.testing.assert_allclose(
        found, (scaled - scaled.mean(axes, keepdims=True)) / deviation, atol=1e-12
    )


def test_built_with_it_a_model_has_the_same_weights_and_dropout():
    plain, standardized = (
        zoo.build("mlp", input_shape=SHAPE, num_classes=2, dropout=0.5, seed=0, standardize=kind)
        for kind in (None, "mean_image")
    )
    assert [type(layer).__name__ for layer in standardized.layers[:3]] == [
        "InputLayer", "Rescaling", "MeanImageStandardization",
    ]  # fmt: skip
    kept = [w for w in standardized.weights if "standardization" not in w.path]
    for one, other in zip(plain.weights, kept, strict=True):
        np.testing.assert_array_equal(one, other)
    image = np.full((1, *SHAPE), 9, np.uint8)
    # It knows no image yet: it changes nothing.
    np.testing.assert_allclose(
        plain(image, training=True), standardized(image, training=True), rtol=1e-6
    )


@pytest.mark.parametrize("name", zoo.list_models(exclude="alexnet"))
@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
def test_every_entry_takes_it(name, gradients):
    side = {"conv_bn": 48, "lenet": 28}.get(name, 16)
    shape = (side, side, 1)
    model = zoo.build(
        name, input_shape=shape, num_classes=3, gradients=gradients, standardize="per_image",
        precision="mixed_bfloat16",
    )  # fmt: skip
    assert model.get_layer("standardization").compute_dtype == "float32"
    assert model(np.zeros((2, *shape), np.uint8)).shape == (2, 3)


def test_training_learns_the_mean_of_its_images_only(split, tmp_path):
    recipe = zoo.Recipe(standardize="mean_image", epochs=2, batch_size=16)
    committee = Committee([Member("softmax", recipe=recipe)], seed=0)
    others = Split("validation", 255 - split.images, split.labels, split.class_names)
    committee.fit(split, validation_data=others, verbose=0)
    layer = committee.members[0].get_layer("standardization")
    np.testing.assert_allclose(layer.mean_image, mean_image(split)[0] / 255, atol=1e-6)
    np.testing.assert_allclose(layer.deviation, mean_image(split)[1] / 255, rtol=1e-5)
    # It is learned once, and kept with the model.
    committee.save(tmp_path / "one.keras")
    again = Committee.load(tmp_path / "one.keras")
    np.testing.assert_allclose(
        again.predict(split.images), committee.predict(split.images), atol=1e-6
    )
    again.fit(others.take(slice(None), name="train"), epochs=1, verbose=0)
    kept = again.members[0].get_layer("standardization")
    np.testing.assert_array_equal(kept.mean_image, layer.mean_image)


def test_what_cannot_be_standardized_is_refused(split):
    with pytest.raises(
        ArgumentError, match='standardize must be "per_image", "mean_image" or None'
    ):
        zoo.build("softmax", standardize="zscore")
    with pytest.raises(
        ArgumentError, match='standardize must be "per_image", "mean_image" or None'
    ):
        zoo.Recipe(standardize="zscore")
    layer = MeanImageStandardization()
    layer.build((None, *SHAPE))
    with pytest.raises(ArgumentError, match="no deviation to divide by"):
        layer.set_statistics(np.zeros(SHAPE), 0.0)
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(inputs)))
    with pytest.raises(ArgumentError, match="is built already"):
        Member(model, recipe=zoo.Recipe(standardize="per_image"))


def test_class_weights_are_those_of_keras_fit(split):
    def model():
        return zoo.build("softmax", input_shape=SHAPE, num_classes=2, seed=0)

    theirs = model()
    theirs.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    # One batch an epoch, so that the order does not matter.
    history = theirs.fit(
        split.images, split.labels, batch_size=60, epochs=5, verbose=0,
        class_weight=split.class_weights,
    )  # fmt: skip
    ours = Learner("softmax", model(), zoo.Recipe(
        learning_rate=0.1, batch_size=60, epochs=5, class_weight="balanced"
    ))  # fmt: skip
    losses = train([ours], split, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, history.history["loss"], rtol=1e-5)
    for one, other in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_members_with_and_without_class_weights_learn_side_by_side(split):
    def learner(name, class_weight):
        model = zoo.build("softmax", input_shape=SHAPE, num_classes=2, seed=0)
        recipe = zoo.Recipe(learning_rate=0.1, batch_size=16, epochs=2, class_weight=class_weight)
        return Learner(name, model, recipe)

    both = [learner("plain", None), learner("balanced", "balanced")]
    train(both, split, verbose=0)
    for one, class_weight in zip(both, (None, "balanced"), strict=True):
        alone = learner("alone", class_weight)
        train([alone], split, verbose=0)
        np.testing.assert_allclose(
            one.model.get_weights()[0], alone.model.get_weights()[0], atol=1e-6
        )
    assert not np.allclose(both[0].model.get_weights()[0], both[1].model.get_weights()[0])


def test_other_class_weights_are_refused():
    with pytest.raises(ArgumentError, match='class_weight must be "balanced" or None'):
        zoo.Recipe(class_weight={0: 2})
