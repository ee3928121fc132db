import numpy as np
from scipy.fft import dctn

from zoo.datasets.looking.perceptual_hash import perceptual_hashes

ODD = sum(1 << bit for bit in range(64) if bit % 8 % 2)
"""The bits of the odd horizontal frequencies."""


def test_bits_are_the_signs_of_the_cosine_transform(rng):
    images = rng.integers(0, 256, (3, 20, 14, 1), dtype=np.uint8)
    expected = dctn(images[..., 0].astype(float), axes=(1, 2))[:, :8, :8] > 0
    bits = perceptual_hashes(images)[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    np.testing.assert_array_equal(bits[:, 1:], expected.reshape(3, -1)[:, 1:])


def test_brightness_and_contrast_change_nothing_and_mirroring_the_odd_frequencies(rng):
    images = rng.integers(0, 100, (5, 16, 16, 3), dtype=np.uint8)
    hashes = perceptual_hashes(images)
    np.testing.assert_array_equal(perceptual_hashes(2 * images + 30), hashes)
    np.testing.assert_array_equal(perceptual_hashes(images[:, :, ::-1]), hashes ^ np.uint64(ODD))
