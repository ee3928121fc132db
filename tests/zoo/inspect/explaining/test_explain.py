import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError, DataError
from zoo.inspect import explain
from zoo.inspect.explaining import network as network_module
from zoo.inspect.explaining.catalogue import METHODS
from zoo.inspect.explaining.explain import make_explainer
from zoo.inspect.networks.recording import record

QUICK = {"smooth_grad": {"samples": 4}, "integrated_gradients": {"steps": 8}, "rise": {"masks": 20}}
"""Options with which the slow methods take little time."""


@pytest.fixture(scope="module")
def label(models, images):
    """A class for which some maps of every method are not zero."""
    maps = explain(models["flat"], images, "all", "grad_cam").maps
    return int(maps.max(axis=(0, 2, 3)).argmax())


@pytest.fixture(scope="module")
def maps_of(images, label):
    return lambda model, method, **options: (
        explain(model, images, label, method, **QUICK.get(method, {}), **options).maps
    )


@pytest.fixture(scope="module")
def flat_maps(models, maps_of):
    """Method → maps of the flat model."""
    return {method: maps_of(models["flat"], method) for method in METHODS}


def assert_close(maps, expected, tolerance=1e-4):
    assert maps.dtype == np.float32
    assert maps.shape == expected.shape == (5, 8, 8)
    assert np.abs(maps - expected).max() <= tolerance * np.abs(expected).max()


def test_all_methods_are_there():
    assert len(METHODS) == 12


@pytest.mark.parametrize("method", METHODS)
def test_a_nested_model_has_the_maps_of_the_flat_model(models, maps_of, flat_maps, method):
    assert np.abs(flat_maps[method]).max() > 0
    assert_close(maps_of(models["nested"], method), flat_maps[method])


@pytest.mark.parametrize("method", ["gradient", "guided_backpropagation", "grad_cam"])
@pytest.mark.parametrize("kind", ["functional", "handwritten", "subclassed", "logits", "mixed"])
def test_models_of_every_kind_have_the_maps_of_the_flat_model(
    models, maps_of, flat_maps, kind, method
):
    if method != "grad_cam":
        assert_close(maps_of(models[kind], method), flat_maps[method])
    else:  # a ReLU in `call` is no layer
        expected = maps_of(models["nested"], method, layer="trunk/second")
        assert_close(maps_of(models[kind], method, layer="second"), expected)


@pytest.mark.parametrize("method", METHODS)
def test_maps_do_not_depend_on_the_blocks_and_the_model_stays_the_same(
    models, images, maps_of, flat_maps, method
):
    model = models["flat"]
    weights, answers, config = model.get_weights(), model(images).numpy(), model.to_json()
    attributes = [sorted(vars(layer)) for layer in model._flatten_layers()]
    assert_close(maps_of(model, method, batch_size=2), flat_maps[method])
    assert all(map(np.array_equal, weights, model.get_weights()))
    assert np.array_equal(answers, model(images).numpy())
    assert config == model.to_json()
    assert attributes == [sorted(vars(layer)) for layer in model._flatten_layers()]


@pytest.mark.parametrize("method", ["gradient", "grad_cam", "occlusion"])
def test_several_classes_have_the_maps_of_each_class(models, images, label, flat_maps, method):
    maps = explain(models["flat"], images, "all", method).maps
    assert maps.shape == (5, 3, 8, 8)
    assert_close(maps[:, label], flat_maps[method])
    explanation = explain(models["flat"], images, [[label, 1]], method)
    assert_close(explanation.maps[:, 0], maps[:, label])
    assert explanation.labels.tolist() == [[label, 1]] * 5


def test_each_image_is_explained_for_its_own_class_or_its_answer(models, images):
    model = models["flat"]
    every = explain(model, images, "all", "gradient").maps
    answers = record(model, images).logits.argmax(axis=1)
    explanation = explain(model, images, method="gradient")
    assert np.array_equal(explanation.labels, answers)
    assert np.allclose(explanation.maps, every[np.arange(5), answers])
    own = [2, 0, 1, 0, 2]
    assert np.allclose(explain(model, images, own, "gradient").maps, every[np.arange(5), own])


def test_the_two_classes_of_a_single_unit_have_opposite_maps(models, images):
    maps = explain(models["sigmoid"], images, "all", "integrated_gradients", steps=8).maps
    assert np.allclose(maps[:, 0], -maps[:, 1])
    assert np.abs(maps).max() > 0


def test_a_layer_that_is_called_twice_is_explained_at_either_call(models, images):
    explanation = explain(models["shared"], images, 0, "layer_cam")
    assert explanation.layer == "block/shared:1"
    first = explain(models["shared"], images, 0, "layer_cam", layer="shared:0")
    assert first.layer == "block/shared:0"
    assert not np.allclose(first.maps, explanation.maps)


def test_grey_images_and_a_split_are_taken_too():
    data = zoo.datasets.load("digits").test.take(range(4))
    model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
    explanation = explain(model, data, method="gradient")
    assert explanation.maps.shape == (4, 8, 8)
    assert explanation.class_names == data.class_names


