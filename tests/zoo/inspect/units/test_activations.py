import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.inspect import activations, dead_units, features
from zoo.inspect.units.activations import Activations
from zoo.plots import new_figure


def test_outputs_of_all_layers_of_nested_models_are_given(models, images):
    found = activations(models["nested"], images)
    assert list(found.outputs) == [
        "scaled", "backbone/trunk/first", "backbone/trunk/second", "backbone/trunk/rectified",
        "backbone/trunk/pooled", "backbone/trunk", "backbone", "flat", "hidden", "answer",
    ]  # fmt: skip
    x = images.astype("float32")
    for name in ("scaled", "first", "second", "rectified", "pooled", "flat", "hidden", "answer"):
        x = models["flat"].get_layer(name)(x)
        path = next(path for path in found.outputs if path.rpartition("/")[2] == name)
        np.testing.assert_allclose(found[path], np.asarray(x), rtol=1e-4, atol=1e-5)
        assert found[path].dtype == np.float32


def test_each_call_of_a_shared_layer_and_chosen_layers_only(models, images):
    assert {"block/shared:0", "block/shared:1"} <= set(
        activations(models["shared"], images).outputs
    )
    layer = models["mixed"].get_layer("second")
    found = activations(models["mixed"], images, ["first", layer])
    assert {name: output.shape for name, output in found.outputs.items()} == {
        "first": (5, 8, 8, 4), "second": (5, 6, 6, 5)
    }  # fmt: skip


def test_features_come_in_blocks_as_one_array(models, images):
    model = models["subclassed"]
    expected = activations(model, images, ["second"])["second"]
    np.testing.assert_allclose(features(model, images, "second", batch_size=2), expected, atol=1e-6)
    pairs = [(images[:3], np.zeros(3)), (images[3:], np.zeros(2))]
    stream = tf.data.Dataset.from_generator(
        lambda: pairs,
        output_signature=(
            tf.TensorSpec([None, 8, 8, 3], "uint8"),
            tf.TensorSpec([None], "float64"),
        ),
    )
    np.testing.assert_allclose(features(model, stream, "second"), expected, atol=1e-6)


@pytest.fixture
def outputs():
    rng = np.random.default_rng(0)
    return Activations(
        {
            "signed": rng.normal(size=(2, 4, 4, 10)).astype("float32"),
            "rectified": rng.uniform(size=(2, 4, 4, 3)).astype("float32"),
            "silent": np.zeros((2, 4, 4, 2), "float32"),
            "repeated": np.zeros((2, 32), "float32"),
            "units": rng.normal(size=(2, 5)).astype("float32"),
        },
        "a$b_c$",
    )


def test_a_figure_has_a_row_for_each_layer_with_its_most_active_channels(outputs):
    figure = outputs.plot(1)
    rows = figure.axes
    assert [axes.texts[0].get_text().partition("\n")[0] for axes in rows] == [
        "signed", "rectified", "silent", "units"
    ]  # fmt: skip
    numbers = [int(text.get_text()) for text in rows[0].texts[1:]]
    means = np.abs(outputs["signed"][1]).mean((0, 1))
    assert numbers == sorted(np.argsort(-means)[:8].tolist())
    assert (rows[0].images[0].norm.vmin, rows[0].images[0].norm.vmax) == (-1, 1)
    assert (rows[1].images[0].norm.vmin, rows[1].images[0].norm.vmax) == (0, 1)
    assert len(rows[3].patches) == 5
    figure.draw_without_rendering()
    assert len(outputs.plot(layers=["units"]).axes) == 1
    left, _ = new_figure(8, 4).subfigures(1, 2)
    assert outputs.plot(layers=["units"], figure=left) is left
    assert len(left.axes) == 1


def test_an_image_or_layer_that_is_not_there_is_refused(outputs):
    with pytest.raises(ArgumentError, match="image must be"):
        outputs.plot(2)
    with pytest.raises(ArgumentError, match="layers must be among signed"):
        outputs.plot(layers=["unit"])
    sequences = Activations({"words": np.zeros((2, 3, 4), "float32")}, "rnn")
    with pytest.raises(ArgumentError, match=r"to be drawn\. Received: 'words' with \(2, 3, 4\)"):
        sequences.plot(layers=["words"])
    for layers in ("units", []):
        with pytest.raises(ArgumentError, match="layers must be a list of one layer or more"):
            outputs.plot(layers=layers)


@pytest.mark.parametrize("layers", ["first", [], 3])
def test_layers_are_a_list(layers, models, images):
    for function in (activations, dead_units):
        with pytest.raises(ArgumentError, match="layers must be a list of one layer or more"):
            function(models["mixed"], images, layers)
