"""Images that are nearly the same: mirrored, shifted or recompressed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import real_number, whole_number
from zoo.datasets.looking.hash_index import Alike, HashIndex
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError

KINDS = ("identical", "recompressed", "shifted", "mirrored")
"""What a pair can be: the same pixels; nearly the same pixels at the same positions; moved by some
pixels; or mirrored from left to right, and perhaps moved."""

_AT_ONCE = 1024  # pairs whose pixels are compared at a time


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Pairs of images that are the same or nearly the same.

    Attributes:
        first: Row of the first image of each pair, int64 [pairs], ascending.
        second: Row of the second image, int64 [pairs].
        kinds: One of `KINDS` for each pair, [pairs].
        correlations: Correlation of the pixels of each pair, after mirroring and shifting, float64
            [pairs], up to 1.
        images: The number of images of the first split.

    Example:
        >>> none = np.zeros(0, np.int64)
        >>> NearDuplicates(none, none, none.astype(str), none.astype(float), 5).sentence()
        '0 of 5 images are the same or nearly the same as another.'
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    kinds: NDArray[np.str_]
    correlations: NDArray[np.float64]
    images: int

    def __len__(self) -> int:
        return len(self.first)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the images that are the first of any pair, int64, ascending.

        Without these images no pair is left, also where both images of a pair are in one split.
        """
        return np.unique(self.first)

    def sentence(self) -> str:
        """Say in a sentence how many images have near-duplicates, and of which kinds."""
        counts = Counter(self.kinds.tolist())
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
        pairs = f" (pairs: {kinds})" if kinds else ""
        return (
            f"{len(self.rows):,} of {self.images:,} images are the same or nearly the same as "
            f"another{pairs}."
        )


def near_duplicates(
    data: Split, other: Split | None = None, *, max_shift: int = 2, threshold: float = 0.97
) -> NearDuplicates:
    """Find images of a split that are nearly the same as images of another split.

    Perceptual hashes find the pairs whose pixels are compared: of the mirrored image too, and of
    the image moved by up to `max_shift` pixels. A pair counts if the correlation of its pixels,
    after the best mirroring and shift, is at least `threshold`. The search by hashes misses few of
    these pairs, and takes a second or two for some 30,000 images.

    Args:
        data: A split, such as `data.test`.
        other: Another split, such as `data.train`; None looks for pairs within `data`.
        max_shift: The most pixels by which an image may be moved along each axis, 0 or more.
        threshold: The least correlation of the pixels of a pair, above 0 and up to 1.

    Returns:
        The pairs. Pairs of images without any contrast count only if they are identical.

    Raises:
        ArgumentError: A number is out of range.
        DataError: The splits have images of different shapes, or images too small for the shift.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1)).astype("uint8")
        >>> images = as_split(np.concatenate([pixels, pixels[:1, :, ::-1]]), [0, 1, 0, 1])
        >>> found = near_duplicates(images)
        >>> found.first, found.second, found.kinds.tolist()
        (array([0]), array([3]), ['mirrored'])
    """
    whole_number("max_shift", max_shift, 0)
    real_number("threshold", threshold, above=0, most=1, example=0.97)
    check_split("data", data)
    check_split("other", data if other is None else other)
    searched = data if other is None else other
    if data.image_shape != searched.image_shape or min(data.image_shape[:2]) < 4 * max_shift + 2:
        raise DataError(
            "The splits must have images of the same shape, at least 4 times as long as the shift. "
            f"Received: {data.image_shape}, {searched.image_shape} and max_shift={max_shift}. Load "
            "both in the same size and colour."
        )
    index, found, start = HashIndex(searched), [np.zeros(0, _PAIR)], 0
    for block in data.blocks():
        alike = index.alike(block, max_shift, threshold)
        if other is None:
            later = alike.second > alike.first + start
            alike = Alike(*(values[later] for values in alike))
        pairs = _best_pairs(block, searched, alike, max_shift, threshold)
        pairs["first"] += start
        found.append(pairs)
        start += len(block)
    table = np.concatenate(found)
    kinds = np.array(KINDS)[table["kind"]]
    return NearDuplicates(table["first"], table["second"], kinds, table["correlation"], len(data))


def check_split(name: str, value: object) -> None:
    """Check that an argument is a `Split`.

    Args:
        name: Name of the argument, for the message.
        value: The argument.

    Raises:
        ArgumentError: The argument is something else.
    """
    if not isinstance(value, Split):
        received = " ".join(repr(value).split())
        raise ArgumentError(
            f"{name} must be a Split. Received: {received:.80}. Pass a part of a data set, such as "
            "data.train, or zoo.datasets.as_split(images, labels)."
        )


_PAIR = np.dtype(
    [("first", np.int64), ("second", np.int64), ("kind", np.int64), ("correlation", np.float64)]
)


def _best_pairs(
    block: np.ndarray, searched: Split, alike: Alike, max_shift: int, threshold: float
) -> np.ndarray:
    """Compare the pixels of images that look alike, and keep each pair at its best change."""
    table = np.zeros(len(alike.first), _PAIR)
    table["first"], table["second"] = alike.first, alike.second
    distance = np.zeros(len(table), np.int64)
    shifts = 2 * max_shift + 1
    for change in np.unique(alike.change):
        is_mirrored, shift = divmod(int(change), shifts**2)
        down, right = shift // shifts - max_shift, shift % shifts - max_shift
        distance[alike.change == change] = abs(down) + abs(right)
        kind = 3 if is_mirrored else 1 + (shift != shifts**2 // 2)
        rows = np.flatnonzero(alike.change == change)
        for at in range(0, len(rows), _AT_ONCE):
            chosen = rows[at : at + _AT_ONCE]
            images, others = block[alike.first[chosen]], searched.take(alike.second[chosen]).images
            same = (images == others).all(axis=(1, 2, 3))
            found = _correlations(images, others, max_shift, (down, right), bool(is_mirrored))
            table["correlation"][chosen] = np.where(same, 1, found)
            table["kind"][chosen] = np.where(same, 0, kind)
    table, distance = table[near := table["correlation"] >= threshold], distance[near]
    # Of equally good changes, the plainest.
    size = -table["correlation"].round(6)
    order = np.lexsort([distance, table["kind"], size, table["second"], table["first"]])
    table = table[order]
    pairs = np.stack([table["first"], table["second"]])
    is_first = np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0))[: len(table)]
    return table[is_first]


def _correlations(
    images: np.ndarray,
    others: np.ndarray,
    max_shift: int,
    shift: tuple[int, int],
    is_mirrored: bool,
) -> NDArray[np.float64]:
    """Correlate images, after a shift and perhaps mirroring, with the middles of others."""
    height, width = images.shape[1:3]
    top, left = max_shift + shift[0], max_shift + shift[1]
    inner = height - 2 * max_shift, width - 2 * max_shift
    moved = images[:, top : top + inner[0], left : left + inner[1]]
    middle = others[:, max_shift:, max_shift:][:, : inner[0], : inner[1]]
    pair = (moved[:, :, ::-1] if is_mirrored else moved), middle
    return np.einsum("np,np->n", *map(_standardized, pair)).astype(np.float64).clip(max=1)


def _standardized(images: np.ndarray) -> NDArray[np.float32]:
    """Give images mean 0 and length 1, float32 [n, pixels]; images without contrast are 0."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(pixels, axis=1, keepdims=True)
    pixels /= np.where(lengths > 1e-3, lengths, 1)
    return pixels
