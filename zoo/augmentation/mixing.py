"""Mixing of images with other images of the batch: mixup and CutMix.

Each image is mixed with a partner, another image of the same batch. With the own image x and the
partner x', the mixed image is m x + (1 − m) x', with a weight m from 0 to 1 for each pixel:

- mixup (Zhang et al., 2018): m is the same number λ in all pixels, with λ from Beta(α, α);
- CutMix (Yun et al., 2019): m is 0 inside of a rectangle, whose area is the share 1 − λ of the
  image, and 1 outside. The rectangle is cut off at the edges of the image.

The targets are mixed in the same way: the own target counts by the mean of m over the pixels.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo.augmentation.erasing import inside
from zoo.augmentation.ranges import Ranges


def draw_mixing(augmentation: Ranges, seeds: Any, count: Any) -> dict[str, Any]:
    """Draw how the images of a batch are mixed.

    With both `mixup` and `cutmix`, each batch takes one of the two, each with probability 1/2.

    Args:
        augmentation: The values, such as a `zoo.Augmentation`.
        seeds: Four seeds, integers [4, 2].
        count: How many images the batch holds.

    Returns:
        `partners`, the number of each image's partner, a permutation, int32 [count]; `share`, the
        λ of each image, float64 [count]; `centres` of rectangles, shares of height and width,
        float64 [count, 2]; and `by_cutmix`, whether rectangles are cut out, bool [].

    Example:
        >>> from zoo import Augmentation
        >>> drawn = draw_mixing(Augmentation(mixup=0.2), [[0, k] for k in range(4)], 3)
        >>> sorted(drawn["partners"].numpy().tolist()), bool(drawn["by_cutmix"])
        ([0, 1, 2], False)
    """
    of_batch, of_images, *of_gammas = tf.unstack(tf.convert_to_tensor(seeds), num=4)

    def uniform(shape: Any, seed: Any) -> Any:
        return tf.random.stateless_uniform(shape, seed, dtype="float64", alg="philox")

    both = augmentation.mixup and augmentation.cutmix
    by_cutmix = uniform([], of_batch) < (0.5 if both else float(not augmentation.mixup))
    alpha = tf.where(
        by_cutmix, *(tf.constant(a, "float64") for a in (augmentation.cutmix, augmentation.mixup))
    )
    order, *centres, first, second = tf.unstack(uniform([count, 5], of_images), axis=1)
    # λ = G₁ / (G₁ + G₂), where log G = log Gamma(α + 1) + log(U) / α is of the distribution
    # Gamma(α), also for a small α, where Gamma(α) itself would often be rounded to 0.
    logarithms = [
        tf.math.log(tf.random.stateless_gamma([count], seed, alpha=alpha + 1, dtype="float64"))
        + tf.math.log1p(-number) / alpha
        for seed, number in zip(of_gammas, (first, second), strict=True)
    ]
    return {
        "partners": tf.argsort(order),
        "share": tf.sigmoid(logarithms[0] - logarithms[1]),
        "centres": tf.stack(centres, axis=1),
        "by_cutmix": by_cutmix,
    }


def pixel_weights(
    drawn: Mapping[str, Any], augmentation: Ranges, height: Any, width: Any
) -> tuple[Any, Any]:
    """Compute how much the own image counts in each pixel, and in the target.

    Args:
        drawn: The result of `draw_mixing`.
        augmentation: The values, such as a `zoo.Augmentation`.
        height: Height of the images in pixels.
        width: Width of the images in pixels.

    Returns:
        The weights of the pixels, float64 [count, height, width, 1] or [count, 1, 1, 1]; and their
        mean in each image, float64 [count].

    Example:
        >>> from zoo import Augmentation
        >>> drawn = {"share": [0.75], "centres": [[0.5, 0.5]], "by_cutmix": True}
        >>> weights, share = pixel_weights(drawn, Augmentation(cutmix=1.0), 4, 4)
        >>> weights[0, 1, :, 0].numpy().tolist(), share.numpy().tolist()
        ([1.0, 0.0, 0.0, 1.0], [0.75])
    """
    share = tf.convert_to_tensor(drawn["share"], "float64")
    uniform = share[:, None, None, None]
    if not augmentation.cutmix:
        return uniform, share
    sides = tf.cast([height, width], "float64")
    half = sides * tf.sqrt(1 - share)[:, None] / 2
    centres = sides * tf.convert_to_tensor(drawn["centres"], "float64")
    first, end = (
        tf.clip_by_value(tf.round(edge), 0, sides) for edge in (centres - half, centres + half)
    )
    lengths = end - first
    cut = inside(first[:, 0], first[:, 1], lengths[:, 0], lengths[:, 1], height, width)
    outside = 1 - lengths[:, 0] * lengths[:, 1] / tf.reduce_prod(sides)
    weights = 1 - tf.cast(cut, "float64")
    if not augmentation.mixup:
        return weights, outside
    by_cutmix = drawn["by_cutmix"]
    return tf.where(by_cutmix, weights, uniform), tf.where(by_cutmix, outside, share)


def mix_images(images: Any, partners: Any, weights: Any) -> Any:
    """Mix each image with its partner.

    Args:
        images: float [batch, height, width, channels].
        partners: The number of each image's partner, int32 [batch].
        weights: How much the own image counts, of `pixel_weights`.

    Returns:
        Images of the same shape and dtype.

    Example:
        >>> images = tf.reshape([0.0, 8.0], [2, 1, 1, 1])
        >>> mix_images(images, [1, 0], tf.fill([2, 1, 1, 1], 0.75)).numpy().ravel().tolist()
        [2.0, 6.0]
    """
    weights = tf.cast(weights, images.dtype)
    return weights * images + (1 - weights) * tf.gather(images, partners)


def mix_targets(
    shares: Any, partners: Any, own_share: Any, image_weights: Any = None
) -> tuple[Any, Any]:
    """Mix the target of each image with the target of its partner.

    The loss of a mixed image is the mean of the two images' losses, of which the own loss counts
    by `own_share`. With weights w of the images this is λ w L + (1 − λ) w' L': the weight of the
    mixed image is λ w + (1 − λ) w', and the weights decide on the shares of the classes too.

    Args:
        shares: The shares of the classes for each image, float [batch, classes].
        partners: The number of each image's partner, int32 [batch].
        own_share: How much the own image counts, λ [batch].
        image_weights: How much each image counts in the training, [batch]; None counts all alike.

    Returns:
        The shares of the classes and the weights of the mixed images, of the same dtypes.

    Example:
        >>> cat_and_dog = tf.constant([[1.0, 0.0], [0.0, 1.0]])
        >>> mix_targets(cat_and_dog, [1, 0], [0.75, 0.5])[0].numpy().tolist()
        [[0.75, 0.25], [0.5, 0.5]]
    """
    own = tf.cast(own_share, shares.dtype)
    other = 1 - own
    weights = None
    if image_weights is not None:
        own *= tf.cast(image_weights, own.dtype)
        other *= tf.cast(tf.gather(image_weights, partners), own.dtype)
        weights = tf.cast(own + other, image_weights.dtype)
    total = (own + other)[:, None]
    mixed = own[:, None] * shares + other[:, None] * tf.gather(shares, partners)
    # A weight of 0 belongs to an image that is mixed with no other image.
    return tf.where(total > 0, mixed / tf.where(total > 0, total, 1), shares), weights


def keep_weightless_apart(drawn: Mapping[str, Any], image_weights: Any) -> dict[str, Any]:
    """Mix no image of weight 0 with another, so that such images are as good as left out.

    Args:
        drawn: The result of `draw_mixing`.
        image_weights: How much each image counts in the training, [batch].

    Returns:
        The same, with the share 1 where the image or its partner has the weight 0.

    Example:
        >>> drawn = {"partners": tf.constant([1, 2, 0]), "share": tf.fill([3], 0.5)}
        >>> keep_weightless_apart(drawn, tf.constant([1, 2, 0]))["share"].numpy().tolist()
        [0.5, 1.0, 1.0]
    """
    counts = image_weights > 0
    mixes = counts & tf.gather(counts, drawn["partners"])
    share = drawn["share"]
    return {**drawn, "share": tf.where(mixes, share, tf.ones_like(share))}
