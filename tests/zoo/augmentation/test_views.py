import numpy as np
import pytest

import zoo
from zoo.augmentation.views import AugmentedViews, augmented_views
from zoo.errors import ArgumentError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 1), dtype="uint8")
FLIPS = zoo.Augmentation(horizontal_flip=True)


def brightness_of_the_left_half(images):
    return images[:, :, :3].mean(axis=(1, 2, 3), dtype="float32")


def test_the_mean_is_over_the_image_and_its_transforms():
    left = brightness_of_the_left_half(IMAGES)
    right = brightness_of_the_left_half(IMAGES[:, :, ::-1])
    mean = AugmentedViews(FLIPS, count=4, seed=3).mean(brightness_of_the_left_half, IMAGES)
    flips = 4 * (mean - left) / (right - left)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(flips, flips.round(), atol=1e-3)
    assert set(flips.round().astype(int).tolist()) <= {0, 1, 2, 3}


def test_the_transforms_follow_from_the_seed_and_from_the_first_image():
    def mean(seed, first=0):
        views = AugmentedViews(zoo.Augmentation(rotation_range=90), count=2, seed=seed)
        return views.mean(brightness_of_the_left_half, IMAGES, first)

    np.testing.assert_array_equal(mean(1), mean(1))
    assert not np.allclose(mean(1), mean(2))
    assert not np.allclose(mean(1), mean(1, first=512))


def test_arguments_become_one_value():
    views = augmented_views(FLIPS, times=5, seed=2)
    assert views == AugmentedViews(FLIPS, count=5, seed=2)
    assert augmented_views(views) is views
    assert augmented_views(None, times=1) is None
    for given in ({"times": 8}, {"seed": 0}):
        with pytest.raises(ArgumentError, match="times and seed must be None"):
            augmented_views(views, **given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "times .* must be a whole number of 2 or more. Received: 1"),
        ({"seed": -1}, "seed must be a whole number of 0 or more"),
        ({"augmentation": None}, "augmentation must be a zoo.Augmentation. Received: None"),
    ],
)
def test_views_that_cannot_be_made_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        AugmentedViews(**{"augmentation": FLIPS, **arguments})
