"""Features instead of classes: of the last layer, or of a layer by its name."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.registry.features import layer_names, with_features

SHAPE = {"input_shape": (16, 16, 1), "num_classes": 3, "seed": 0}
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1)).astype("uint8")


def test_the_name_of_a_layer_gives_its_output():
    whole = zoo.build("vgg", **SHAPE, width=4)
    cut = zoo.build("vgg", **SHAPE, width=4, features="block2_pool")
    assert cut.name == "vgg_block2_pool"
    assert cut.output_shape == (None, 4, 4, 8)
    expected = keras.Model(whole.input, whole.get_layer("block2_pool").output)(IMAGES)
    np.testing.assert_allclose(cut(IMAGES), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet", {}),
        ("vgg", {"width": 4}),
        ("rep_vgg", {"width": 4}),
        ("resnet", {}),
        ("wide_resnet", {"width": 1}),
        ("mini_xception", {}),
        ("bn_mlp", {}),
        ("conv_bn", {"input_shape": (48, 48, 1)}),
    ],
)
def test_every_layer_of_a_network_gives_features(name, options):
    whole = zoo.build(name, **{**SHAPE, "input_shape": (32, 32, 1), **options})
    images = np.random.default_rng(0).integers(0, 256, (2, *whole.input_shape[1:]))
    layers = layer_names(whole)
    for layer in [*layers][2:-1:7]:
        cut = with_features(whole, layer, keras.layers)
        expected = keras.Model(whole.input, layers[layer].output)(images)
        np.testing.assert_allclose(cut(images), expected, rtol=1e-5, atol=1e-5)


def test_layers_without_a_name_are_counted_within_their_model():
    for _ in range(2):  # Keras gives the layers of the second model other names
        model = zoo.build("cnn", **SHAPE, features="conv2d_1", filters=(4, 4))
        assert model.output_shape == (None, 16, 16, 4)
        assert len([layer for layer in model.layers if "conv2d" in layer.name]) == 2
    model = zoo.build("cnn", filters=(4, 4))
    assert list(layer_names(model))[:5] == ["pixels", "rescaling", "conv2d", "re_lu", "conv2d_1"]


def test_an_unknown_layer_gets_the_closest_name():
    with pytest.raises(
        ArgumentError, match=r"name of a layer of vgg\. Received: 'block2_pol'"
    ) as e:
        zoo.build("vgg", **SHAPE, width=4, features="block2_pol")
    assert "did you mean 'block2_pool'" in str(e.value)
    assert "The layers are pixels, rescaling, block1_1_conv" in str(e.value)


@pytest.mark.parametrize("features", [None, 3, "", ["pooled"]])
def test_other_features_are_rejected(features):
    with pytest.raises(ArgumentError, match=r"features must be True, or the name"):
        zoo.build("vgg", **SHAPE, width=4, features=features)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("mixed_bfloat16", "float32"), ("float64", "float64")]
)
@pytest.mark.parametrize("features", [True, "block1_1_relu"])
@pytest.mark.parametrize("name", ["vgg", "mini_xception"])
def test_features_are_of_full_precision(name, precision, dtype, features):
    features = "stem_1_relu" if name == "mini_xception" and features != 1 else features
    options = {**SHAPE, "width": 4, "gradients": "handwritten", "precision": precision}
    assert zoo.build(name, **options, features=features)(IMAGES).dtype == dtype


def test_standardised_models_have_features():
    model = zoo.build("lenet", input_shape=(28, 28, 1), standardize="per_image", features=True)
    assert model.output_shape == (None, 84)
    assert "standardization" in [layer.name for layer in model.layers]


def test_a_builder_with_a_parameter_of_that_name_gets_the_value(monkeypatch):
    monkeypatch.setattr(zoo.registry.specs, "_specs", dict(zoo.registry.specs._specs))

    @zoo.register
    def own(layers, input_shape=(2, 2, 1), num_classes=2, *, features=7):
        inputs = layers.Input(input_shape)
        x = layers.Dense(features)(layers.Flatten()(inputs))
        return keras.Model(inputs, layers.Dense(num_classes)(x))

    assert zoo.build("own").count_params() == (4 + 1) * 7 + (7 + 1) * 2
    assert zoo.build("own", features=3).count_params() == (4 + 1) * 3 + (3 + 1) * 2


def test_the_true_of_numpy_is_true():
    model = zoo.build("softmax", features=np.True_)
    assert model.output_shape == zoo.build("softmax", features=True).output_shape


def test_models_without_a_graph_or_without_weights_are_refused():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ArgumentError, match="must be a graph of layers"):
        with_features(Subclassed(name="mine"), True, keras.layers)
    bare = keras.Sequential([keras.Input((2,)), keras.layers.ReLU()], name="bare")
    with pytest.raises(ArgumentError, match="must have a layer with weights"):
        with_features(bare, True, keras.layers)


def test_a_model_inside_the_model_is_a_layer_too():
    inner = zoo.build("vgg", **SHAPE, width=4, features=True)
    inputs = keras.Input((16, 16, 1))
    x = inner(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    cut = with_features(model, inner.name, keras.layers)
    np.testing.assert_allclose(cut(IMAGES), inner(IMAGES), rtol=1e-6)
    with pytest.raises(ArgumentError, match="last layer with weights must be no model inside"):
        with_features(keras.Sequential([inputs, inner]), True, keras.layers)
