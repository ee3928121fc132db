"""Arrays that are mapped from a file, and their memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy as np

# Bytes. Smaller arrays keep their memory, since it takes time to map it again.
WORTH_IT = 2**28
_AT_ONCE = 2**26  # bytes that are written before memory is given back to the system


def fill(out: np.ndarray, images: Iterable[np.ndarray]) -> None:
    """Write images, uint8 [height, width, channels], one after another into an array.

    The array, uint8 [n, height, width, channels], may be mapped from a file.
    """
    step = max(1, _AT_ONCE // max(1, out[:1].nbytes))
    plain = out.view(np.ndarray)  # assigning to a row of a np.memmap takes three times as long
    for row, image in enumerate(images):
        plain[row] = image
        if not row % step:
            release(out)


def release(array: np.ndarray) -> None:
    """Give the memory of a mapped array's pages back to the system, if the array is large.

    The array may be a view. The pixels stay in the file, and in the system's own cache. Nothing
    happens for other arrays, and on systems that cannot give memory back.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, mmap.mmap) and len(base) >= WORTH_IT
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
