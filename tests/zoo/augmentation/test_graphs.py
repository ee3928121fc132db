import numpy as np
import pytest

from zoo import Augmentation

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 9, 2), dtype="uint8")


def test_a_crop_of_a_padded_image_shifts_by_whole_pixels():
    padding = 2
    cropped = Augmentation(crop_padding=padding, fill_mode="constant", cval=-1)(IMAGES, seed=0)
    sides = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    padded = np.pad(IMAGES.astype("float32"), sides, constant_values=-1)
    places = set()
    for image, wide in zip(cropped, padded, strict=True):
        found = [
            (top, left)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            if np.array_equal(image, wide[top : top + 6, left : left + 9])
        ]
        assert len(found) == 1
        places.update(found)
    assert len(places) > 15  # of 25
    assert {top for top, _ in places} == {left for _, left in places} == set(range(5))


def test_a_crop_takes_no_interpolation_and_is_the_same_with_interpolation():
    # A zoom of nearly 0 asks for values between pixels.
    crop = Augmentation(crop_padding=2, horizontal_flip=True, fill_mode="reflect")
    between = Augmentation(
        crop_padding=2, horizontal_flip=True, fill_mode="reflect", zoom_range=1e-9
    )
    np.testing.assert_allclose(crop(IMAGES, seed=1), between(IMAGES, seed=1), atol=1e-3)


@pytest.mark.parametrize(
    "added", [{"crop_padding": 1}, {"brightness_range": 0.1}, {"random_erasing": 0.5}]
)
def test_a_further_transform_changes_no_other(added):
    flips = Augmentation(horizontal_flip=True)
    ramp = np.broadcast_to(np.arange(9, dtype="uint8")[:, None] * 10, (40, 6, 9, 1))
    alone = flips(ramp, seed=0)
    both = Augmentation(horizontal_flip=True, **added)(ramp, seed=0)
    # The mean slope along a row tells whether the image is flipped, whatever else happens to it.
    slopes = (both - both.mean(axis=2, keepdims=True)) * (alone - alone.mean())
    assert (np.median(slopes.sum(axis=(2, 3)), axis=1) > 0).all()


def test_each_image_has_random_numbers_of_its_own():
    same = np.repeat(IMAGES[:1], 8, axis=0)
    augmentation = Augmentation(brightness_range=0.2, contrast_range=0.2, crop_padding=3)
    assert len({image.tobytes() for image in augmentation(same, seed=0)}) == 8
