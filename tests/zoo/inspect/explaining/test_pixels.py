import numpy as np
import pytest
import tensorflow as tf

from zoo.inspect.explaining.pixels import enlarged, fill_pixels


def test_a_blurred_image_has_its_brightness_and_no_details():
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 24, 3)).astype("float32")
    images[:, :, 12:] /= 4
    blurred = fill_pixels("fill", "blur", tf.constant(images)).numpy()
    assert blurred.shape == images.shape
    assert blurred.mean() == pytest.approx(images.mean(), rel=0.05)
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.1 * np.abs(np.diff(images, axis=1)).mean()
    assert (blurred[:, :, :6].mean(axis=(1, 2)) > 2 * blurred[:, :, -6:].mean(axis=(1, 2))).all()


@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images_of_a_single_colour_stay_the_same(side):
    images = tf.fill((1, side, side, 1), 200.0)
    assert np.allclose(fill_pixels("fill", "blur", images), images, atol=1e-3)


def test_pixels_can_be_a_number_an_image_or_the_mean_colour():
    images = tf.constant(np.arange(24).reshape(2, 2, 2, 3), tf.float32)
    assert fill_pixels("fill", "mean", images)[1, 0, 0].numpy().tolist() == [16.5, 17.5, 18.5]
    assert fill_pixels("fill", 7, images).numpy().tolist() == [[[[7, 7, 7]]]]
    assert fill_pixels("fill", np.ones((2, 2, 3)), images).shape == (1, 2, 2, 3)


def test_maps_are_enlarged_between_their_values():
    large = enlarged(tf.constant([[[[0.0, 1.0]]]]), 1, 4).numpy()
    assert np.allclose(large, [[[[0, 0.25, 0.75, 1]]]])
