import numpy as np
import pytest

from zoo import Augmentation
from zoo.augmentation.intensity import change_intensity

GREY = np.random.default_rng(0).uniform(100, 150, (6, 5, 4, 3)).astype("float32")
NUMBERS = np.random.default_rng(1).random((6, 2))


def test_brightness_keeps_the_differences_of_an_image():
    changed = change_intensity(GREY, NUMBERS, Augmentation(brightness_range=0.3)).numpy()
    change = changed - GREY
    expected = 255 * 0.3 * (2 * NUMBERS[:, 1] - 1)
    expected = np.broadcast_to(expected[:, None, None, None], change.shape)
    np.testing.assert_allclose(change, expected, atol=1e-4)


def test_contrast_keeps_the_mean_and_scales_the_differences_from_it():
    changed = change_intensity(GREY, NUMBERS, Augmentation(contrast_range=0.5)).numpy()
    means = GREY.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(changed.mean(axis=(1, 2), keepdims=True), means, rtol=1e-5)
    factors = 1 + 0.5 * (2 * NUMBERS[:, 0] - 1)
    expected = factors[:, None, None, None] * (GREY - means)
    np.testing.assert_allclose(changed - means, expected, atol=1e-3)


@pytest.mark.parametrize(("number", "limit"), [(0.0, 0), (1.0, 255)])
def test_no_pixel_is_darker_than_black_or_brighter_than_white(number, limit):
    strong = Augmentation(brightness_range=0.99)
    changed = change_intensity(GREY, np.full((6, 2), number), strong).numpy()
    assert (changed == limit).all()
