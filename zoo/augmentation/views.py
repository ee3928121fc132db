"""Test-time augmentation: a member's probabilities are averaged over several views of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from zoo.arguments import is_among, real_number, whole_number
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
        ArgumentError: An argument is not as described, or the transforms would mix images.

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
        self.augmentation.check_unmixed("test-time augmentation")
        whole_number("times (the number of views)", self.count, 2)
        whole_number("seed", self.seed, 0)

    @property
    def words(self) -> str:
        """The views in words, as reports name them."""
        others = self.count - 1
        return f"each image and {others} random transform{'s' * (others > 1)} of it"

    def mean(self, function: Callable[[Any], Any], images: np.ndarray, first: int = 0) -> Any:
        """Average the results of a function over the views.

        Args:
            function: Takes pixels [batch, height, width, channels] and gives numbers, float32.
            images: The images, uint8 [batch, height, width, channels].
            first: The number of the first image, so that each batch has its own random views.

        Returns:
            The mean of the results, float32.
        """

        def views() -> Iterator[np.ndarray]:
            yield images
            for view in range(1, self.count):
                seed = np.random.SeedSequence((self.seed, first, view)).generate_state(1)[0]
                yield self.augmentation(images, int(seed))

        return _mean_over(function, views(), self.count)


@dataclass(frozen=True)
class FlippedViews:
    """Two views of an image: the image itself, and the image flipped left to right.

    So the answer about an image and about its mirror image is the same.

    Example:
        >>> images = np.array([[[[0], [8]]]], "uint8")
        >>> FlippedViews().mean(lambda batch: batch[:, 0, 0, 0].astype("float32"), images)
        array([4.], dtype=float32)
    """

    words: ClassVar[str] = "each image and its mirror image"

    def mean(self, function: Callable[[Any], Any], images: np.ndarray, first: int = 0) -> Any:
        """Average the results of a function over the views, as in `AugmentedViews.mean`."""
        return _mean_over(function, iter((images, images[:, :, ::-1])), 2)


@dataclass(frozen=True)
class TenCropViews:
    """Ten views of an image: five crops and their mirror images (Krizhevsky et al., 2012).

    The crops are the four corners and the centre. They are scaled to the size of the image by
    bilinear interpolation, since models take images of one size.

    Args:
        share: The sides of a crop, as a share of the sides of the image: above 0 and up to 1. In
            the paper, 224 of 256 pixels.

    Raises:
        ArgumentError: The share is out of its range.

    Example:
        >>> images = np.arange(8, dtype="uint8").reshape(1, 1, 8, 1)
        >>> float(TenCropViews().mean(lambda batch: batch.max(), images))
        6.5
    """

    share: float = 0.875

    def __post_init__(self) -> None:
        share = real_number("share", self.share, above=0, most=1, example=0.875)
        object.__setattr__(self, "share", share)

    @property
    def words(self) -> str:
        """The views in words, as reports name them."""
        return f"ten crops of each image, with {self.share:g} of its sides"

    def mean(self, function: Callable[[Any], Any], images: np.ndarray, first: int = 0) -> Any:
        """Average the results of a function over the views, as in `AugmentedViews.mean`."""
        return _mean_over(function, self.crops(images), 10)

    def crops(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Go through the ten views of images.

        Args:
            images: Pixels [batch, height, width, channels].

        Yields:
            float32 of the same shape.
        """
        pixels = images.astype("float32")
        corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5)]
        for top, left in corners:
            rows = _scaled_crop(images.shape[1], self.share, top)
            columns = _scaled_crop(images.shape[2], self.share, left)
            scaled = np.einsum("rh,nhwc->nrwc", rows, pixels, optimize=True)
            for side in (columns, columns[::-1]):  # the second flips the image
                yield np.einsum("sw,nrwc->nrsc", side, scaled, optimize=True)


Views: TypeAlias = AugmentedViews | FlippedViews | TenCropViews
"""Views of an image, over which answers are averaged."""

FIXED_VIEWS: dict[str, Views] = {"flip": FlippedViews(), "ten_crop": TenCropViews()}
"""Views that are not random, by the names that stand for them in arguments."""

TestTimeAugmentation: TypeAlias = Augmentation | Views | str | None
"""What `augmented_views` takes: random transforms, views, or a name of `FIXED_VIEWS`."""


def _scaled_crop(length: int, share: float, position: float) -> np.ndarray:
    """Make the matrix that crops an axis and scales the crop to the length of the axis.

    Args:
        length: The length of the axis in pixels.
        share: The length of the crop, as a share of the length.
        position: Where the crop lies, from 0 for the beginning to 1 for the end.

    Returns:
        float32 [length, length], rows sum to 1.
    """
    crop = max(round(share * length), 1)
    first = position * (length - crop)
    points = first + (np.arange(length) + 0.5) * crop / length - 0.5
    points = points.clip(first, first + crop - 1)
    # Bilinear interpolation: a pixel counts by 1 − its distance from the point.
    distances = np.abs(points[:, None] - np.arange(length))
    return np.maximum(1 - distances, 0).astype("float32")


def _mean_over(function: Callable[[Any], Any], views: Iterator[np.ndarray], count: int) -> Any:
    """Average the results of a function over views, which are made one after another."""
    total = np.asarray(function(next(views)))
    for view in views:
        total = total + np.asarray(function(view))
    return total / np.float32(count)


def augmented_views(
    augmentation: TestTimeAugmentation,
    times: int | None = None,
    seed: int | None = None,
) -> Views | None:
    """Make one value of the arguments for test-time augmentation.

    Args:
        augmentation: The random transforms; `"flip"` for the image and its mirror image;
            `"ten_crop"` for five crops and their mirror images; views, which are returned as they
            are; or None for no test-time augmentation.
        times: The number of views of each image, the image itself included; 8 by default.
        seed: The seed of the transforms; 0 by default.

    Returns:
        The views, or None.

    Raises:
        ArgumentError: An argument is not as described, or `times` or `seed` stands beside no
            transforms, or beside views, whose number is known.

    Example:
        >>> augmented_views(Augmentation(horizontal_flip=True), times=4).count
        4
    """
    given = {name: value for name, value in (("count", times), ("seed", seed)) if value is not None}
    if augmentation is None:
        if given:
            raise ArgumentError(
                "augmentation must be given beside times and seed, which are of its views. "
                f"Received: None, times={times!r}, seed={seed!r}. Pass a zoo.Augmentation, or "
                "leave them out."
            )
        return None
    if isinstance(augmentation, Augmentation):
        return AugmentedViews(augmentation, **given)
    if isinstance(augmentation, str) and is_among(augmentation, FIXED_VIEWS):
        views: Views = FIXED_VIEWS[augmentation]
    elif isinstance(augmentation, Views):
        views = augmentation
    else:
        names = ", ".join(f'"{name}"' for name in FIXED_VIEWS)
        raise ArgumentError(
            f"augmentation must be a zoo.Augmentation, {names}, views, or None. Received: "
            f"{augmentation!r}. Pass the transforms of the views, such as "
            "zoo.Augmentation(rotation_range=10)."
        )
    if given:
        raise ArgumentError(
            f"times and seed must be None beside {augmentation!r}, whose number of views is known. "
            f"Received: times={times!r}, seed={seed!r}. Leave them out, or pass a "
            "zoo.Augmentation with them."
        )
    return views
