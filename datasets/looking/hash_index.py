"""An index of perceptual hashes: which images look alike, without comparing all pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.looking.perceptual_hash import (
    MIRRORING,
    hashes_of_frequencies,
    low_frequencies,
)
from zoo.datasets.split import Split

MOST_BITS = 10
"""The most bits of 63 by which the hashes of images that look alike may differ."""

MARGIN = 0.01
"""By how much the lowest frequencies of images may be less alike than their pixels must be."""

OTHER_MARGIN = 0.03
"""The same at a shift and mirroring by which a pair is found, which need not be the best."""

MOST_CHANGES = 4
"""The most shifts and mirrorings with which a pair of images is proposed, the best ones."""

_ORDERS = 10  # the number of random choices of bits by which the hashes are sorted
_BITS = np.arange(1, 64, dtype=np.uint64)
_AT_ONCE = 2**20  # pairs of hashes that are compared at a time


class Alike(NamedTuple):
    """Pairs of images that look alike, once for each shift and mirroring with which they do.

    Attributes:
        first: Row of the image that is asked about, int64 [pairs].
        second: Row of the image in the index, int64 [pairs].
        change: Number of the shift and mirroring of the first image, int64 [pairs]: below
            (2 max_shift + 1)² the shifts of `low_frequencies`, and from there on the same shifts,
            mirrored afterwards.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    change: NDArray[np.int64]


class HashIndex:
    """Finds the images of a split whose perceptual hashes differ in few bits from others.

    Hashes that differ in few of 63 bits have the same values in some choice of bits. So the hashes
    are sorted by several random choices of bits, and looked up in each order: locality-sensitive
    hashing (Indyk and Motwani, 1998), which finds nearly all of these images. The more images there
    are, the more bits a choice has.

    Args:
        split: The images.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1)).astype("uint8")
        >>> index = HashIndex(as_split(pixels, labels=[0, 1, 0]))
        >>> index.alike(pixels[1:2], max_shift=0, threshold=0.97).second
        array([1])
    """

    def __init__(self, split: Split) -> None:
        nothing = np.zeros((0, 64), np.float32)  # for a split without images
        blocks = [low_frequencies(block)[:, 0] for block in split.blocks()]
        frequencies = np.concatenate([nothing, *blocks])
        self._directions = _directions(frequencies)
        self._hashes = hashes_of_frequencies(frequencies)
        rng = np.random.default_rng(0)
        width = min(max(math.ceil(math.log2(len(self._hashes) + 1)) + 2, 12), 24)
        self._orders = []
        for _ in range(_ORDERS):
            mask = np.bitwise_or.reduce(np.uint64(1) << rng.permutation(_BITS)[:width])
            order = np.argsort(self._hashes & mask, kind="stable")
            self._orders.append((mask, order, (self._hashes & mask)[order]))

    def alike(self, images: NDArray[np.uint8], max_shift: int, threshold: float) -> Alike:
        """Find images that look alike after a shift, and perhaps after mirroring.

        Args:
            images: uint8 [n, height, width, channels].
            max_shift: The most pixels by which these images are moved.
            threshold: The correlation of pixels that is looked for. The lowest frequencies must be
                alike to this number less `MARGIN`.

        Returns:
            The pairs, by first and second image.
        """
        moved = low_frequencies(images, max_shift)
        variants = np.concatenate([moved, moved * MIRRORING], axis=1)
        hashes, directions = hashes_of_frequencies(variants).ravel(), _directions(variants)
        changes, total = variants.shape[1], max(len(self._hashes), 1)
        found = [np.zeros(0, np.int64)]
        for queries, rows in self._with_equal_bits(hashes):
            near = np.bitwise_count(hashes[queries] ^ self._hashes[rows]) <= MOST_BITS
            queries, rows = queries[near], rows[near]
            flat = directions.reshape(-1, directions.shape[2])
            products = np.einsum("pf,pf->p", flat[queries], self._directions[rows])
            near = products >= threshold - OTHER_MARGIN
            found.append(np.unique(queries[near] // changes * total + rows[near]))
        pairs = np.unique(np.concatenate(found))
        kept = [(np.zeros(0, np.int64),) * 3]
        for start in range(0, len(pairs), _AT_ONCE // 64):
            first, second = np.divmod(pairs[start : start + _AT_ONCE // 64], total)
            products = np.einsum("pcf,pf->pc", directions[first], self._directions[second])
            most = min(MOST_CHANGES, changes)
            best = np.argpartition(-products, most - 1, axis=1)[:, :most]
            rows, columns = np.nonzero(
                np.take_along_axis(products, best, axis=1) >= threshold - MARGIN
            )
            kept.append((first[rows], second[rows], best[rows, columns]))
        return Alike(*map(np.concatenate, zip(*kept, strict=True)))

    def _with_equal_bits(
        self, hashes: NDArray[np.uint64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Look hashes up in each order: rows in `hashes` and in the split, some at a time."""
        for mask, order, keys in self._orders:
            starts = np.searchsorted(keys, hashes & mask, "left")
            counts = np.searchsorted(keys, hashes & mask, "right") - starts
            totals = np.concatenate([[0], counts.cumsum()])
            for low in range(0, int(totals[-1]), _AT_ONCE):
                numbers = np.arange(low, min(low + _AT_ONCE, int(totals[-1])))
                queries = np.searchsorted(totals, numbers, "right") - 1
                yield queries, order[starts[queries] + numbers - totals[queries]]


def _directions(frequencies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give frequencies [..., 64] without the constant the length 1.

    The constant is 1 for images without contrast, which are alike among themselves.
    """
    found = frequencies.copy()
    found[..., 0] = 0
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    found[..., :1] = lengths <= 1e-6 * (1 + np.abs(frequencies).max(axis=-1, keepdims=True))
    return np.divide(found, np.where(found[..., :1] > 0, 1, lengths), dtype=np.float32)
