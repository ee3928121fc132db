import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.augmentation.views import (
    AugmentedViews,
    FlippedViews,
    TenCropViews,
    augmented_views,
)
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
    assert augmented_views(None) is None
    with pytest.raises(ArgumentError, match="augmentation must be given beside times and seed"):
        augmented_views(None, times=1)
    assert augmented_views("flip") == FlippedViews()
    assert augmented_views("ten_crop") == TenCropViews()
    for known in (views, "flip", TenCropViews(0.9)):
        for given in ({"times": 8}, {"seed": 0}):
            with pytest.raises(ArgumentError, match="times and seed must be None"):
                augmented_views(known, **given)
    with pytest.raises(ArgumentError, match=r'"ten_crop", views, or None\. Received: 5'):
        augmented_views(5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "times .* must be a whole number of 2 or more. Received: 1"),
        ({"seed": -1}, "seed must be a whole number of 0 or more"),
        ({"augmentation": None}, "augmentation must be a zoo.Augmentation. Received: None"),
        (
            {"augmentation": zoo.Augmentation(mixup=0.2)},
            "mixup and cutmix must be 0 for test-time augmentation",
        ),
    ],
)
def test_views_that_cannot_be_made_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        AugmentedViews(**{"augmentation": FLIPS, **arguments})


def weighted_sum(images):
    """A function of the pixels that tells right from left and top from bottom."""
    weights = np.random.default_rng(1).random(images.shape[1:])
    return (images * weights).sum(axis=(1, 2, 3)).astype("float32")


def test_a_mirrored_image_gives_the_same_mean_over_flips():
    flipped = IMAGES[:, :, ::-1]
    assert not np.allclose(weighted_sum(IMAGES), weighted_sum(flipped))
    np.testing.assert_array_equal(
        FlippedViews().mean(weighted_sum, IMAGES), FlippedViews().mean(weighted_sum, flipped)
    )


def test_a_mirrored_image_gives_the_same_mean_over_ten_crops():
    means = [TenCropViews(0.7).mean(weighted_sum, x) for x in (IMAGES, IMAGES[:, :, ::-1])]
    np.testing.assert_allclose(*means, rtol=1e-5)


def test_ten_crops_are_corners_and_centre_scaled_with_their_mirror_images():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), dtype="uint8")
    crops = list(TenCropViews(0.75).crops(images))
    assert len(crops) == 10
    places = [(0, 0), (0, 4), (2, 0), (2, 4), (1, 2)]
    for (top, left), plain, mirrored in zip(places, crops[::2], crops[1::2], strict=True):
        cropped = images[:, top : top + 6, left : left + 12]
        expected = tf.image.resize(cropped, (8, 16), "bilinear")
        np.testing.assert_allclose(plain, expected, atol=1e-3)
        np.testing.assert_allclose(mirrored, plain[:, :, ::-1], atol=1e-3)


def test_a_crop_may_begin_between_two_pixels():
    """Of 9 pixels the middle 6 begin at 1.5. Bilinear interpolation of a ramp gives its places."""
    ramp = np.arange(9, dtype="uint8")[None, None, :, None].repeat(9, axis=1)
    centre = list(TenCropViews(6 / 9).crops(ramp))[8]
    expected = 1.5 + np.clip((np.arange(9) + 0.5) * 6 / 9 - 0.5, 0, 5)
    np.testing.assert_allclose(centre[0, :, :, 0], np.tile(expected, (9, 1)), rtol=1e-6)


@pytest.mark.parametrize("sides", [(1, 1), (2, 3), (3, 1)])
def test_tiny_images_have_ten_crops(sides):
    images = np.random.default_rng(0).integers(0, 256, (2, *sides, 3), dtype="uint8")
    crops = np.stack(list(TenCropViews().crops(images)))
    assert crops.shape == (10, 2, *sides, 3)
    assert images.min() <= crops.min() <= crops.max() <= images.max()


def test_crops_of_the_whole_image_are_the_image():
    for number, crop in enumerate(TenCropViews(1).crops(IMAGES)):
        expected = IMAGES[:, :, ::-1] if number % 2 else IMAGES
        np.testing.assert_array_equal(crop, expected)


def test_the_share_of_a_crop_is_checked():
    with pytest.raises(ArgumentError, match="share must be a finite number, above 0 and up to 1"):
        TenCropViews(0)
