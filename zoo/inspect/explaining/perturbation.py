"""Methods that change the image and look at the score: they need no gradient and no layer."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.inspect.explaining.methods import method
from zoo.inspect.explaining.network import Network
from zoo.inspect.explaining.pixels import fill_pixels


@method("occlusion", slow=True, baseline="fill")
def occlusion(
    network: Network,
    images: Any,
    targets: Any,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: Any = "mean",
) -> Any:
    """By how much the score falls when a square patch covers the pixel (Zeiler and Fergus, 2014).

    The mean of `S(x) − S(x with the patch)` over all patches that cover the pixel. The patch is a
    sixth of the shorter side by default, and moves by half of its side. `fill` is the colour of the
    patch, as `baseline` of the integrated gradients.
    """
    height, width, _ = network.image_shape
    shorter = min(height, width)
    side = whole_number("patch", max(1, round(shorter / 6)) if patch is None else patch, 1, shorter)
    step = whole_number("stride", max(1, side // 2) if stride is None else stride, 1, side)
    corners = [(y, x) for y in _starts(height, side, step) for x in _starts(width, side, step)]
    pixels = fill_pixels("fill", fill, images)
    base = tf.gather(network.scores(images), targets, batch_dims=1)
    total, counts = 0.0, np.zeros((height, width), "float32")
    for group in network.groups(len(corners), images, network.forward_size // len(images)):
        covered = np.zeros((group.stop - group.start, height, width), "float32")
        for mask, (y, x) in zip(covered, corners[group], strict=True):
            mask[y : y + side, x : x + side] = 1
        scores = network.masked_scores(images, tf.constant(1 - covered)[None], pixels)
        falls = base[:, None] - tf.gather(scores, targets, axis=2, batch_dims=1)
        total += tf.einsum("nmk,mij->nkij", falls, tf.constant(covered))
        counts += covered.sum(axis=0)
    return total / counts


@method("RISE", slow=True, baseline="black")
def rise(
    network: Network,
    images: Any,
    targets: Any,
    *,
    masks: int = 1000,
    cells: int = 7,
    probability: float = 0.5,
    seed: int = 0,
) -> Any:
    """The mean score of the image under random masks that show the pixel (Petsiuk et al., 2018).

    `1/(N p) Σ_i (S(x ⊙ M_i) − m) M_i`, where each mask M_i is a grid of `cells` × `cells` that are
    1 with the probability p and else 0, brought to the size of the image with a random shift. The
    mean score m is subtracted, which the authors do not do, so that 0 means no influence and the
    noise is smaller. All images are given the same masks.
    """
    count = whole_number("masks", masks, 1)
    cells = min(whole_number("cells", cells, 1), *network.image_shape[:2])
    if not isinstance(probability, Real) or not 0 < probability < 1:
        raise ArgumentError(
            f"probability must be a number between 0 and 1. Received: {probability!r}. Pass 0.5, "
            "for example."
        )
    black = tf.zeros((1, 1, 1, images.shape[-1]))
    products: Any = 0.0
    scores_sum: Any = 0.0
    masks_sum: Any = 0.0
    drawn = _random_masks(count, cells, probability, seed, *network.image_shape[:2])
    for group in network.groups(count, images, network.forward_size // len(images)):
        shown = tf.constant(drawn(group))
        scores = network.masked_scores(images, shown[None], black)
        chosen = tf.gather(scores, targets, axis=2, batch_dims=1)
        products += tf.einsum("nmk,mij->nkij", chosen, shown)
        scores_sum += tf.reduce_sum(chosen, axis=1)
        masks_sum += tf.reduce_sum(shown, axis=0)
    mean = scores_sum[..., None, None] / count
    return (products - mean * masks_sum) / (count * probability)


def _starts(length: int, side: int, step: int) -> list[int]:
    """Give the first pixels of patches that cover a side of the image to its end."""
    return sorted({*range(0, length - side + 1, step), length - side})


def _random_masks(
    count: int, cells: int, probability: float, seed: int, height: int, width: int
) -> Callable[[slice], np.ndarray]:
    """Draw random masks.

    Returns:
        A function that computes some of the masks, float32 [masks, height, width].
    """
    random = np.random.default_rng(whole_number("seed", seed, 0))
    down, across = -(-height // cells), -(-width // cells)
    grids = (random.random((count, cells + 1, cells + 1, 1)) < probability).astype("float32")
    corners = random.integers((down, across), size=(count, 2))

    def masks(group: slice) -> np.ndarray:
        sides = ((cells + 1) * down, (cells + 1) * across)
        large = tf.image.resize(grids[group], sides).numpy()[..., 0]
        pairs = zip(large, corners[group], strict=True)
        return np.stack([mask[y : y + height, x : x + width] for mask, (y, x) in pairs])

    return masks
