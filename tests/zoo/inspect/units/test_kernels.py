import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.inspect import weights
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.units.kernels import KernelImages
from zoo.inspect.units.tiles import new_axes


def texts(axes):
    return [" ".join(text.get_text().split()) for text in axes.texts]


@pytest.mark.parametrize(("gradients", "standardize"), [
    ("auto", None), ("auto", "per_image"), ("handwritten", "mean_image"),
])  # fmt: skip
def test_the_kernel_of_a_dense_layer_has_the_shape_of_the_images(gradients, standardize):
    model = zoo.build(
        "softmax",
        gradients=gradients,
        standardize=standardize,
        input_shape=(4, 5, 3),
        num_classes=2,
    )
    found = weights(model)
    kernel = model.get_layer("logits").kernel.numpy()
    image = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    assert found.layer == "logits"
    assert found.kernels.shape == (2, 4, 5, 3)
    expected = image.reshape(1, -1) @ kernel
    np.testing.assert_allclose((found.kernels * image).sum((1, 2, 3)), expected[0], rtol=1e-4)


@pytest.mark.parametrize("kind", ["flat", "handwritten", "nested", "subclassed", "shared", "mixed"])
def test_the_first_convolution_of_every_kind_of_model_is_shown(models, kind):
    found = weights(models[kind], units=np.array([2, 0]))
    layer = find_layer(models[kind], found.layer.partition(":")[0]).layer
    assert layer.name in ("first", "shared")
    np.testing.assert_array_equal(found.kernels, layer.kernel.numpy().transpose(3, 0, 1, 2)[[2, 0]])
    assert found.units == (2, 0)


def test_the_kernels_of_a_depthwise_convolution_are_grey():
    convolution = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)
    found = weights(keras.Sequential([keras.Input((6, 6, 3)), convolution, *answer()]))
    assert found.kernels.shape == (6, 3, 3, 1)
    np.testing.assert_array_equal(found.kernels[3, ..., 0], convolution.kernel.numpy()[:, :, 1, 1])


def answer():
    return [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]


@pytest.mark.parametrize(("layer", "why"), [
    ("second", "has 4 input channels"),
    ("hidden", "does not look at the pixels themselves, but at the output of 'first'"),
    ("pooled", "has no kernel"),
    ("missing", "must be the name of a layer"),
])  # fmt: skip
def test_a_layer_without_a_kernel_of_pixels_is_refused(models, layer, why):
    with pytest.raises(ArgumentError, match=why):
        weights(models["flat"], layer)


def test_pixels_that_change_places_before_a_dense_layer_are_refused():
    layers = [keras.Input((4, 4, 1)), keras.layers.Permute((2, 1, 3)), keras.layers.Flatten()]
    with pytest.raises(ArgumentError, match="at the output of 'permute"):
        weights(keras.Sequential([*layers, keras.layers.Dense(2)]))


def test_arguments_are_checked(models):
    with pytest.raises(ArgumentError, match="from 0 to 3"):
        weights(models["flat"], units=[4])
    with pytest.raises(ArgumentError, match="scale must be one of each, shared"):
        weights(models["flat"], scale="all")
    with pytest.raises(ArgumentError, match=r"Pass a member, committee.members\[0\]"):
        weights(Committee(["softmax", "softmax"]))
    flat = keras.Sequential([keras.Input((16,)), keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match="a known number of channels"):
        weights(flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_are_symmetric_around_0_in_one_scale_or_each_in_its_own(channels):
    kernels = np.zeros((3, 2, 2, channels), "float32")
    kernels[0, 0, 0], kernels[1, 1, 1] = -2, 4  # the third kernel is 0
    each = KernelImages(kernels, (0, 1, 2), "first")
    shared = KernelImages(kernels, (0, 1, 2), "first", "shared")
    assert each.limits.tolist() == [2, 4, 1]
    assert shared.limits.tolist() == [4, 4, 4]
    axes = each.plot()
    assert "a scale of its own" in texts(axes)[-1]
    assert ("Grey is 0." in texts(axes)[-1]) == (channels == 3)
    ax = new_axes(3)
    assert shared.plot(ax, names=["$a_b$", "c", "d"], columns=3) is ax
    assert "One scale for all" in texts(ax)[-1]
    assert texts(ax)[:3] == ["$a_b$", "c", "d"]
    drawn = ax.images[0].get_array()
    lowest, zero = (-0.5, 0) if channels == 1 else (0.25, 0.5)
    assert np.nanmin(drawn) == lowest
    assert drawn[-1, -1].max() == zero
    if channels == 1:
        assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == (-1, 1)


def test_a_caption_says_how_many_kernels_are_left_out():
    kernels = np.ones((101, 2, 2, 1), "float32")
    many = KernelImages(kernels, tuple(range(101)), "first")
    assert "first 100 of 101" in texts(many.plot())[-1]
    with pytest.raises(ArgumentError, match="101 names"):
        many.plot(names=["a"])


def test_the_pictures_in_a_row_are_counted():
    found = KernelImages(np.ones((2, 3, 3, 1), "float32"), (0, 1), "first")
    few, many = (found.plot(columns=columns).images[0].get_array() for columns in (2, 50))
    assert few.shape == many.shape  # no empty space for 48 more
    for columns in (0, -1):
        with pytest.raises(ArgumentError, match="columns must be a whole number of 1 or more"):
            found.plot(columns=columns)
