"""Networks for small images: the sizes that papers and other programs give, and the options."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.registry.flops import flops

GREY = {"input_shape": (28, 28, 1), "num_classes": 3}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture
def undrawn(monkeypatch):
    """Kernels are zeros: random numbers take time and memory."""

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [  # as in other implementations of the papers' networks
        ("lenet", {}, 61_706),
        ("lenet", {"input_shape": (32, 32, 1)}, 61_706),
        ("lenet", {"input_shape": (32, 32, 3)}, 62_006),
        ("resnet", {"depth": 20}, 269_722),
        ("resnet", {"depth": 32}, 464_154),
        ("resnet", {"depth": 44}, 658_586),
        ("resnet", {"depth": 56}, 853_018),
        ("wide_resnet", {"depth": 28, "width": 10}, 36_479_194),
        ("mini_xception", {"input_shape": (64, 64, 1)}, 58_423 - 2 * 736),
        ("vgg", {"width": 16}, 292_752 + 2 * 480 + 129 * 7),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_trainable_parameters_are_those_of_other_programs(name, arguments, count):
    assert trainable(zoo.build(name, **arguments)) == count


@pytest.mark.usefixtures("undrawn")
def test_multiply_adds_of_residual_networks_are_those_of_the_papers():
    assert flops(zoo.build("resnet")) / 2 == pytest.approx(40.6e6, rel=0.01)
    assert flops(zoo.build("wide_resnet", depth=28, width=10)) / 2 == pytest.approx(5.2e9, rel=0.02)


@pytest.mark.parametrize(
    "name", ["lenet", "mini_xception", "rep_vgg", "resnet", "vgg", "wide_resnet"]
)
@pytest.mark.parametrize("shape", [(28, 28, 1), (41, 33, 3), (96, 96, 3)])
def test_weights_do_not_depend_on_the_size_of_the_images(name, shape):
    model = zoo.build(name, input_shape=shape, num_classes=3)
    same = zoo.build(name, input_shape=(32, 32, shape[-1]), num_classes=3)
    same.set_weights(model.get_weights())
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
@pytest.mark.parametrize("name", zoo.list_models(tags="small"))
def test_no_convolution_of_single_pixels_has_strides(name, gradients):
    for layer in zoo.build(name, gradients=gradients).layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1):
            assert layer.strides == (1, 1)


def test_a_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros():
    model = zoo.build("resnet", input_shape=(9, 9, 1), depth=8, width=2)
    inner = keras.Model(
        model.input,
        [model.get_layer(name).output for name in ("stage1_1_relu", "stage2_1_channels")],
    )
    before, shortcut = inner(np.random.default_rng(0).integers(0, 256, (2, 9, 9, 1)))
    expected = np.pad(before[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (1, 1)))
    np.testing.assert_array_equal(shortcut, expected)


def test_the_lenet_of_1998_has_means_and_tanh():
    model = zoo.build("lenet", activation="tanh", pooling="average", dropout=0.5)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("AveragePooling2D") == 2
    assert kinds.count("Activation") == 4
    assert kinds.count("Dropout") == 1
    assert not {"MaxPooling2D", "ReLU"} & set(kinds)


@pytest.mark.parametrize("name", ["vgg", "rep_vgg"])
@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
def test_squeeze_and_excitation_weighs_channels(name, gradients):
    model = zoo.build(name, **GREY, width=8, squeeze_excitation=True, gradients=gradients, seed=0)
    (factors,) = (layer for layer in model.layers if layer.name.endswith("2_excite"))
    inner = keras.Model(model.input, [*factors.input, factors.output])
    maps, weights, product = inner(np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)))
    assert weights.shape == (2, 1, 1, 16)
    assert 0 < np.min(weights) < np.max(weights) < 1
    np.testing.assert_allclose(product, np.asarray(maps) * np.asarray(weights), rtol=1e-6)


def test_dropout_stands_behind_blocks_and_before_the_classes(layers_of):
    model = zoo.build("vgg", **GREY, width=2, conv_dropout=0.1, dropout=0.3)
    rates = [layer.rate for layer in layers_of(model, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.3]
    wide = zoo.build("wide_resnet", **GREY, depth=10, width=1, conv_dropout=0.2)
    assert [layer.rate for layer in layers_of(wide, keras.layers.Dropout)] == [0.2] * 3


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("resnet", {"depth": 21}, r"depth must be 6 n \+ 2 for resnet.*Received: 21\. Pass 8, 14"),
        ("resnet", {"depth": 2}, r"Received: 2\."),
        ("wide_resnet", {"depth": 20}, r"6 n \+ 4 for wide_resnet.*Pass 10, 16, 22"),
        ("resnet", {"width": 0}, r"width must be a whole number of 1 or more for resnet"),
        ("vgg", {"blocks": 1.5}, r"blocks must be a whole number of 1 or more for vgg"),
        ("vgg", {"width": True}, r"Received: True\. `zoo describe vgg` shows the default"),
        ("mini_xception", {"width": "8"}, r"width must be a whole number"),
        ("rep_vgg", {"depths": 3}, r"depths must be a list of the numbers of layers"),
        ("rep_vgg", {"depths": ()}, r"depths must be a list"),
        ("rep_vgg", {"depths": (1, 0)}, r"depths\[1\] must be a whole number of 1 or more"),
        ("lenet", {"pooling": "mean"}, r'pooling must be "max" or "average"\. Received: \'mean\''),
    ],
)
def test_other_sizes_are_refused(name, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        zoo.build(name, **arguments)
