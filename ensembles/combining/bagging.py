"""Bagging: each member has its own training images, and the other images judge the member."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.arguments import is_among
from zoo.datasets.split import Split
from zoo.ensembles.combining.rules import Rule
from zoo.errors import ArgumentError, DataError

RESAMPLING = ("order", "bootstrap", "folds")
MOST_DRAWS = 1000
"""The number of bootstraps that are drawn at most until one of them has images of each class."""


def resample(data: Split, members: int, resampling: str, seed: int = 0) -> list[np.ndarray]:
    """Draw the training images of each member.

    Args:
        data: The training images.
        members: The number of members.
        resampling: `"bootstrap"`: each member gets as many images as there are, drawn with
            replacement (Breiman, 1996); a draw without an image of some class is drawn again.
            `"folds"`: each member gets all images except a part, which has the same share of every
            class; the parts of the members differ. `"order"`: each member gets all images.
        seed: The seed of the draws, 0 or more.

    Returns:
        For each member, the rows of its images in `data`, int64, ascending.

    Raises:
        ArgumentError: There is no such resampling, or there are folds for a single member.
        DataError: A class has too few images.

    Example:
        >>> import zoo
        >>> train = zoo.datasets.load("digits").train
        >>> rows = resample(train, 10, "bootstrap")
        >>> f"{np.mean([len(np.unique(drawn)) / len(train) for drawn in rows]):.2f}"
        '0.63'
    """
    if not is_among(resampling, RESAMPLING):
        raise ArgumentError(
            f"resampling must be one of {', '.join(RESAMPLING)}. Received: {resampling!r}."
        )
    if resampling == "order":
        return [np.arange(len(data))] * members
    if resampling == "bootstrap":
        return [_bootstrap(data, np.random.default_rng([seed, k])) for k in range(members)]
    if members < 2:
        raise ArgumentError(
            'With resampling="folds", members must be 2 or more, since each leaves out another '
            f"part of the images. Received: {members} member. Pass copies=, or more members."
        )
    return [kept for kept, _ in data.fold_rows(members, seed=seed)]


def _bootstrap(data: Split, rng: np.random.Generator) -> np.ndarray:
    """Draw rows with replacement until each class has an image."""
    classes = np.count_nonzero(np.bincount(data.labels))
    for _ in range(MOST_DRAWS):
        rows = rng.integers(len(data), size=len(data))
        if np.count_nonzero(np.bincount(data.labels[rows])) == classes:
            return np.sort(rows)
    raise DataError(
        f"A bootstrap must have images of all {classes} classes. Received: none such in "
        f"{MOST_DRAWS:,} draws. Add images of the rarest classes, or leave these classes out."
    )


def out_of_bag(
    probabilities: np.ndarray,
    rows: Sequence[np.ndarray],
    voting: str = "majority",
    weights: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Combine, for each image, the members that were not trained on it.

    Args:
        probabilities: float [members, n, classes], the members' probabilities of all training
            images.
        rows: For each member, the rows of the images that it was trained on.
        voting: The name of a rule that needs nothing learned.
        weights: The weight of each member, [members]; None gives each member the weight 1.

    Returns:
        The rows of the images that some member was not trained on, int64, ascending; and the
        combined probabilities of these members, float32 [as many images, classes].

    Example:
        >>> members = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.2, 0.8], [0.3, 0.7]]])
        >>> images, combined = out_of_bag(members, [np.array([0]), np.array([1])], "soft")
        >>> images.tolist(), combined.round(2).astype(float).round(2).tolist()
        ([0, 1], [[0.2, 0.8], [0.6, 0.4]])
    """
    rule = Rule(voting, weights)
    n = probabilities.shape[1]
    trained_on = np.stack([np.bincount(member_rows, minlength=n) > 0 for member_rows in rows])
    counted = np.ones(len(rows)) if weights is None else np.asarray(weights, float)
    combines = ~trained_on & (counted > 0)[:, None]
    combined = np.full(probabilities.shape[1:], np.nan, np.float32)
    # Images with the same members go together; there are seldom more than a few thousand groups.
    patterns, groups = np.unique(combines, axis=1, return_inverse=True)
    order = np.argsort(groups.ravel(), kind="stable")
    starts = np.searchsorted(groups.ravel()[order], np.arange(patterns.shape[1] + 1))
    for pattern, start, end in zip(patterns.T, starts, starts[1:], strict=False):
        if pattern.any():
            images, kept = order[start:end], np.flatnonzero(pattern)
            combined[images] = rule.for_members(kept.tolist())(probabilities[pattern][:, images])
    found = np.flatnonzero(combines.any(axis=0))
    return found, combined[found]