def test_probabilities_can_be_explained_too(models, images):
    model = models["flat"]
    probabilities = model.predict(images, verbose=0)[:, 1]
    logits = explain(model, images, "all", "gradient").maps
    maps = explain(model, images, 1, "gradient", of="probabilities").maps
    answers = model.predict(images, verbose=0)
    mean = np.einsum("nk,nkij->nij", answers, logits)
    expected = probabilities[:, None, None] * (logits[:, 1] - mean)
    assert np.abs(maps - expected).max() <= 1e-3 * np.abs(expected).max()


def test_each_graph_is_traced_once(models, images, monkeypatch):
    traced = []
    forward = network_module.forward

    def counting(*arguments, **keywords):
        traced.append(arguments)
        return forward(*arguments, **keywords)

    monkeypatch.setattr(network_module, "forward", counting)
    explainer = make_explainer(models["flat"], (8, 8, 3), "smooth_grad", samples=3, batch_size=2)
    first = explainer.maps(images, np.ones((5, 1), "int32"))
    assert len(traced) == 1
    assert np.array_equal(explainer.maps(images, np.ones((5, 1), "int32")), first)
    assert len(traced) == 1


def test_graphs_are_graphs_also_where_functions_run_eagerly(models, images):
    expected = explain(models["flat"], images, 0, "gradient").maps
    tf.config.run_functions_eagerly(True)
    try:
        assert np.array_equal(explain(models["flat"], images, 0, "gradient").maps, expected)
    finally:
        tf.config.run_functions_eagerly(False)


def test_a_compiled_method_sees_new_weights(images):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    explainer = make_explainer(model, (8, 8, 3), "gradient")
    targets = np.zeros((5, 1), "int32")
    before = explainer.maps(images, targets)
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert np.allclose(explainer.maps(images, targets), 2 * before)


def small(*layers):
    return keras.Sequential(
        [keras.Input((8, 8, 3)), *layers, keras.layers.Flatten(), keras.layers.Dense(2)],
        name="small",
    )


class Stopping(keras.layers.Layer):
    def call(self, x):
        return tf.stop_gradient(x)


def test_what_is_missing_is_named(models, images):
    with pytest.raises(ArgumentError, match=r"small must have a convolution .* a model of Dense"):
        explain(small(), images, 0, "grad_cam")
    with pytest.raises(ArgumentError, match="small must have a ReLU"):
        explain(small(), images, 0, "guided_backpropagation")
    with pytest.raises(ArgumentError, match="Received: 'hidden', whose output has the shape"):
        explain(models["flat"], images, 0, "grad_cam", layer="hidden")


def test_the_place_where_the_graph_is_cut_is_named(images):
    layers = [keras.layers.Conv2D(2, 3, name="before"), Stopping(name="stopping")]
    model = small(*layers, keras.layers.Conv2D(2, 3, name="behind"))
    with pytest.raises(ArgumentError, match="reaches 'stopping', and not 'before' before it"):
        explain(model, images, 0, "gradient")
    with pytest.raises(ArgumentError, match="Received: 'before', from which no gradient arrives"):
        explain(model, images, 0, "grad_cam", layer="before")


def test_probabilities_without_a_softmax_at_the_end_are_refused(images):
    ends = [keras.layers.Dense(2, activation="softmax") for _ in range(2)]
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Average()([end(x) for end in ends]))
    with pytest.raises(ArgumentError, match="must end in a softmax, a sigmoid or logits"):
        explain(model, images, 0, "gradient")
    assert explain(model, images, 0, "gradient", of="probabilities").maps.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "gradcam"}, r"Received: 'gradcam'; did you mean 'grad_cam'"),
        ({"step": 3}, r"Received: step=3; did you mean 'steps'\?"),
        ({"method": "gradient", "layer": "second"}, "layer must be None for 'gradient'"),
        ({"method": "grad_cam", "layer": "secnd"}, "did you mean 'second'"),
        ({"of": "votes"}, 'of must be "logits" or "probabilities"'),
        ({"labels": 3}, "labels must be class ids from 0 to 2. Received: 3"),
        ({"labels": [0, 1]}, r"labels must be a class id, 5 class ids"),
        ({"baseline": [[0], [1, 2]]}, r"or an image \(8, 8, 3\) of such numbers. Received"),
        ({"baseline": "pink"}, 'baseline must be "black", "white", "grey", "mean", "blur"'),
        ({"verbose": 2, "method": "gradient"}, 'verbose must be "auto", 1 or 0'),
        ({"batch_size": 0}, "batch_size must be"),
        ({"steps": 0}, "steps must be"),
        ({"method": "smooth_grad", "noise": 0}, "noise must be a finite number, above 0"),
        ({"method": "smooth_grad", "noise": "much"}, "noise must be a finite number, above 0"),
        ({"method": "rise", "probability": 1}, "probability must be a number between 0 and 1"),
        ({"method": "rise", "probability": "half"}, "probability must be a number between"),
        ({"method": "occlusion", "patch": 9}, "patch must be a whole number of 8 or less"),
    ],
)
def test_wrong_arguments_are_refused(models, images, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        explain(models["flat"], images, **arguments)


def test_wrong_images_and_models_are_refused(models, images):
    with pytest.raises(DataError, match="images must be uint8 pixels"):
        explain(models["flat"], images / 255)
    with pytest.raises(ArgumentError, match="must be a built keras"):
        explain("cnn", images)
