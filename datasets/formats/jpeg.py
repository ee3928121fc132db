"""JPEG files: decoding the plain ones fast, and counting scans.

simplejpeg calls the same library as Pillow (libjpeg-turbo) and gives the same pixels, in a sixth of
the time for images of 32×32. It knows neither EXIF nor how to read a damaged file as far as
possible, so all other files are left to Pillow.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

MAX_SCANS = 100  # each scan goes over all pixels, and takes a few bytes only

_START = b"\xff\xd8\xff"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_SCAN = bytes((0xFF, _START_OF_SCAN))
# The segment for EXIF and XMP, which may hold an orientation. These bytes do not occur in
# compressed pixels.
_METADATA = b"\xff\xe1"
# The next marker after compressed pixels. FF 00 is the byte FF; FF D0 … FF D7 are restarts.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
_LONE_MARKERS = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # without a length


def is_jpeg(content: bytes) -> bool:
    """Whether a file is a JPEG file, by its first bytes."""
    return content.startswith(_START)


def count_scans(content: bytes) -> int:
    """Count the scans of a JPEG file's image; 0 for other files.

    Bytes after the image, such as the video that some phones put there, and the contents of
    segments, such as thumbnails, do not count.
    """
    if not is_jpeg(content) or _SCAN not in content:
        return 0
    scans, position = 0, 2
    while found := _MARKER.search(content, position):
        marker, position = content[found.end() - 1], found.end()
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        if marker not in _LONE_MARKERS:
            position += int.from_bytes(content[position : position + 2], "big")
    return scans


def decode_plain_jpeg(content: bytes, most_pixels: int) -> np.ndarray | None:
    """Decode a JPEG file without metadata and without damage, uint8 [height, width, 1 or 3].

    None for every other file, among them JPEG files of more than `most_pixels` pixels: Pillow has
    to open it, and to say what is wrong with it.
    """
    if not content.startswith(_START) or _METADATA in content:
        return None
    if content.count(_SCAN) > MAX_SCANS and count_scans(content) > MAX_SCANS:
        return None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
        if colors not in ("Gray", "RGB", "YCbCr") or height * width > most_pixels:
            return None
        return simplejpeg.decode_jpeg(content, "GRAY" if colors == "Gray" else "RGB")
    except ValueError:  # it is strict: warnings of the library, such as of lost bytes, are errors
        return None
