"""Gradient ascent: images that make units more active, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.augmentation.augmentation import Augmentation
from zoo.augmentation.graphs import draw_numbers, transform_each
from zoo.inspect.units.pixel_space import PixelSpace
from zoo.seeds import seed_words

Score = Callable[[Any, Any], Any]
"""A function of images [n, height, width, channels] and units [n] that gives scores [n]."""


@dataclass(frozen=True)
class AscentSettings:
    """How images are optimised.

    Attributes:
        steps: The number of steps.
        learning_rate: The length of a step, for Adam.
        augmentation: Random transforms of the images before each step, or None.
        total_variation: The weight of the total variation against the score.
        seed: The seed of the transforms.
    """

    steps: int
    learning_rate: float
    augmentation: Augmentation | None
    total_variation: float
    seed: int


def make_step(score: Score, space: PixelSpace, settings: AscentSettings) -> Callable[..., Any]:
    """Make the function that does a step of gradient ascent, as a graph.

    A step goes up the gradient of each image's own score, and down the gradient of the image's
    total variation (the sum of the differences between neighbours, Rudin, Osher and Fatemi, 1992;
    Mahendran and Vedaldi, 2015). The gradient of a score is first divided by its root mean square
    over the pixels, so that `total_variation` means the same for logits of 100 and activations of
    0.1. The optimiser is Adam (Kingma and Ba, 2015).

    Args:
        score: The score of each image.
        space: The numbers that are optimised.
        settings: How images are optimised.

    Returns:
        A function of the numbers, Adam's two means, the units [n], the number of the step from 1,
        and the seed of the transforms. It returns the new numbers and means, and for each image
        whether its score had a gradient.
    """
    augmentation = settings.augmentation

    def transformed(pixels: Any, seed: Any) -> Any:
        if augmentation is None:
            return pixels
        return transform_each(
            augmentation, pixels, draw_numbers(augmentation, seed, tf.shape(pixels))
        )

    state = 3 * (tf.TensorSpec([None, *space.numbers.shape[1:]], "float32"),)
    inputs = [tf.TensorSpec([None], "int32"), tf.TensorSpec([]), tf.TensorSpec([2], "int64")]

    # Any number of images, so that the last batch of units needs no graph of its own.
    @tf.function(autograph=False, input_signature=[*state, *inputs])
    def step(numbers: Any, first: Any, second: Any, units: Any, count: Any, seed: Any) -> Any:
        pixels = space.to_pixels(numbers)
        total = tf.reduce_sum(score(transformed(pixels, seed), units))
        gradient = tf.gradients(total, pixels, unconnected_gradients="zero")[0]
        size = tf.sqrt(tf.reduce_mean(gradient**2, axis=[1, 2, 3], keepdims=True))
        rough = tf.gradients(tf.reduce_sum(tf.image.total_variation(pixels)), pixels)[0]
        downhill = settings.total_variation * rough - tf.math.divide_no_nan(gradient, size)
        slope = tf.gradients(pixels, numbers, downhill)[0]
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        change = first / (1 - 0.9**count) / (tf.sqrt(second / (1 - 0.999**count)) + 1e-8)
        return numbers - settings.learning_rate * change, first, second, size[:, 0, 0, 0] > 0

    return step


def climb(
    step: Callable[..., Any],
    space: PixelSpace,
    units: np.ndarray,
    settings: AscentSettings,
    *,
    advance: Callable[[float], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Optimise an image for each unit.

    Args:
        step: The function that `make_step` made.
        space: The numbers at the start.
        units: The unit of each image, int [n].
        settings: How images are optimised.
        advance: Takes how many images have gone a step, for a progress bar.

    Returns:
        The images 0..255, float32 [n, height, width, channels]; and for each image whether its
        score had a gradient at any step, bool [n].
    """
    numbers = tf.constant(space.numbers)
    first = second = tf.zeros_like(numbers)
    wanted = tf.constant(units, "int32")
    felt = np.zeros(len(units), bool)
    words = seed_words(settings.seed)
    for count in range(1, settings.steps + 1):
        seed = tf.constant(words + count, "int64")
        number = tf.constant(float(count))
        numbers, first, second, has = step(numbers, first, second, wanted, number, seed)
        felt |= has.numpy()
        advance(len(units))
    return space.to_pixels(numbers).numpy(), felt
