"""Methods from the gradient of the score by the pixels.

A map is the sum over the channels, so that signs and sums are kept. Pixels are numbers from 0 to
255: a gradient is the change of the score for a change of one grey level.
"""

import warnings
from numbers import Real
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.arguments import real_number, whole_number
from zoo.errors import ArgumentError
from zoo.inspect.explaining.methods import method
from zoo.inspect.explaining.network import Network
from zoo.inspect.explaining.pixels import fill_pixels

LARGEST_GAP = 0.2
"""The share of a difference of scores by which sums may be off without a warning."""


@method("gradient", baseline="black")
def gradient(network: Network, images: Any, targets: Any) -> Any:
    """The gradient of the score S by each pixel x, `∂S/∂x` (Simonyan, Vedaldi, Zisserman, 2014).

    The authors draw the largest absolute value over the channels; here the signs are kept.
    """
    return tf.reduce_sum(network.gradients(images, targets), axis=-1)


@method("gradient × input", baseline="black")
def gradient_times_input(network: Network, images: Any, targets: Any) -> Any:
    """The gradient times the pixel, `x ∂S/∂x` (Shrikumar et al., 2016).

    For a linear model, the sum of the map is the score without its bias.
    """
    products = network.gradients(images, targets) * images[:, None]
    return tf.reduce_sum(products, axis=-1)


