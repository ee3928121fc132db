"""Numbers that an optimiser may change freely, and the images 0..255 that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

SPACES = ("fourier", "pixels")

COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], "float32")
"""A square root of the covariance of the colours of ImageNet's pixels (lucid, Olah et al., 2017).

Three independent numbers times the transpose of this matrix give red, green and blue, which in
photographs differ little from one another.
"""


@dataclass(frozen=True)
class PixelSpace:
    """The numbers of a batch of images, and the way from the numbers to pixels.

    Attributes:
        numbers: The numbers at the start, float32 [n, …].
        to_pixels: A differentiable function of numbers [n, …] that gives pixels between 0 and 255,
            float32 [n, height, width, channels].
    """

    numbers: np.ndarray
    to_pixels: Callable[[Any], Any]


def pixel_space(name: str, start: np.ndarray, count: int, seed: int) -> PixelSpace:
    """Make the numbers for a batch of images that begin near a given image.

    A pixel is `255 σ(z₀ + z)`, where σ is the logistic function, `255 σ(z₀)` is the image at the
    start, and z is what is learned, at first small noise. So each pixel stays between 0 and 255.

    In Fourier space, the numbers are amplitudes of waves, divided by their frequencies: then all
    frequencies have about the same share in z, as in photographs, and a step of the optimiser does
    not first become a high-frequency pattern (Olah, Mordvintsev and Schubert, "Feature
    Visualization", Distill, 2017). In images with three channels, the numbers are also
    decorrelated: see `COLOURS`.

    Args:
        name: "fourier" or "pixels".
        start: The image at the start, 0..255, float [height, width, channels].
        count: The number of images.
        seed: The seed of the noise. The noise of an image does not depend on `count`.

    Returns:
        The numbers and their way to pixels.

    Example:
        >>> space = pixel_space("fourier", np.full((8, 8, 1), 100.0), count=2, seed=0)
        >>> pixels = space.to_pixels(space.numbers)
        >>> pixels.shape, bool(abs(pixels - 100).numpy().max() < 10)
        (TensorShape([2, 8, 8, 1]), True)
    """
    height, width, channels = start.shape
    # At 0 and at 255 the logistic function has no slope, and nothing could be learned.
    share = np.clip(start / 255, 0.02, 0.98).astype("float32")
    origin = np.log(share / (1 - share))
    waves = (2, channels, height, width // 2 + 1)
    shape = waves if name == "fourier" else start.shape
    rng = np.random.default_rng(seed)
    numbers = np.stack([rng.normal(0, 0.01, shape) for _ in range(count)]).astype("float32")

    def to_pixels(numbers: Any) -> Any:
        z = _waves(numbers, height, width) if name == "fourier" else numbers
        if channels == 3:
            z = tf.einsum("nhwc,kc->nhwk", z, COLOURS / np.linalg.norm(COLOURS, axis=0).max())
        return 255 * tf.sigmoid(origin + z)

    return PixelSpace(numbers, to_pixels)


def _waves(numbers: Any, height: int, width: int) -> Any:
    """Add up waves with the amplitudes [n, 2, channels, height, width // 2 + 1], by frequency."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(height, width)) / 4
    scale = scale.astype("float32")
    spectrum = tf.complex(numbers[:, 0] * scale, numbers[:, 1] * scale)
    z = tf.signal.irfft2d(spectrum, fft_length=[height, width])
    return tf.transpose(z, [0, 2, 3, 1])
