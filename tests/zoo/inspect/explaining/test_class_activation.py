import keras
import numpy as np
import pytest

import zoo
from zoo.inspect import explain
from zoo.inspect.explaining.pixels import enlarged
from zoo.inspect.networks.recording import record


@pytest.fixture(scope="module")
def convolution():
    """A model whose score is linear in the features of its only convolution, of the image's size.

    The gradient of class 1 by the features is then known: the weights of the last layer.
    """
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax", name="answer"),
        ]
    )
    return model, model.get_layer("answer").kernel.numpy()[:, 1].reshape(8, 8, 4)


@pytest.fixture(scope="module")
def features(convolution, images):
    return record(convolution[0], images, ["convolution"]).outputs["convolution"]


def positive(maps):
    return np.maximum(maps, 0)


def test_grad_cam_by_hand(convolution, features, images):
    model, gradients = convolution
    expected = positive(features @ gradients.mean(axis=(0, 1)))
    assert np.allclose(explain(model, images, 1, "grad_cam").maps, expected, atol=1e-5)


def test_grad_cam_plus_plus_by_hand(convolution, features, images):
    model, g = convolution
    totals = features.sum(axis=(1, 2), keepdims=True)
    weights = np.sum(g**2 / (2 * g**2 + g**3 * totals) * positive(g), axis=(1, 2))
    expected = positive(np.einsum("nc,nijc->nij", weights, features))
    assert np.allclose(
        explain(model, images, 1, "grad_cam_plus_plus").maps, expected, rtol=1e-3, atol=1e-4
    )


def test_layer_cam_by_hand(convolution, features, images):
    model, gradients = convolution
    expected = positive((positive(gradients) * features).sum(axis=-1))
    assert np.allclose(explain(model, images, 1, "layer_cam").maps, expected, atol=1e-5)


def test_score_cam_by_hand(convolution, features, images):
    model, _ = convolution
    expected = np.zeros((5, 8, 8))
    for channel in np.moveaxis(features, -1, 0):
        low, high = channel.min(axis=(1, 2), keepdims=True), channel.max(axis=(1, 2), keepdims=True)
        masks = (channel - low) / (high - low)
        probabilities = model.predict(masks[..., None] * images, verbose=0)[:, 1]
        expected += probabilities[:, None, None] * channel
    maps = explain(model, images, 1, "score_cam", batch_size=3).maps
    assert np.allclose(maps, positive(expected), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_grad_cam_is_that_of_tf_keras_vis(models, images):
    peer = pytest.importorskip("tf_keras_vis.gradcam")
    scores = pytest.importorskip("tf_keras_vis.utils.scores")
    maps = peer.Gradcam(models["logits"], clone=False)(
        scores.CategoricalScore([1] * 5),
        images.astype("float32"),
        penultimate_layer="first",
        seek_penultimate_conv_layer=False,
        normalize_cam=False,
    )
    own = explain(models["logits"], images, 1, "grad_cam", layer="first").maps
    assert np.allclose(own, maps, atol=1e-5)
    assert own.any()


def test_small_maps_are_brought_to_the_size_of_the_image(models, images):
    explanation = explain(models["flat"], images, 1, "grad_cam")
    assert explanation.maps.shape == (5, 8, 8)
    assert explanation.layer == "rectified"
    assert explain(models["flat"], images, 1, "grad_cam", layer="pooled").maps.shape == (5, 8, 8)


def test_a_last_convolution_of_a_single_position_is_passed_over():
    model = zoo.build("conv_bn", seed=0)  # the last convolution gives 1×1
    images = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 1)).astype("uint8")
    explanation = explain(model, images, 0, "grad_cam_plus_plus")
    layer = model.get_layer(explanation.layer)
    assert isinstance(layer, keras.layers.ReLU)
    assert layer.output.shape[1:] == (3, 3, 256)
    assert np.ptp(explanation.maps) > 0


@pytest.mark.parametrize("layer", [None, "convolution", "rectified"])
@pytest.mark.parametrize("method", ["grad_cam", "layer_cam", "score_cam"])
def test_channels_first_makes_the_same_maps(method, layer, images):
    models = []
    for data_format in ("channels_last", "channels_first"):
        inputs = x = keras.Input((8, 8, 3))
        if data_format == "channels_first":
            x = keras.layers.Permute((3, 1, 2))(x)
        x = keras.layers.Conv2D(4, 3, data_format=data_format, name="convolution")(x)
        x = keras.layers.ReLU(name="rectified")(x)  # which does not know where the channels are
        x = keras.layers.GlobalAveragePooling2D(data_format=data_format)(x)
        models.append(keras.Model(inputs, keras.layers.Dense(2)(x)))
    last, first = models
    first.set_weights(last.get_weights())
    expected, maps = (explain(model, images, 1, method, layer=layer).maps for model in models)
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_layers_behind_moved_axes_have_channels_last(images):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Permute((3, 1, 2)),
            keras.layers.Conv2D(4, 3, data_format="channels_first"),
            keras.layers.Permute((2, 3, 1), name="moved"),
            keras.layers.ReLU(name="rectified"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    moved = record(model, images, ["rectified"]).outputs["rectified"]
    weights = model.layers[-1].kernel.numpy()[:, 1].reshape(6, 6, 4).mean(axis=(0, 1))
    expected = enlarged(positive(moved @ weights)[:, None], 8, 8)[:, 0]
    maps = explain(model, images, 1, "grad_cam", layer="rectified").maps
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * maps.max())
