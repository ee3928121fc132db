"""Test-time augmentation: a member's probabilities are averaged over several views of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import Augmentation
from zoo.errors import ArgumentError


@dataclass(frozen=True)
class AugmentedViews:
    """Views of an image: the image itself and random transforms of it.

    Args:
        augmentation: The random transforms.
        count: The number of views of each image, the image itself included; at least 2.
        seed: Seed of the transforms.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> views = AugmentedViews(Augmentation(horizontal_flip=True), count=2)
        >>> images = np.zeros((1, 4, 4, 1), "uint8")
        >>> float(views.mean(lambda batch: batch + 1.0, images).max())
        1.0
    """

    augmentation: Augmentation
    count: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.augmentation, Augmentation):
            raise ArgumentError(
                f"augmentation must be a zoo.Augmentation. Received: {self.augmentation!r}. "
                "Pass the transforms of the views, such as zoo.Augmentation(rotation_range=10)."
            )
        whole_number("times (the number of views)", self.count, 2)
        whole_number("seed", self.seed, 0)

    def mean(self, function: Callable[[Any], Any], images: np.ndarray, first: int = 0) -> Any:
        """Average the results of a function over the views.

        Args:
            function: Takes pixels [batch, height, width, channels] and gives numbers, float32.
            images: The images, uint8 [batch, height, width, channels].
            first: The number of the first image, so that each batch has its own transforms.

        Returns:
            The mean of the results, float32.
        """
        total = np.asarray(function(images))
        for view in range(1, self.count):
            seed = np.random.SeedSequence((self.seed, first, view)).generate_state(1)[0]
            total = total + np.asarray(function(self.augmentation(images, int(seed))))
        return total / np.float32(self.count)


def augmented_views(
    augmentation: Augmentation | AugmentedViews | None,
    times: int | None = None,
    seed: int | None = None,
) -> AugmentedViews | None:
    """Make one value of the arguments for test-time augmentation.

    Args:
        augmentation: The random transforms; `AugmentedViews`, which are returned as they are; or
            None for no test-time augmentation.
        times: The number of views of each image, the image itself included; 8 by default.
        seed: The seed of the transforms; 0 by default.

    Returns:
        The views, or None.

    Raises:
        ArgumentError: An argument is not as described, or `times` or `seed` stands beside
            `AugmentedViews`, which have both.

    Example:
        >>> augmented_views(Augmentation(horizontal_flip=True), times=4).count
        4
    """
    if augmentation is None:
        return None
    given = {name: value for name, value in (("count", times), ("seed", seed)) if value is not None}
    if not isinstance(augmentation, AugmentedViews):
        return AugmentedViews(augmentation, **given)
    if given:
        raise ArgumentError(
            "With AugmentedViews, times and seed must be None. "
            f"Received: times={times!r}, seed={seed!r}. Pass them to AugmentedViews, as count and "
            "seed."
        )
    return augmentation
