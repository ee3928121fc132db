"""Suggest the members of a committee for a data set, by the size and the number of its images."""

from typing import Any, NamedTuple

from zoo.errors import ArgumentError

PERCEPTRONS = ("bn_mlp", "lasso_mlp", "deep_mlp")

RULES = (
    # The smaller side of the images in pixels, and the number of training images, at least.
    (48, 500, ("cnn", "conv_bn", "cnn")),
    (12, 500, ("cnn", "cnn", "cnn")),
    (0, 0, PERCEPTRONS),
)
"""Members by images. The first line whose two numbers the data set reaches is taken.

Three members can outvote each other, and the same model twice has different initial weights. From
12 pixels and 500 images on, convolutional networks were clearly more accurate in the trials of
docs/tried.md, and perceptrons beside them would harm the vote. Below, the gain was small, and
perceptrons train some ten times faster."""


class Suggestion(NamedTuple):
    """The members of a committee that fit a data set.

    Attributes:
        members: Names of registered models.
        reason: Why, as a sentence.
    """

    members: tuple[str, ...]
    reason: str


def suggest_members(data: Any) -> Suggestion:
    """Suggest the members of a committee for images.

    Args:
        data: An `ImageData`, or the `Split` of the training images.

    Returns:
        The `Suggestion`: names of models for `Committee`, and the reason.

    Raises:
        ArgumentError: `data` is no data set.

    Example:
        >>> import zoo
        >>> zoo.suggest_members(zoo.datasets.load("digits")).members
        ('bn_mlp', 'lasso_mlp', 'deep_mlp')
    """
    images = getattr(data, "train", data)
    if not hasattr(images, "image_shape"):
        raise ArgumentError(
            f"data must be an ImageData or a Split. Received: {data!r:.80}. Load the images with "
            "zoo.datasets.load."
        )
    (height, width, _), count = images.image_shape, len(images)
    side = min(height, width)
    members = next(
        members
        for least_side, least_count, members in RULES
        if side >= least_side and count >= least_count
    )
    size = f"The {count:,} training images have {height}×{width} pixels"
    if members == PERCEPTRONS:
        side_needed, count_needed, _ = RULES[-2]
        reason = (
            f"{size}. Convolutional networks are suggested from {side_needed} pixels and "
            f"{count_needed:,} images on, and perceptrons, which are faster, below."
        )
    else:
        reason = f"{size}, which is enough for convolutional networks."
    return Suggestion(members, reason)
