import keras
import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.inspect import explain
from zoo.inspect.networks.recording import record


@pytest.fixture(scope="module")
def linear():
    """A linear model, and its weights [height, width, channels, classes]."""
    dense = keras.layers.Dense(3)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    return model, dense.kernel.numpy().reshape(8, 8, 3, 3)


def test_the_gradient_is_the_slope_of_the_score():
    layers = [keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(
        [keras.Input((2, 2, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), *layers]
    )
    image = np.random.default_rng(0).integers(50, 200, (1, 2, 2, 3)).astype("uint8")
    slopes = np.zeros((2, 2))
    for y, x in np.ndindex(2, 2):
        up, down = image.copy(), image.copy()
        up[:, y, x] += 4  # in all channels, as the sum over the channels is the map
        down[:, y, x] -= 4
        difference = record(model, up).logits - record(model, down).logits
        slopes[y, x] = difference[0, 1] / 8
    maps = explain(model, image, 1, "gradient").maps
    assert np.allclose(maps[0], slopes, atol=1e-3 * np.abs(slopes).max())


def test_gradients_of_a_linear_model_are_its_weights(linear, images):
    model, weights = linear
    maps = explain(model, images, 2, "gradient").maps
    assert np.allclose(maps, weights[..., 2].sum(axis=-1), atol=1e-6)
    products = explain(model, images, 2, "gradient_times_input").maps
    assert np.allclose(products, (images * weights[..., 2]).sum(axis=-1), rtol=1e-4, atol=1e-3)
    smooth = explain(model, images, 2, "smooth_grad", samples=3).maps
    assert np.allclose(smooth, maps, atol=1e-6)


@pytest.mark.parametrize("baseline", ["black", "mean", 40, np.full((8, 8, 3), 9)])
def test_integrated_gradients_of_a_linear_model_are_exact(linear, images, baseline):
    model, weights = linear
    start = {"black": 0, "mean": images.mean(axis=(1, 2), keepdims=True)}.get(
        baseline if isinstance(baseline, str) else "", baseline
    )
    expected = ((images - np.float64(start)) * weights[..., 1]).sum(axis=-1)
    maps = explain(model, images, 1, baseline=baseline, steps=2).maps
    assert np.allclose(maps, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    "kind", ["flat", "handwritten", "subclassed", "shared", "mixed", "sigmoid"]
)
def test_integrated_gradients_add_up_to_the_difference_of_scores(models, images, kind):
    model = models[kind]
    explanation = explain(model, images, 1, "integrated_gradients", steps=200)
    difference = (
        record(model, images).logits[:, 1] - record(model, np.zeros_like(images[:1])).logits[:, 1]
    )
    sums = explanation.maps.sum(axis=(1, 2))
    assert np.allclose(sums, difference, atol=0.01 * np.abs(difference).max())
    assert np.allclose(explanation.completeness_gap, sums - difference, atol=1e-4)


def test_smooth_grad_is_repeatable_and_its_seed_matters(models, images):
    first, second, other = (
        explain(models["flat"], images, 0, "smooth_grad", samples=2, seed=seed).maps
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("gradient", lambda upstream, active: upstream * active),
        ("guided_backpropagation", lambda upstream, active: np.maximum(upstream, 0) * active),
        ("deconvolution", lambda upstream, active: np.maximum(upstream, 0)),
    ],
)
def test_the_backward_pass_through_relus_worked_out_by_hand(method, rule):
    layers = [keras.layers.Dense(6, activation="relu") for _ in range(2)]
    model = keras.Sequential(
        [keras.Input((2, 3, 1)), keras.layers.Flatten(), *layers, keras.layers.Dense(2)]
    )
    image = np.random.default_rng(1).integers(0, 256, (1, 2, 3, 1)).astype("uint8")
    (a, _), (b, _), (c, _) = (layer.get_weights() for layer in model.layers[1:])
    first = image.reshape(6) @ a
    second = np.maximum(first, 0) @ b
    upstream = rule(c[:, 1], second > 0)
    upstream = rule(b @ upstream, first > 0)
    explanation = explain(model, image, 1, method)
    assert np.allclose(explanation.maps, (a @ upstream).reshape(1, 2, 3), rtol=1e-4, atol=1e-6)
    assert explanation.changed_relus == (None if method == "gradient" else 2)


def test_a_baseline_without_a_finite_score_is_refused(standardizing):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype("uint8")
    model = standardizing()
    with pytest.raises(ArgumentError, match=r"baseline must be an image .* Pass baseline=\"blur\""):
        explain(model, images, steps=4, verbose=0)
    assert np.isfinite(explain(model, images, steps=4, baseline="blur", verbose=0).maps).all()
    flat = np.full((1, 4, 4, 1), 9, "uint8")
    with pytest.raises(ArgumentError, match="must have finite scores and gradients at the images"):
        explain(model, flat, 0, "gradient")


def test_a_score_that_jumps_at_the_baseline_is_told(standardizing):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype("uint8")
    model = standardizing(floor=1e-7)
    with pytest.warns(UserWarning, match=r"sums that are off by .* Pass baseline=\"blur\""):
        explain(model, images, steps=4, verbose=0)
    explain(model, images, steps=40, baseline="blur", verbose=0)
