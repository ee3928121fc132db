"""Leaks: accuracy with and without the images that nearly stand among the training images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.datasets.looking.near_duplicates import NearDuplicates, near_duplicates
from zoo.datasets.split import Split
from zoo.ensembles.reports.saving import as_json
from zoo.metrics import Accuracy, accuracy

THRESHOLD = 0.97
"""The correlation of the pixels from which on two images count as nearly the same."""

MAX_SHIFT = 2
"""The most pixels by which an image may be moved."""

SMALLEST_SIDE = 16
"""The shortest side of images with enough details to be recognised: of 64 pixels, different
digits correlate by 0.97 too."""

MOST_PAIRS = 2**28
"""The most pairs of images for which a report looks for leaks without being asked: more take
longer than the report itself."""


@dataclass(frozen=True, eq=False)
class Leaks:
    """How much images that leak from the training images change the accuracy.

    Attributes:
        duplicates: The pairs: rows of the test images as `first`, of the training images as
            `second`.
        every: The accuracy on all test images.
        without: The accuracy on the test images without a near-duplicate among the training images;
            None if there are no such images.
        leaked: The accuracy on the other test images; None if there are none.

    Example:
        >>> nothing = np.zeros(0, np.int64)
        >>> pairs = NearDuplicates(nothing, nothing, nothing.astype(str), nothing.astype(float), 4)
        >>> print(measure_leaks([0, 1, 1, 0], [0, 1, 1, 1], pairs).sentence())
        Accuracy: 75.0 % [30.1, 95.4], n = 4. 0 of 4 images are the same or nearly the same as \
another.
    """

    duplicates: NearDuplicates
    every: Accuracy
    without: Accuracy | None
    leaked: Accuracy | None

    def sentence(self) -> str:
        """Say in a few sentences how many images leak, and what the accuracy is without them."""
        if self.leaked is None:
            return f"Accuracy: {self.every}. {self.duplicates.sentence()}"
        without = self.without or "there are none"
        return (
            f"Accuracy: {self.every}. {self.duplicates.sentence()} Without these images: "
            f"{without}. On these images alone: {self.leaked}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the counts and accuracies as JSON values."""
        return as_json(
            {
                "images": len(self.duplicates.rows),
                "accuracy": self.every,
                "accuracy_without": self.without,
                "accuracy_of_leaked": self.leaked,
            }
        )


def measure_leaks(labels: ArrayLike, answers: ArrayLike, duplicates: NearDuplicates) -> Leaks:
    """Compute the accuracy with and without the images that leak.

    Args:
        labels: The labels of the test images, int [n].
        answers: The classes that are answered, int [n].
        duplicates: The pairs of test images and training images.

    Returns:
        The `Leaks`.
    """
    true, given = np.asarray(labels), np.asarray(answers)
    leaked = np.zeros(len(true), bool)
    leaked[duplicates.rows] = True
    parts = (
        accuracy(true[rows], given[rows]) if rows.any() else None for rows in (~leaked, leaked)
    )
    return Leaks(duplicates, accuracy(true, given), *parts)


@dataclass(frozen=True, eq=False)
class LeakSearch:
    """What a report knows about images that nearly stand among the training images.

    Attributes:
        leaks: The accuracies with and without these images; None if they were not looked for.
        training_images: The number of training images that were searched.
        known_images: The number of different training images that the committee knows.
        reason: Why nothing was looked for; empty if it was.

    Example:
        >>> print(LeakSearch(reason="the training images are not known").sentence())
        Near-copies of training images were not looked for: the training images are not known.
    """

    leaks: Leaks | None = None
    training_images: int = 0
    known_images: int = 0
    reason: str = "no training images were given"

    def sentence(self) -> str:
        """Say how many images leak, and what the accuracy is without them; or that nobody knows."""
        if self.leaks is None:
            return f"Near-copies of training images were not looked for: {self.reason}."
        count, total = len(self.leaks.duplicates.rows), self.leaks.duplicates.images
        searched = f"{self.training_images:,}"
        if self.known_images > self.training_images:
            searched += f" of the {self.known_images:,}"
        found = (
            f"{count:,} of these {total:,} images are the same or nearly the same as some of "
            f"{searched} training images (mirrored, moved by up to {MAX_SHIFT} pixels or "
            f"compressed again: a correlation of {THRESHOLD} or more)."
        )
        if not count:
            return found
        if self.leaks.without is None:
            return f"{found} No other image is left."
        return f"{found} Accuracy with them: {self.leaks.every}; without: {self.leaks.without}."

    def to_dict(self) -> dict[str, Any]:
        """Give the search as JSON values."""
        return {
            **(self.leaks.to_dict() if self.leaks else {}),
            "training_images": self.training_images,
            "known_images": self.known_images,
            "sentence": self.sentence(),
        }


def search_leaks(
    split: Split,
    answers: ArrayLike,
    training: Split | None,
    trained_on: NDArray[np.uint64],
    *,
    always: bool = True,
) -> LeakSearch:
    """Look for images that nearly stand among the images that a committee was trained on.

    Args:
        split: The images that judge the committee, with their labels.
        answers: The answers of the committee, int [n].
        training: Images among which the training images are; None if they are not at hand.
        trained_on: Digests of the images that the members were trained on, uint64, ascending; empty
            if they are not known, and then all images of `training` are taken.
        always: Whether to look however long it takes; else for up to `MOST_PAIRS` pairs.

    Returns:
        The `LeakSearch`.
    """
    known = len(trained_on)
    if known and split.count_among(trained_on) == len(split):
        return LeakSearch(reason="all of these images are training images", known_images=known)
    if training is None:
        missing = "at hand" if known else "known"
        return LeakSearch(
            reason=f"the training images are not {missing}; report(…, training=images) takes them",
            known_images=known,
        )
    if min(split.image_shape[:2]) < SMALLEST_SIDE:
        return LeakSearch(
            reason=f"images of fewer than {SMALLEST_SIDE} pixels a side are too small",
            known_images=known,
        )
    if training.image_shape != split.image_shape:
        return LeakSearch(reason="the images given have another shape", known_images=known)
    if known:
        rows = np.isin(training.digests, trained_on)
        if not rows.any():
            return LeakSearch(
                reason="the committee was trained on none of the images given", known_images=known
            )
        training = training if rows.all() else training.take(np.flatnonzero(rows))
    if not always and len(split) * len(training) > MOST_PAIRS:
        pairs = len(split) * len(training) / 1e6
        return LeakSearch(
            reason=f"it takes a while for {pairs:,.0f} million pairs of images; report(…, "
            "training=images) looks for them",
            known_images=known,
        )
    duplicates = near_duplicates(split, training, max_shift=MAX_SHIFT, threshold=THRESHOLD)
    leaks = measure_leaks(split.labels, answers, duplicates)
    return LeakSearch(leaks, len(training), max(known, len(training)), "")
