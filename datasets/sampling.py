"""Which images of a split to draw, to hold out, or to cross-validate on."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from zoo.datasets.split import Split


def check_share(name: str, value: Any) -> float | int:
    """Refuse anything but a share of a class's images.

    Args:
        name: of the argument, for the message.
        value: of the argument.

    Returns:
        The fraction as a float, or the number of images as an int.

    Raises:
        ArgumentError: it is neither a fraction of at least 0 and below 1, nor a whole number.

    Example:
        >>> check_share("test", 0.25), check_share("test", 20)
        (0.25, 20)
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if real and isinstance(value, numbers.Integral) and int(value) >= 0:
        return int(value)
    if real and 0 <= float(value) < 1:
        return float(value)
    raise ArgumentError(
        f"{name} must be at least 0 and below 1, or a whole number of images of every class. "
        f"Received: {value!r}"
    )


def sample(data: Split, count: int, *, stratified: bool, seed: int) -> np.ndarray:
    """Draw rows of a split; `Split.sample` describes the arguments.

    Returns:
        int64 [count], ascending.
    """
    whole_number("count", count, 1)
    whole_number("seed", seed, 0)
    if count > len(data):
        raise ArgumentError(f"count must be at most {len(data):,}, the images. Received: {count:,}")
    rng = np.random.default_rng(seed)
    if not stratified:
        return np.sort(rng.permutation(len(data))[:count])
    each, more = divmod(count, data.num_classes)
    # Who gets one more is chance as well.
    wanted = each + (rng.permutation(data.num_classes) < more)
    drawn = []
    for label, (name, there) in enumerate(data.class_counts.items()):
        if there < wanted[label]:
            raise ArgumentError(
                f"count={count:,} takes {wanted[label]:,} images of each class, and {name} has "
                f"{there:,}. Draw fewer, or choose other classes."
            )
        drawn.append(rng.permutation(np.flatnonzero(data.labels == label))[: wanted[label]])
    return np.sort(np.concatenate(drawn))


def originals_of(data: Split) -> tuple[np.ndarray, np.ndarray]:
    """Tell images from their copies, which go where they go when a split is parted.

    Returns:
        int64 rows of the images that are there for the first time, ascending; and int64 [n], for
        each row that of its first copy.
    """
    _, first, place = np.unique(data.digests, return_index=True, return_inverse=True)
    return np.sort(first), first[place]


def folds(
    data: Split, count: int, *, repeats: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train and to validate on; `Split.folds` describes the arguments."""
    whole_number("count", count, 2)
    whole_number("repeats", repeats, 1)
    whole_number("seed", seed, 0, 2**32 - 1)
    originals, origin = originals_of(data)
    labels = data.labels[originals]
    counts = np.bincount(labels, minlength=data.num_classes)
    fewest = int(counts[counts > 0].min(initial=len(data)))
    if fewest < count:
        name = data.class_names[int(np.flatnonzero(counts == fewest)[0])]
        raise DataError(
            f"expected at least {count} different images of every class for {count} folds, got "
            f"{fewest} of {name!r}; add images, leave the class out, or make fewer folds"
        )
    from sklearn.model_selection import RepeatedStratifiedKFold  # a second to import

    parts = RepeatedStratifiedKFold(n_splits=count, n_repeats=repeats, random_state=seed)
    for _, held_out in parts.split(labels, labels):
        outside = np.isin(origin, originals[held_out])
        yield np.flatnonzero(~outside), np.flatnonzero(outside)


def held_out_of(count: int, share: float | int) -> int:
    """Say how many of a class's images are held out.

    Args:
        count: how many it has.
        share: a fraction above 0 and below 1, or a whole number.

    Returns:
        That fraction, rounded, or that number: at least one, so that at least one stays; 0 where
        there are too few for that.

    Example:
        >>> held_out_of(30, 0.25), held_out_of(3, 2), held_out_of(2, 2)
        (8, 2, 0)
    """
    if isinstance(share, int):
        return share if count > share else 0
    return min(max(round(share * count), 1), count - 1) if count else 0


def stratified_split(
    labels: np.ndarray,
    share: float | int,
    seed: int,
    class_names: tuple[str, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the same share of every class, at random.

    Each class gives that fraction of its images, rounded, or that number of them, and at least one
    image stays on either side. Which ones depends on the seed, the label and the size of the
    class, not on the other classes: a set loaded with fewer classes holds out the same images of
    those.

    Args:
        labels: integers [n].
        share: how much to hold out: a fraction above 0 and below 1, or a whole number of images
            of every class.
        seed: of the choice; at least 0.
        class_names: for the message of the error.

    Returns:
        The kept rows and the held-out rows: two int64 arrays, each ascending.

    Raises:
        DataError: a class has fewer than two images, or no more than are to be held out.

    Example:
        >>> import numpy as np
        >>> kept, held_out = stratified_split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
        >>> len(kept), len(held_out)
        (6, 2)
    """
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = held_out_of(len(rows), share)
        if not count:
            least = share + 1 if isinstance(share, int) else 2
            name = class_names[label] if class_names else str(label)
            raise DataError(
                f"expected at least {least} images of class {name!r} to hold some out, got "
                f"{len(rows)}; add images, leave the class out, or hold out fewer"
            )
        rng = np.random.default_rng([seed, int(label)])
        held_out[rng.permutation(rows)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
