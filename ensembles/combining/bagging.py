"""Training images of its own for each member, and what members say of images they did not see."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.datasets.split import Split
from zoo.ensembles.combining.voting import committee_probabilities
from zoo.errors import ArgumentError, DataError

RESAMPLING = ("order", "bootstrap", "folds")
MOST_DRAWS = 1000


def resample(data: Split, members: int, resampling: str, seed: int = 0) -> list[np.ndarray]:
    """Draw the training images of each member.

    Args:
        data: the training images.
        members: how many members there are.
        resampling: `"bootstrap"` draws as many as there are, with replacement (Breiman, 1996); a
            draw without an image of each class is drawn again. `"folds"` leaves another part out
            for each member, of the same share of every class. `"order"` takes all images.
        seed: of the draws; at least 0.

    Returns:
        For each member int64 rows of `data`, ascending.

    Raises:
        ArgumentError: another resampling, or folds of a single member.
        DataError: a class has too few images.

    Example:
        >>> import zoo
        >>> train = zoo.datasets.load("digits").train
        >>> rows = resample(train, 10, "bootstrap")
        >>> f"{np.mean([len(np.unique(one)) / len(train) for one in rows]):.2f}"
        '0.63'
    """
    if resampling not in RESAMPLING:
        raise ArgumentError(
            f"resampling is one of {', '.join(RESAMPLING)}. Received: {resampling!r}"
        )
    if resampling == "order":
        return [np.arange(len(data))] * members
    if resampling == "bootstrap":
        return [_bootstrap(data, np.random.default_rng([seed, k])) for k in range(members)]
    if members < 2:
        raise ArgumentError("folds need two members or more, each without another part of the data")
    return [kept for kept, _ in data.fold_rows(members, seed=seed)]


def _bootstrap(data: Split, rng: np.random.Generator) -> np.ndarray:
    present = np.count_nonzero(np.bincount(data.labels))
    for _ in range(MOST_DRAWS):
        rows = rng.integers(len(data), size=len(data))
        if np.count_nonzero(np.bincount(data.labels[rows])) == present:
            return np.sort(rows)
    raise DataError(
        f"expected bootstraps with images of all {present} classes, got none in {MOST_DRAWS:,}; "
        "add images of the rarest classes, or leave these out"
    )


def out_of_bag(
    probabilities: np.ndarray,
    rows: list[np.ndarray],
    voting: Any = "majority",
    weights: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Combine, for each image, the members that were not trained on it.

    Args:
        probabilities: float [members, n, classes], of all training images.
        rows: for each member the rows it was trained on.
        voting: the committee's rule.
        weights: [members], or None.

    Returns:
        int64 rows of the images that some member was not trained on, ascending; and float32 [that
        many, classes], what these members say of them.

    Example:
        >>> members = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.2, 0.8], [0.3, 0.7]]])
        >>> images, combined = out_of_bag(members, [np.array([0]), np.array([1])], "soft")
        >>> images.tolist(), combined.round(2).astype(float).round(2).tolist()
        ([0, 1], [[0.2, 0.8], [0.6, 0.4]])
    """
    seen = np.stack([np.bincount(one, minlength=probabilities.shape[1]) > 0 for one in rows])
    counted = np.ones(len(rows)) if weights is None else np.asarray(weights, float)
    asked = ~seen & (counted > 0)[:, None]
    combined = np.full(probabilities.shape[1:], np.nan, np.float32)
    # Images with the same members go together; there are seldom more than a few thousand groups.
    patterns, groups = np.unique(asked, axis=1, return_inverse=True)
    order = np.argsort(groups.ravel(), kind="stable")
    starts = np.searchsorted(groups.ravel()[order], np.arange(patterns.shape[1] + 1))
    for pattern, start, end in zip(patterns.T, starts, starts[1:], strict=False):
        if pattern.any():
            images = order[start:end]
            combined[images] = committee_probabilities(
                probabilities[pattern][:, images], voting, counted[pattern]
            )
    found = np.flatnonzero(asked.any(axis=0))
    return found, combined[found]
