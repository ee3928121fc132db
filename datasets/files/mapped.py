"""Arrays that are mapped from a file, and their memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy as np

WORTH_IT = 2**28
"""Bytes. Smaller arrays keep their memory, since it takes time to map it again."""

_AT_ONCE = 2**26
"""Bytes that are written before memory is given back to the system."""


def fill(out: np.ndarray, images: Iterable[np.ndarray]) -> None:
    """Write images one after another into an array, which may be mapped from a file.

    Args:
        out: The array, uint8 [n, height, width, channels].
        images: The images, uint8 [height, width, channels].

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

    The pixels stay in the file, and in the system's own cache. Nothing happens for an array that
    is small or not mapped, and on systems that cannot give memory back.

    Args:
        array: Any array, or a view of an array.

    Example:
        >>> release(np.zeros(3))
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, mmap.mmap) and len(base) >= WORTH_IT
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
