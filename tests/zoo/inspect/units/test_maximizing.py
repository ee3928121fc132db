import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.inspect import dead_units, maximize
from zoo.inspect.networks.recording import record
from zoo.inspect.units.maximizing import MaximizedUnits, start_image

PLAIN = {"augmentation": None, "total_variation": 0.0, "verbose": 0}


@pytest.mark.parametrize("space", ["pixels", "fourier"])
def test_the_best_image_for_a_linear_unit_is_white_where_its_weights_are_positive(space):
    model = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=2, seed=0)
    found = maximize(model, space=space, steps=150, learning_rate=0.2, **PLAIN)
    kernel = model.get_layer("logits").kernel.numpy().T.reshape(2, 6, 6, 1)
    best = np.where(kernel > 0, 1.0, 0.0)
    reached = (found.images / 255 * kernel).sum((1, 2, 3))
    assert (reached > 0.9 * (best * kernel).sum((1, 2, 3))).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 255
    np.testing.assert_allclose(found.activations, record_logits(model, found.images), rtol=1e-3)


def record_logits(model, images):
    logits = model.get_layer("logits")
    pixels = images.reshape(len(images), -1) / 255
    return np.diag(np.asarray(logits(pixels)))


def test_activations_are_far_above_those_of_random_images():
    layers = [
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Conv2D(4, 3, kernel_initializer=keras.initializers.HeNormal(1)),
        keras.layers.ReLU(),
        keras.layers.Conv2D(3, 3, kernel_initializer=keras.initializers.HeNormal(2), name="second"),
        keras.layers.ReLU(name="rectified"),
        keras.layers.GlobalAveragePooling2D(),
    ]
    inner = keras.Sequential([keras.Input((8, 8, 3)), *layers], name="trunk")
    model = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Dense(2)])
    found = maximize(model, "second", steps=100, learning_rate=0.1, verbose=0)
    assert found.layer == "trunk/second"
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3)).astype("uint8")
    output = record(model, images, ["rectified"]).outputs["rectified"].mean((1, 2))
    assert not found.silent.any()
    assert (found.activations > 1.5 * output.max(axis=0)).all()
    assert found.images.dtype == np.float32


def test_the_same_seed_gives_the_same_images_under_any_policy_in_any_batches(models):
    options = {"steps": 5, "seed": 1, "verbose": 0}
    found = maximize(models["flat"], "second", [0, 1], **options)
    mixed = maximize(models["mixed"], "second", **options)
    np.testing.assert_allclose(mixed.images[:2], found.images, atol=0.01)
    other = maximize(models["mixed"], "second", [0, 1], **options | {"seed": 2})
    assert np.abs(other.images - found.images).max() > 1


class Counting(keras.layers.Layer):
    calls = 0

    def call(self, inputs):
        Counting.calls += 1
        return inputs * 2


def test_the_model_is_traced_as_often_for_many_batches_of_units_as_for_one():
    layers = [keras.Input((4, 4, 1)), Counting(), keras.layers.Flatten(), keras.layers.Dense(5)]
    model = keras.Sequential(layers)
    counts = []
    for batch_size in (5, 2):
        Counting.calls = 0
        maximize(model, steps=2, batch_size=batch_size, **PLAIN)
        counts.append(Counting.calls)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", ["handwritten", "subclassed", "logits", "sigmoid"])
def test_units_of_the_last_layer_are_logits(models, kind):
    found = maximize(models[kind], "answer", [0], steps=2, verbose=0)
    logits = record(models[kind], found.images.round().astype("uint8")).logits
    column = 1 if kind == "sigmoid" else 0
    np.testing.assert_allclose(found.activations, logits[:, column], atol=0.05)


def test_dead_units_are_named_and_crossed_out(images):
    dense = keras.layers.Dense(4, activation="relu", name="hidden")
    before = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *before, dense, keras.layers.Dense(2)])
    kernel, bias = dense.get_weights()
    kernel[:, 1], bias[1] = 0, -1.0  # no gradient
    bias[2] = -1e4  # no image makes it active
    bias[3] = -kernel[:, 3].sum() * 127 / 255 - 0.1  # some images do, but none of the data
    dense.set_weights([kernel, bias])
    grey = np.full((2, 8, 8, 3), 127, "uint8")
    with pytest.warns(UserWarning, match=r"2 of 4 units stayed silent \(1, 2\).*dead_units tells"):
        found = maximize(model, "hidden", start=grey, steps=30, **PLAIN)
    assert found.silent.tolist() == [False, True, True, False]
    assert not found.dead.any()
    assert (found.images[1:3] == 127).all()
    counted = dead_units(model, grey, ["hidden"])
    assert counted["hidden"].dead[3]
    with pytest.warns(UserWarning, match=r"3 of 3 units are dead \(1, 2, 3\)"):
        known = maximize(model, "hidden", [1, 2, 3], dead=counted, steps=1, **PLAIN)
    assert known.dead.all()
    assert known.silent.all()
    axes = found.plot()
    assert "2 of 4 units stayed silent" in " ".join(axes.texts[-1].get_text().split())
    assert len(axes.lines) == 6  # a square and two diagonals for each


def test_pictures_of_rgb_and_of_grey_images_are_drawn():
    for channels in (1, 3):
        images = np.full((2, 4, 4, channels), 255, "float32")
        nothing, none = np.zeros(2, "float32"), np.zeros(2, bool)
        found = MaximizedUnits(images, nothing, nothing, none, none, (3, 7), "a$b_c$", 5)
        axes = found.plot(names=["$x_y$", "z"])
        assert [text.get_text() for text in axes.texts[:2]] == ["$x_y$", "z"]
        axes.figure.draw_without_rendering()
        assert np.nanmax(axes.images[0].get_array()) == 1


def test_the_start_is_grey_an_image_or_the_mean_of_images(train_split):
    assert (start_image(None, (2, 3, 1)) == 127.5).all()
    image = np.arange(6.0).reshape(2, 3, 1)
    np.testing.assert_array_equal(start_image(image, (2, 3, 1)), image)
    assert start_image(image, (None, None, 1)).shape == (2, 3, 1)
    with pytest.raises(ArgumentError, match="takes images of any size"):
        start_image(None, (None, None, 1))
    mean = train_split.images.astype("float64").mean(0)
    np.testing.assert_allclose(start_image(train_split, (6, 6, 1)), mean, rtol=1e-5)


@pytest.mark.parametrize(("options", "message"), [
    ({"layer": "missing"}, "must be the name of a layer"),
    ({"units": [3]}, "from 0 to 2"),
    ({"space": "wavelets"}, "space must be one of fourier, pixels"),
    ({"steps": 0}, "steps must be"),
    ({"learning_rate": 0}, "learning_rate must be a finite number, above 0"),
    ({"total_variation": -1}, "total_variation must be a finite number, 0 or more"),
    ({"augmentation": "much"}, "augmentation must be a zoo.Augmentation"),
    ({"start": np.full((8, 8, 3), 300.0)}, "pixels between 0 and 255"),
    ({"start": np.zeros((4, 8, 3))}, "start must be an image of shape"),
    ({"dead": [1]}, "dead must be a result of"),
])  # fmt: skip
def test_arguments_are_checked(models, options, message):
    with pytest.raises(ArgumentError, match=message):
        maximize(models["logits"], **options)
