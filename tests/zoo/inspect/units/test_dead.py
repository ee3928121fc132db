import keras
import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.inspect import dead_units, features
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.units.dead import DeadUnits, LayerActivity


@pytest.fixture
def silenced():
    """Give a unit of a layer a bias that no image outweighs, until the test ends."""
    changed = []

    def silence(layer, unit):
        bias = layer.bias.numpy()
        changed.append((layer, bias.copy()))
        bias[unit] = -1e6
        layer.bias.assign(bias)

    yield silence
    for layer, bias in changed:
        layer.bias.assign(bias)


@pytest.mark.parametrize("kind", ["flat", "handwritten", "nested", "subclassed", "mixed"])
def test_dead_units_are_found_wherever_the_activation_function_is(models, images, silenced, kind):
    model = models[kind]
    silenced(find_layer(model, "first").layer, 3)
    silenced(find_layer(model, "second").layer, [1, 2])
    silenced(find_layer(model, "hidden").layer, 0)
    found = dead_units(model, images)
    paths = {path.rpartition("/")[2]: path for path in found.counts}
    assert list(paths) == ["first", "second", "hidden", "answer"]
    assert {3} <= set(found.indices[paths["first"]])
    assert {1, 2} <= set(found.indices[paths["second"]])
    assert {0} <= set(found.indices[paths["hidden"]])
    functions = [found[path].activation for path in paths.values()]
    assert functions == ["relu", "relu", "relu", "softmax"]
    for name in ("first", "second", "hidden"):
        path = paths[name]
        output = features(model, images, path)
        between = tuple(range(1, output.ndim - 1))
        np.testing.assert_allclose(found[path].shares, (output.max(between) > 0).mean(0), atol=1e-6)
    assert found.total == sum(found.counts.values())
    assert found.images == 5


def test_each_call_of_a_shared_layer_is_counted(models, images):
    found = dead_units(models["shared"], images)
    assert list(found.counts) == ["block/shared:0", "block/shared:1", "answer"]


def test_batch_normalisation_before_and_behind_the_activation_function(images):
    layers = [
        keras.layers.Conv2D(2, 1, name="before"),
        keras.layers.BatchNormalization(name="turned"),
        keras.layers.ReLU(),
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="relu", name="behind"),
        keras.layers.BatchNormalization(name="moved"),
        keras.layers.Dense(2, name="answer"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    kernel = np.ones((1, 1, 3, 2), "float32")
    model.get_layer("before").set_weights([kernel, np.zeros(2)])
    # The first unit's positive output is turned into a negative number.
    turned = model.get_layer("turned").get_weights()
    model.get_layer("turned").set_weights([np.array([-1.0, 1.0]), *turned[1:]])
    # A dead unit's output is moved from 0 to 5.
    kernel, _ = model.get_layer("behind").get_weights()
    model.get_layer("behind").set_weights([np.abs(kernel), np.array([-1e6, 1.0])])
    moved = model.get_layer("moved").get_weights()
    model.get_layer("moved").set_weights([moved[0], np.array([5.0, 0.0]), *moved[2:]])
    found = dead_units(model, images)
    assert {name: found.indices[name].tolist() for name in found.counts} == {
        "before": [0], "behind": [0], "answer": []
    }  # fmt: skip


def test_a_normalisation_of_all_channels_stands_before_the_activation_function(images):
    norm = keras.layers.LayerNormalization()
    layers = [keras.layers.Conv2D(3, 1, name="conv"), norm, keras.layers.ReLU()]
    model = keras.Sequential([keras.Input((None, None, 3)), *layers, *answer()])
    layers[0].set_weights([np.eye(3)[None, None], np.zeros(3)])
    norm.set_weights([np.ones(3), np.array([0.0, -9.0, 0.0])])
    found = dead_units(model, images, ["conv"])
    assert found.indices["conv"].tolist() == [1]
    assert found["conv"].activation == "relu"


def answer():
    return [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]


def test_without_a_rectifier_a_unit_is_dead_if_its_output_never_changes(images):
    dense = keras.layers.Dense(3, activation="tanh", name="bounded")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    kernel = np.zeros((192, 3), "float32")
    kernel[:, 1], kernel[:, 2] = -1e-6, 1e-6  # always negative, always positive
    dense.set_weights([kernel, np.array([0.5, 0.0, 0.0])])
    found = dead_units(model, images, batch_size=2)
    assert found["bounded"].shares.tolist() == [0, 1, 1]


def test_the_numbers_do_not_depend_on_the_blocks(models, images):
    whole, blocks = (dead_units(models["nested"], images, ["second"], batch_size=n) for n in (5, 2))
    (path,) = blocks.counts
    assert path == "backbone/trunk/second"
    np.testing.assert_array_equal(whole[path].shares, blocks[path].shares)


@pytest.fixture(scope="module")
def found():
    shares = [np.zeros(4, "float32"), np.array([0.0, 0.005, 1.0], "float32")]
    layers = (LayerActivity(shares[0], "dense", "relu"), LayerActivity(shares[1], "$a_b$", "tanh"))
    return DeadUnits(layers, 500, "mlp")


def test_the_result_is_a_table_a_frame_and_a_picture(found):
    assert found.counts == {"dense": 4, "$a_b$": 1}
    assert found.total == 5
    assert found.shares == {"dense": 1.0, "$a_b$": pytest.approx(1 / 3)}
    assert "| dense | relu | 4 | 4 | 100.0 % | 0 |" in found.to_markdown()
    assert "| $a_b$ | tanh | 3 | 1 | 33.3 % | 1 |" in found.to_markdown()
    assert "Dead units on 500 images" in str(found)
    frame = found.to_frame()
    assert list(frame.columns) == ["layer", "activation", "unit", "share", "dead"]
    assert frame.dead.sum() == 5
    axes = found.plot()
    assert "500 images" in axes.get_title()
    assert axes.get_xlabel().startswith("units in %")
    assert " 4 of 4" in [text.get_text() for text in axes.texts]


def test_unknown_layers_and_models_without_units_are_refused(models, images, found):
    with pytest.raises(ArgumentError, match="'dence'; did you mean 'dense'\\?"):
        found["dence"]
    with pytest.raises(ArgumentError, match="must be the name of a layer"):
        dead_units(models["flat"], images, ["missing"])
    pooling = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(ArgumentError, match="must have a layer with units"):
        dead_units(pooling, images)
