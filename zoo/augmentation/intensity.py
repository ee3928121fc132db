"""Random brightness and contrast of images."""

from typing import Any

import tensorflow as tf

from zoo.augmentation.ranges import Ranges

WHITE = 255.0
"""The value of a white pixel."""


def change_intensity(images: Any, numbers: Any, augmentation: Ranges) -> Any:
    """Change contrast and brightness of each image at random.

    With the mean m of the image in each channel, a pixel x becomes m + f (x − m) + 255 b, with f
    uniform in 1 ± `contrast_range` and b uniform in ± `brightness_range`. Results below 0 and above
    255 are set to these limits.

    Args:
        images: Pixels 0..255, float [batch, height, width, channels].
        numbers: Uniform in [0, 1), [batch, 2].
        augmentation: The ranges, such as a `zoo.Augmentation`.

    Returns:
        Images of the same shape and dtype.

    Example:
        >>> from zoo import Augmentation
        >>> grey = tf.fill([1, 2, 2, 1], 100.0)
        >>> brighter = change_intensity(grey, [[0.5, 1.0]], Augmentation(brightness_range=0.2))
        >>> float(tf.reduce_min(brighter))
        151.0
    """
    spread = tf.cast(2 * tf.convert_to_tensor(numbers) - 1, images.dtype)[:, None, None, None]
    factor = 1 + augmentation.contrast_range * spread[..., 0]
    changed = images
    if augmentation.contrast_range:
        mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
        changed = mean + factor * (images - mean)
    if augmentation.brightness_range:
        changed += WHITE * augmentation.brightness_range * spread[..., 1]
    return tf.clip_by_value(changed, 0, WHITE)
