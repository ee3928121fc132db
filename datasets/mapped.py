"""Arrays that are mapped from a file, and the memory that they take."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

WORTH_IT = 2**28
"""Bytes: mapping pages anew takes time, so smaller arrays keep theirs."""


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
