"""A hash of what an image looks like: alike images have hashes that differ in few bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 8
"""The number of frequencies along each side. The hash has a bit for each pair but the constant."""

MIRRORED = np.uint64(sum(1 << bit for bit in range(SIDE * SIDE) if bit % SIDE % 2))
"""The bits that are the opposite in the hash of the mirrored image: odd horizontal frequencies."""


def perceptual_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hash images by the signs of their lowest frequencies.

    The image is made grey, and transformed by the discrete cosine transform, as in pHash (Zauner,
    2010). Each of the 63 lowest frequencies but the constant gives a bit: whether its coefficient
    is above 0. So brightness and contrast change no bit, and a mirrored image has the opposite bits
    for the odd horizontal frequencies.

    Args:
        images: uint8 [n, height, width, channels].

    Returns:
        uint64 [n]. The lowest bit is 0.

    Example:
        >>> ramp = np.arange(16, dtype="uint8").reshape(1, 1, 16, 1).repeat(16, axis=1)
        >>> first, mirrored = (perceptual_hashes(x)[0] for x in (ramp, ramp[:, :, ::-1]))
        >>> bool(first ^ mirrored == first | mirrored)
        True
    """
    grey = images.mean(axis=-1, dtype=np.float32)
    rows, columns = (_cosines(length) for length in grey.shape[1:])
    coefficients = np.einsum("kh,nhw,lw->nkl", rows, grey, columns, optimize=True)
    scale = np.abs(coefficients).max(axis=(1, 2), keepdims=True)
    bits = (coefficients > 1e-6 * scale).reshape(len(images), -1)
    bits[:, 0] = False  # the constant
    return (bits * (np.uint64(1) << np.arange(SIDE * SIDE, dtype=np.uint64))).sum(
        axis=1, dtype=np.uint64
    )


def _cosines(length: int) -> NDArray[np.float32]:
    """The lowest cosines over a side of this length, float32 [SIDE, length]."""
    middles = (np.arange(length) + 0.5) / length
    return np.cos(np.pi * np.arange(SIDE)[:, None] * middles).astype(np.float32)