@method("SmoothGrad", slow=True, baseline="black")
def smooth_grad(
    network: Network,
    images: Any,
    targets: Any,
    *,
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
) -> Any:
    """The mean gradient over noisy copies of the image (Smilkov et al., 2017).

    `1/N Σ_i ∂S/∂x (x + ε_i)`, where ε_i is normal noise with a standard deviation of `noise` times
    the range of the image's pixels. All images are given the same noise, so that a map does not
    depend on the other images.
    """
    samples = whole_number("samples", samples, 1)
    noise = real_number("noise", noise, above=0, example=0.15)
    axes = (1, 2, 3)
    spread = tf.reduce_max(images, axes) - tf.reduce_min(images, axes)
    deviation = noise * spread[:, None, None, None, None]
    total = 0.0
    for group in network.groups(samples, images, network.batch_size // len(images)):
        draws = _draws(seed, group, network.image_shape)
        noisy = images[:, None] + deviation * draws[None]
        total += _mean_gradient(network, noisy, targets, tf.ones(len(draws)))
    return tf.reduce_sum(total, axis=-1) / samples


def score_difference(
    network: Network, images: Any, targets: Any, *, baseline: Any = "black", **options: Any
) -> Any:
    """Compute `S(x) − S(b)`, the sum of a map of integrated gradients: [n, k]."""
    start = tf.broadcast_to(fill_pixels("baseline", baseline, images), images.shape)
    difference = network.scores(images) - network.scores(start)
    return tf.gather(difference, targets, batch_dims=1)


@method("integrated gradients", slow=True, baseline="baseline", expected_sum=score_difference)
def integrated_gradients(
    network: Network, images: Any, targets: Any, *, steps: int = 64, baseline: Any = "black"
) -> Any:
    """The gradient along the way from a baseline b to the image (Sundararajan, Taly, Yan, 2017).

    `(x − b) ∫₀¹ ∂S/∂x (b + t (x − b)) dt`. The sum of a map is S(x) − S(b), which is called
    completeness, and `Explanation.completeness_gap` tells how far off it is. The integral is
    computed by Gauss-Legendre quadrature with `steps` points.

    The baseline is an image without information: `"black"`, `"white"`, `"grey"`, `"mean"` (each
    image's mean colour), `"blur"` (each image without its details), a number from 0 to 255, or an
    image. For a model that divides each image by its standard deviation, the score can jump close
    to an image of a single colour, and the sums are then wrong, of which a warning tells: take
    `"blur"`.
    """
    steps = whole_number("steps", steps, 1)
    start = fill_pixels("baseline", baseline, images)
    points, weights = (
        values.astype("float32") for values in np.polynomial.legendre.leggauss(steps)
    )
    points, weights = (points + 1) / 2, weights / 2
    total = 0.0
    for group in network.groups(steps, images, network.batch_size // len(images)):
        way = points[group][None, :, None, None, None]
        between = start[:, None] + way * (images - start)[:, None]
        total += _mean_gradient(network, between, targets, tf.constant(weights[group]))
    return tf.reduce_sum(total * (images - start)[:, None], axis=-1)


@method("guided backpropagation", changes_relus=True, baseline="black")
def guided_backpropagation(network: Network, images: Any, targets: Any) -> Any:
    """The gradient, with only positive gradients through active ReLUs (Springenberg et al., 2014).

    It draws edges that the network looks at, and says little about the class: see
    `zoo.inspect.sanity_check`.
    """
    return tf.reduce_sum(network.gradients(images, targets, "guided"), axis=-1)


@method("deconvolution", changes_relus=True, baseline="black")
def deconvolution(network: Network, images: Any, targets: Any) -> Any:
    """The gradient, with only positive gradients through all ReLUs (Zeiler and Fergus, 2014)."""
    return tf.reduce_sum(network.gradients(images, targets, "deconvolution"), axis=-1)


def check_maps(maps: np.ndarray, gap: np.ndarray | None, baseline: Any, name: str) -> None:
    """Check that maps are numbers, and warn if their sums are not those that they promise.

    Args:
        maps: float32 [n, k, height, width].
        gap: By how much each sum is off, float32 [n, k]; None for a method that promises no sum.
        baseline: The baseline of the maps, for the message.
        name: The name of the model, for the message.

    Raises:
        ArgumentError: A map, or a score of the baseline, is not a finite number.
    """
    if not np.isfinite(maps).all():
        raise ArgumentError(
            f"{name} must have finite scores and gradients at the images. Received: maps with nan "
            "or inf, as where a model divides an image of a single colour by its standard "
            "deviation. Leave such images out, or choose another method."
        )
    if gap is None:
        return
    sums = maps.sum(axis=(2, 3))
    shown = repr(baseline) if isinstance(baseline, str | Real) else "an image"
    if not np.isfinite(gap).all():
        raise ArgumentError(
            f"baseline must be an image to which {name} gives finite scores. Received: {shown}, "
            "with scores that are nan or inf, as where a model divides an image of a single colour "
            'by its standard deviation. Pass baseline="blur".'
        )
    missing, whole = np.abs(gap).mean(), np.abs(sums - gap).mean()
    if missing > LARGEST_GAP * whole:
        warnings.warn(
            f"The sums of the maps must be the differences of the scores of {name} for the images "
            f"and the baseline {shown}. Received: sums that are off by {missing:.2g} in the mean, "
            f"where the differences are {whole:.2g}. The scores jump on the way from the baseline, "
            "as where a model divides each image by its standard deviation, or the steps are too "
            'few. Pass baseline="blur", or more steps.',
            UserWarning,
            stacklevel=4,
        )


def _draws(seed: int, group: slice, shape: tuple[int, ...]) -> Any:
    """Draw the noise of some samples; that of a sample does not depend on the group."""
    seed = whole_number("seed", seed, 0, 2**31 - 1)
    return tf.stack(
        [
            tf.random.stateless_normal(shape, (seed, sample))
            for sample in range(group.start, group.stop)
        ]
    )


def _mean_gradient(network: Network, images: Any, targets: Any, weights: Any) -> Any:
    """Compute a weighted sum of gradients over variants of images.

    Args:
        network: The network.
        images: float32 [n, m, height, width, channels], m variants of each image.
        targets: int32 [n, k].
        weights: float32 [m].

    Returns:
        float32 [n, k, height, width, channels].
    """
    n, m = images.shape[:2]
    flat = tf.reshape(images, (n * m, *network.image_shape))
    found = network.gradients(flat, tf.repeat(targets, m, axis=0))
    found = tf.reshape(found, (n, m, *found.shape[1:]))
    return tf.einsum("nm...,m->n...", found, weights)
