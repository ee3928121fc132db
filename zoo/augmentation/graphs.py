"""All random transforms of a batch in one graph, which XLA compiles into few loops over the batch.

The random numbers are drawn outside of XLA, which draws other numbers from the same seed. Each kind
of transform draws from a seed of its own, so that a further transform changes no other transform.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import tensorflow as tf

from zoo.augmentation.erasing import erase
from zoo.augmentation.intensity import change_intensity
from zoo.augmentation.mixing import (
    draw_mixing,
    keep_weightless_apart,
    mix_images,
    mix_targets,
    pixel_weights,
)
from zoo.augmentation.projective import crop_offsets, draw, matrices, parameters, transform
from zoo.augmentation.ranges import ANGLES, FLIPS, SHARES, Ranges

BETWEEN_PIXELS = (*ANGLES, *SHARES)
"""The transforms that need values between the pixels."""


def draw_numbers(augmentation: Ranges, seed: Any, shape: Any) -> dict[str, Any]:
    """Draw the random numbers of all transforms of single images.

    Args:
        augmentation: The values, such as a `zoo.Augmentation`.
        seed: Two integers, int64 [2].
        shape: The shape of the images, int32 [4].

    Returns:
        Name of a transform that is used → numbers uniform in [0, 1), [count, …].

    Example:
        >>> from zoo import Augmentation
        >>> numbers = draw_numbers(Augmentation(crop_padding=2), [1, 2], [3, 8, 8, 1])
        >>> {name: value.shape.as_list() for name, value in numbers.items()}
        {'warp': [3, 8], 'crop': [3, 2]}
    """
    count = shape[0]
    numbers = {"warp": draw(seed, count)}
    if augmentation.crop_padding:
        numbers["crop"] = _uniform(seed, 1, [count, 2])
    if augmentation.brightness_range or augmentation.contrast_range:
        numbers["intensity"] = _uniform(seed, 2, [count, 2])
    if augmentation.random_erasing:
        numbers["erasing"] = _uniform(seed, 3, [count, 5])
        numbers["noise"] = _uniform(seed, 4, shape, "float32")
    return numbers


def transform_each(augmentation: Ranges, images: Any, numbers: dict[str, Any]) -> Any:
    """Transform each image by itself, as its random numbers say.

    Args:
        augmentation: The values, such as a `zoo.Augmentation`.
        images: Pixels 0..255, float32 or float64 [batch, height, width, channels].
        numbers: The result of `draw_numbers`.

    Returns:
        Images of the same shape and dtype. The gradient with respect to the images is exact.

    Example:
        >>> from zoo import Augmentation
        >>> darker = Augmentation(brightness_range=0.5)
        >>> numbers = {"warp": [[0.5] * 8], "intensity": [[0.5, 0.0]]}
        >>> float(tf.reduce_max(transform_each(darker, tf.fill([1, 2, 2, 1], 200.0), numbers)))
        72.5
    """
    _, height, width, _ = tf.unstack(tf.shape(images))
    between_pixels = any(getattr(augmentation, name) for name in BETWEEN_PIXELS)
    flips = any(getattr(augmentation, name) for name in FLIPS)
    if between_pixels or flips or augmentation.crop_padding:
        offsets = None
        if augmentation.crop_padding:
            offsets = crop_offsets(augmentation.crop_padding, numbers["crop"])
        drawn = parameters(augmentation, numbers["warp"], height, width)
        images = transform(
            images,
            matrices(drawn, height, width, offsets),
            augmentation.fill_mode,
            augmentation.cval,
            whole_pixels=not between_pixels,
        )
    if augmentation.brightness_range or augmentation.contrast_range:
        images = change_intensity(images, numbers["intensity"], augmentation)
    if augmentation.random_erasing:
        images = erase(images, numbers["erasing"], numbers["noise"], augmentation.random_erasing)
    return images


@lru_cache
def augmenter(augmentation: Ranges, dtype: str = "float32") -> Callable[[Any, Any], Any]:
    """Make the function that transforms each image of a batch at random.

    XLA compiles the function, except for float64: gradients are checked in float64, and XLA would
    take seconds to compile the gradient.

    Args:
        augmentation: The values, such as a `zoo.Augmentation`. They must be hashable. Images are
            not mixed: `mixer` does that.
        dtype: Dtype of the images.

    Returns:
        A function of images [batch, height, width, channels] and a seed, int64 [2]. It returns
        images of the same shape, in float64 for float64 images and else in float32. Its gradient
        with respect to the images is exact.

    Example:
        >>> from zoo import Augmentation
        >>> seed = tf.constant([1, 2], "int64")
        >>> augmenter(Augmentation(rotation_range=5))(tf.zeros([2, 8, 8, 1]), seed).shape
        TensorShape([2, 8, 8, 1])
    """
    transformed = _compiled(augmentation, by_xla=dtype != "float64")

    def augment(images: Any, seed: Any) -> Any:
        return transformed(images, draw_numbers(augmentation, seed, tf.shape(images)))

    images_spec = tf.TensorSpec([None, None, None, None], dtype)
    return _graph(augment, input_signature=[images_spec, tf.TensorSpec([2], "int64")])


@lru_cache
def mixer(augmentation: Ranges) -> Callable[..., tuple[Any, Any, Any]]:
    """Make the function that transforms each image of a batch at random, and then mixes images.

    Args:
        augmentation: The values, such as a `zoo.Augmentation`, with `mixup` or `cutmix`. They must
            be hashable.

    Returns:
        A function of images [batch, height, width, channels], a seed, int64 [2], the shares of the
        classes for each image, float [batch, classes], and the weights of the images, [batch], or
        None. It returns mixed images, float32, and shares and weights of the mixed images.

    Example:
        >>> from zoo import Augmentation
        >>> images, shares = tf.zeros([2, 8, 8, 1]), tf.eye(2)
        >>> mix = mixer(Augmentation(mixup=0.4))
        >>> mix(images, tf.constant([1, 2], "int64"), shares)[1].shape
        TensorShape([2, 2])
    """
    transformed = _compiled(augmentation)

    # Compiled by itself: in one function with the transforms, XLA would transform each image again
    # where the image is a partner.
    def mix_pixels(images: Any, mixing: Any) -> tuple[Any, Any]:
        weights, own_share = pixel_weights(mixing, augmentation, *tf.unstack(tf.shape(images)[1:3]))
        return mix_images(images, mixing["partners"], weights), own_share

    mixed_pixels = _graph(mix_pixels, by_xla=True)

    def mix(images: Any, seed: Any, shares: Any, image_weights: Any = None) -> Any:
        seeds = tf.stack([_fold_in(seed, number) for number in range(5, 9)])
        mixing = draw_mixing(augmentation, seeds, tf.shape(images)[0])
        if image_weights is not None:
            mixing = keep_weightless_apart(mixing, image_weights)
        images = transformed(images, draw_numbers(augmentation, seed, tf.shape(images)))
        images, own_share = mixed_pixels(images, mixing)
        targets = mix_targets(shares, mixing["partners"], own_share, image_weights)
        return tf.cast(images, "float32"), *targets

    return _graph(mix, reduce_retracing=True)


def _compiled(augmentation: Ranges, *, by_xla: bool = True) -> Any:
    """Make the graph of `transform_each`, which casts pixels too."""

    def transform_pixels(images: Any, numbers: Any) -> Any:
        # Cast inside of the function, so that the same loop reads bytes and makes floats of them.
        images = images if images.dtype == "float64" else tf.cast(images, "float32")
        return transform_each(augmentation, images, numbers)

    return _graph(transform_pixels, by_xla=by_xla)


def _graph(function: Callable[..., Any], *, by_xla: bool = False, **options: Any) -> Any:
    """Make a graph of a function, which XLA may compile, anew for each size of a batch.

    XLA makes a single loop of many operations. TensorFlow counts the tracings of each function, and
    would warn of too many of them at the fifth augmentation; a partial has a count of its own.
    """
    return tf.function(
        partial(function),
        autograph=False,
        jit_compile=by_xla and tf.test.is_built_with_xla(),
        **options,
    )


def _fold_in(seed: Any, number: int) -> Any:
    """Make another seed of a seed and a number."""
    return tf.random.experimental.stateless_fold_in(
        tf.convert_to_tensor(seed, "int64"), number, alg="philox"
    )


def _uniform(seed: Any, number: int, shape: Any, dtype: str = "float64") -> Any:
    # The default algorithm differs between devices, so it is named here.
    return tf.random.stateless_uniform(shape, _fold_in(seed, number), dtype=dtype, alg="philox")
