import keras
import numpy as np
import pytest

from zoo.inspect import explain
from zoo.inspect.explaining.perturbation import _random_masks
from zoo.inspect.networks.recording import record


@pytest.fixture(scope="module")
def linear():
    """A linear model and the weights of class 1, [height, width, channels]."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(3)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), dense]
    )
    return model, dense.kernel.numpy()[:, 1].reshape(8, 8, 3) / 255


def test_occlusion_of_single_pixels_of_a_linear_model_is_what_they_add(linear, images):
    model, weights = linear
    maps = explain(model, images, 1, "occlusion", patch=1, stride=1, fill="black").maps
    assert np.allclose(maps, (images * weights).sum(axis=-1), atol=1e-4)


def test_occlusion_is_the_mean_over_the_patches_that_cover_a_pixel(linear, images):
    model, weights = linear
    falls = ((images - 100.0) * weights).sum(axis=-1)
    expected, counts = np.zeros((5, 8, 8)), np.zeros((8, 8))
    for y in (0, 2, 4, 5):  # the last patch ends at the edge
        for x in (0, 2, 4, 5):
            window = np.s_[..., y : y + 3, x : x + 3]
            expected[window] += falls[window].sum(axis=(1, 2), keepdims=True)
            counts[window] += 1
    maps = explain(model, images, 1, "occlusion", patch=3, stride=2, fill=100, batch_size=7).maps
    assert np.allclose(maps, expected / counts, atol=1e-4)


def test_rise_by_hand(models, images):
    model, count = models["logits"], 30
    masks = _random_masks(count, 4, 0.4, 5, 8, 8)(slice(0, count))
    assert masks.shape == (30, 8, 8)
    assert masks.min() >= 0
    assert masks.max() <= 1
    masked = (images[:, None] * masks[..., None]).reshape(-1, 8, 8, 3)
    scores = model.predict(masked, verbose=0)[:, 2].reshape(5, count)
    centred = scores - scores.mean(axis=1, keepdims=True)
    expected = np.einsum("nm,mij->nij", centred, masks) / (count * 0.4)
    options = {"masks": count, "cells": 4, "probability": 0.4, "seed": 5}
    maps = explain(model, images, 2, "rise", batch_size=8, **options).maps
    assert np.allclose(maps, expected, atol=1e-4)


def test_masks_of_rise_show_each_pixel_equally_often_at_different_shifts():
    masks = _random_masks(2000, 2, 0.4, 0, 8, 8)(slice(0, 2000))
    np.testing.assert_allclose(masks.mean(axis=0), 0.4, atol=0.05)
    # At a single shift, all masks would be sums of 3 × 3 masks, those of single cells.
    assert np.linalg.matrix_rank(masks.reshape(2000, -1)) > 9


def test_rise_finds_the_pixels_that_count(linear, images):
    model, weights = linear
    maps = explain(model, images, 1, "rise", masks=2000, cells=8).maps
    worth = (images * weights).sum(axis=-1)
    for values, expected in zip(maps, worth, strict=True):
        assert np.corrcoef(values.ravel(), expected.ravel())[0, 1] > 0.7


def test_the_scores_are_those_of_the_cut_model(models, images):
    logits = record(models["flat"], images).logits[:, 0]
    black = record(models["flat"], np.zeros_like(images)).logits[:, 0]
    maps = explain(models["flat"], images, 0, "occlusion", patch=8, fill="black").maps
    assert np.allclose(maps[:, 0, 0], logits - black, atol=1e-5)
