"""Arrays that are mapped from a file, and the memory that they take."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy as np

WORTH_IT = 2**28
"""Bytes: mapping pages anew takes time, so smaller arrays keep theirs."""

_AT_ONCE = 2**26
"""Bytes that are written before memory is given back."""


def fill(out: np.ndarray, images: Iterable[np.ndarray]) -> None:
    """Write images into an array, which may be mapped, one after another.

    Args:
        out: uint8 [n, height, width, channels], to write them to.
        images: uint8 [height, width, channels] each.

    Example:
        >>> fill(out := np.empty((2, 1, 1, 1), "uint8"), np.array([3, 4]).reshape(2, 1, 1, 1))
        >>> out.ravel().tolist()
        [3, 4]
    """
    step = max(1, _AT_ONCE // max(1, out[:1].nbytes))
    for row, image in enumerate(images):
        out[row] = image
        if not row % step:
            release(out)


def release(array: np.ndarray) -> None:
    """Give the memory of a mapped array's pages back to the system.

    What was read from the file or written to it stays there, and in the system's own cache. For
    an array that is small or not mapped, or where the system knows no such thing, this does
    nothing.

    Args:
        array: any array, or a view of one.

    Example:
        >>> release(np.zeros(3))
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, mmap.mmap) and len(base) >= WORTH_IT
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
