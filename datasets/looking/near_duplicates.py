"""Images that are nearly the same: mirrored, shifted or recompressed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import real_number, whole_number
from zoo.datasets.looking.perceptual_hash import MIRRORED, perceptual_hashes
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError

KINDS = ("identical", "recompressed", "shifted", "mirrored")
"""What a pair can be: the same pixels; nearly the same pixels at the same positions; moved by some
pixels; or mirrored from left to right, and perhaps moved."""

MOST_BITS = 8
"""The most bits of 63 by which the hashes of a pair may differ, so that the pixels are compared."""

_BLOCK = 2**22  # pairs of hashes that are compared at a time: 32 MiB


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
    after the best mirroring and shift, is at least `threshold`.

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
    no_hashes = np.zeros(0, np.uint64)  # for a split without images
    hashes = np.concatenate([no_hashes, *map(perceptual_hashes, searched.blocks())])
    found = [np.zeros(0, _PAIR)]
    start = 0
    for block in data.blocks():
        for first, second in _candidates(block, hashes, max_shift):
            keep = second > first + start if other is None else slice(None)
            found.append(
                _verified(block, start, searched, first[keep], second[keep], max_shift, threshold)
            )
        start += len(block)
    table = np.concatenate(found)
    table = table[np.lexsort([table["second"], table["first"]])]
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


def _candidates(
    images: np.ndarray, hashes: NDArray[np.uint64], max_shift: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Find pairs whose hashes differ in few bits, after mirroring and shifting the first image.

    Yields rows in `images` and in `hashes`, each pair once.
    """
    steps = range(-max_shift, max_shift + 1)
    padded = np.pad(images, [(0, 0), (max_shift,) * 2, (max_shift,) * 2, (0, 0)], mode="edge")
    height, width = images.shape[1:3]
    variants = []
    for down, right in itertools.product(steps, steps):
        top, left = max_shift + down, max_shift + right
        moved = perceptual_hashes(padded[:, top : top + height, left : left + width])
        variants += [moved, moved ^ MIRRORED]
    rows = max(1, _BLOCK // max(len(hashes), 1))
    for start in range(0, len(images), rows):
        near = np.zeros((len(images[start : start + rows]), len(hashes)), bool)
        for variant in variants:
            differing = variant[start : start + rows, None] ^ hashes
            near |= np.bitwise_count(differing) <= MOST_BITS
        first, second = np.nonzero(near)
        yield first + start, second


def _verified(
    block: np.ndarray,
    start: int,
    searched: Split,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    max_shift: int,
    threshold: float,
) -> np.ndarray:
    """Compare the pixels of candidates, and keep the pairs that are nearly the same."""
    kept = [np.zeros(0, _PAIR)]
    for at in range(0, len(first), 256):
        our_rows, other_rows = first[at : at + 256], second[at : at + 256]
        images, others = block[our_rows], searched.take(other_rows).images
        table = np.zeros(len(our_rows), _PAIR)
        table["first"], table["second"] = our_rows + start, other_rows
        same = (images == others).all(axis=(1, 2, 3))
        table["kind"], table["correlation"] = _best_match(images, others, max_shift)
        table["kind"][same], table["correlation"][same] = 0, 1
        kept.append(table[table["correlation"] >= threshold])
    return np.concatenate(kept)


def _best_match(
    images: np.ndarray, others: np.ndarray, max_shift: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the kind and the correlation of the best mirroring and shift of each pair."""
    s = max_shift
    height, width = images.shape[1:3]
    middle = _standardized(others[:, s : height - s, s : width - s])
    best, kinds = np.full(len(images), -1.0), np.zeros(len(images), np.int64)
    shifts = sorted(
        itertools.product(range(2 * s + 1), repeat=2),
        key=lambda shift: abs(shift[0] - s) + abs(shift[1] - s),
    )
    for mirrored in (False, True):
        pixels = images[:, :, ::-1] if mirrored else images
        for top, left in shifts:
            part = pixels[:, top : top + height - 2 * s, left : left + width - 2 * s]
            correlation = (_standardized(part) * middle).sum(axis=1)
            kind = 3 if mirrored else 1 + ((top, left) != (s, s))
            better = correlation > best + 1e-9  # of equally good matches, the plainest
            best[better], kinds[better] = correlation[better], kind
    return kinds, np.minimum(best, 1)


def _standardized(images: np.ndarray) -> NDArray[np.float64]:
    """Give images mean 0 and length 1, float64 [n, pixels]; images without contrast are 0."""
    pixels = images.reshape(len(images), -1).astype(np.float64)
    pixels -= pixels.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(pixels, axis=1, keepdims=True)
    return pixels / np.where(lengths > 1e-9, lengths, 1)
