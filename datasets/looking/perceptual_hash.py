"""A hash of what an image looks like: alike images have hashes that differ in few bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 8
"""The number of frequencies along each side. The hash has a bit for each pair but the constant."""

MIRRORING = np.where(np.arange(SIDE * SIDE) % SIDE % 2, -1, 1).astype(np.float32)
"""The factors by which mirroring multiplies the frequencies, [64]."""


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
    return hashes_of_frequencies(low_frequencies(images))[:, 0]


def low_frequencies(images: NDArray[np.uint8], max_shift: int = 0) -> NDArray[np.float32]:
    """Compute the lowest frequencies of images, and of the same images moved by some pixels.

    An image that is moved is continued by its outermost pixels.

    Args:
        images: uint8 [n, height, width, channels].
        max_shift: The most pixels by which the images are moved along each axis.

    Returns:
        float32 [n, (2 max_shift + 1)², 64], the shift down changing last but one, that to the right
        last.

    Example:
        >>> low_frequencies(np.zeros((3, 16, 16, 1), "uint8"), max_shift=1).shape
        (3, 9, 64)
    """
    grey = images.mean(axis=-1, dtype=np.float32)
    rows, columns = (_cosines(length, max_shift) for length in grey.shape[1:])
    found = np.einsum("kh,nhw,lw->nkl", rows, grey, columns, optimize=True)
    shifts = 2 * max_shift + 1
    apart = found.reshape(len(grey), shifts, SIDE, shifts, SIDE).transpose(0, 1, 3, 2, 4)
    return apart.reshape(len(grey), shifts**2, SIDE * SIDE)


def hashes_of_frequencies(frequencies: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Hash low frequencies [..., 64] by their signs, uint64 [...]."""
    scale = np.abs(frequencies).max(axis=-1, keepdims=True)
    bits = frequencies > 1e-6 * scale
    bits[..., 0] = False  # the constant
    return np.packbits(bits, axis=-1, bitorder="little").view("<u8")[..., 0].astype(np.uint64)


def _cosines(length: int, max_shift: int) -> NDArray[np.float32]:
    """The lowest cosines over a side of this length, for each shift, float32 [shifts · 8, length].

    Instead of the image, the cosine is moved: pixels beyond the edge count for the outermost one.
    """
    middles = (np.arange(length) + 0.5) / length
    cosines = np.cos(np.pi * np.arange(SIDE)[:, None] * middles)
    moved = np.zeros((2 * max_shift + 1, SIDE, length))
    for row, shift in zip(moved, range(-max_shift, max_shift + 1), strict=True):
        np.add.at(row.T, np.clip(np.arange(length) + shift, 0, length - 1), cosines.T)
    return moved.reshape(-1, length).astype(np.float32)
