"""Choose rows of a split: the functions behind the methods of `zoo.datasets.Split`."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from zoo.arguments import argument_error, whole_number
from zoo.datasets.files.checks import data_error
from zoo.errors import ArgumentError


def check_share(name: str, value: Any) -> float | int:
    """Take a share of the images of every class: a fraction (float), or a number of images (int).

    Raises an ArgumentError if the value is neither a fraction from 0 to below 1 nor a whole number.
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if real and isinstance(value, numbers.Integral) and int(value) >= 0:
        return int(value)
    if real and 0 <= float(value) < 1:
        return float(value)
    expected = "be at least 0 and below 1, or a whole number of images of every class"
    raise argument_error(name, expected, value, "Pass 0.2 to take a fifth of every class")


def sample_rows(
    labels: np.ndarray, class_names: Sequence[str], count: int, *, stratified: bool, seed: int
) -> np.ndarray:
    """Draw rows at random, each at most once; with `stratified`, as many rows of each class (± 1).

    Returns row numbers, int64 [count], ascending. Raises an ArgumentError if there are fewer rows,
    in all or of a class.
    """
    whole_number("count", count, 1)
    whole_number("seed", seed, 0)
    if count > len(labels):
        expected = f"be at most {len(labels):,}, the number of images"
        raise argument_error("count", expected, count, "Draw fewer images")
    rng = np.random.default_rng(seed)
    if not stratified:
        return np.sort(rng.permutation(len(labels))[:count])
    for_each, remainder = divmod(count, len(class_names))
    # Chance decides as well which classes give one image more.
    wanted = for_each + (rng.permutation(len(class_names)) < remainder)
    class_counts = np.bincount(labels, minlength=len(class_names)).tolist()
    drawn = []
    for label, (name, available) in enumerate(zip(class_names, class_counts, strict=True)):
        if available < wanted[label]:
            raise ArgumentError(
                f"count must leave enough images in each class. Received: {count:,}, which takes "
                f"{wanted[label]:,} images of each class, and {name} has {available:,}. Draw "
                "fewer, or choose other classes."
            )
        drawn.append(rng.permutation(np.flatnonzero(labels == label))[: wanted[label]])
    return np.sort(np.concatenate(drawn))


def first_copies(digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the first copy of each image by the digests, so that copies can be kept together.

    Returns the rows of the images that occur for the first time, ascending; and for each row the
    row of its first copy, int64 [n].
    """
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return np.sort(first), first[inverse]


def held_out_count(count: int, share: float | int) -> int:
    """Compute how many of the images of a class are held out.

    It is the fraction of the images, rounded, but at least one image, and at least one image stays;
    or the whole number. It is 0 if the class has too few images to hold any out.
    """
    if isinstance(share, int):
        return share if count > share else 0
    return min(max(round(share * count), 1), count - 1) if count else 0


def count_after(count: int, shares: Sequence[float | int]) -> int:
    """Compute how many images of a class are left after one share after another is held out.

    It is 0 if the class has too few images for one of the shares.
    """
    for share in shares:
        count -= held_out_count(count, share) or count
    return count


def check_class_sizes(
    labels: np.ndarray, shares: Sequence[float | int], class_names: Sequence[str] | None = None
) -> None:
    """Raise a DataError if a class has too few images to hold out one share after another."""
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if not count_after(int(count), shares):
            sizes = itertools.count(1 + sum(s for s in shares if isinstance(s, int)))
            least = next(size for size in sizes if count_after(size, shares))
            name = class_names[label] if class_names else str(label)
            expected = f"be at least {least:,} images of class {name!r} to hold some out"
            remedy = "Add images, leave the class out, or hold out fewer"
            raise data_error("There", expected, f"{count:,}", remedy)


def stratified_split(
    labels: np.ndarray, share: float | int, seed: int, class_names: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the same share of every class, at random.

    Which images are held out depends on the seed, the label and the number of images of the
    class, and not on the other classes: a data set loaded with fewer classes holds out the same
    images of them. Returns the rows that are kept and those that are held out, each ascending;
    every class is on either side. A DataError says that a class has too few images.
    """
    check_class_sizes(labels, [share], class_names)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = held_out_count(len(rows), share)
        rng = np.random.default_rng([seed, int(label)])
        held_out[rng.permutation(rows)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def rows_of_folds(
    labels: np.ndarray,
    digests: np.ndarray,
    class_names: Sequence[str],
    count: int,
    repeats: int,
    seed: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Go through a stratified cross-validation, in which copies of an image stay together.

    Yields rows to train on and rows to validate on, int64, each ascending. A DataError says that a
    class has fewer different images than there are folds.
    """
    originals, origin = first_copies(digests)
    counts = np.bincount(labels[originals], minlength=len(class_names))
    if small := {name: n for name, n in zip(class_names, counts, strict=True) if 0 < n < count}:
        name, fewest = min(small.items(), key=lambda item: item[1])
        expected = f"have at least {count} different images for {count} folds"
        remedy = "Add images, leave the class out, or make fewer folds"
        raise data_error("Every class", expected, f"{fewest} of class {name!r}", remedy)
    from sklearn.model_selection import RepeatedStratifiedKFold  # takes a second to import

    folds = RepeatedStratifiedKFold(n_splits=count, n_repeats=repeats, random_state=seed)
    for _, held_out in folds.split(originals, labels[originals]):
        outside = np.isin(origin, originals[held_out])
        yield np.flatnonzero(~outside), np.flatnonzero(outside)
