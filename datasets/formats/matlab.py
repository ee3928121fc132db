"""Arrays of numbers from MATLAB files, read so that no file can do harm.

SciPy's reader trusts every length in a file, and a damaged file ends the process. This reader knows
only the part of the "Level 5 MAT-File" format (MathWorks, "MAT-File Format") that a data set needs,
and checks each length before it uses it.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from typing import Any, BinaryIO, cast

import numpy as np

from zoo.datasets.files.checks import data_error

_MATRIX, _COMPRESSED = 14, 15

# NumPy's types of the numbers, by the type of an element.
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"} | {
    12: "i8", 13: "u8",
}  # fmt: skip
_NUMERIC = range(6, 16)  # classes of MATLAB arrays that hold numbers: double, single, integers
_COMPLEX = 0x800
_MOST_AXES = 8
_AT_ONCE = 2**18  # bytes of the file that are read and unpacked at a time


def read_arrays(file: BinaryIO, where: str, most: dict[str, int]) -> dict[str, np.ndarray]:
    """Read the arrays of a file of MATLAB 5 to 7.2. Only the arrays are ever in memory whole.

    `most` has the largest number of bytes of each array, by the array's name; other arrays are
    skipped. The arrays have the dtype in which they are stored, and MATLAB's order of axes in
    memory. A DataError says that the file is damaged, or an array too large.
    """
    try:
        header = file.read(128)
        if len(header) < 128 or header[124:] not in (b"\x00\x01IM", b"\x01\x00MI"):
            raise ValueError("another beginning")
        order = "<" if header[126:] == b"IM" else ">"
        found: dict[str, np.ndarray] = {}
        while tag := file.read(8):
            element = _Element(file, *struct.unpack(f"{order}II", tag))
            if (named := _array(io.BufferedReader(element, _AT_ONCE), order, most)) is not None:
                name, array = named
                if name in found:
                    raise ValueError(f"{name} twice")
                found[name] = array
            element.skip()
    except (ValueError, EOFError, zlib.error, struct.error, MemoryError) as error:
        raise data_error(where, "be a file of MATLAB 5 to 7.2", error) from error
    return found


class _Element(io.RawIOBase):
    """A stretch of the file, which is unpacked while it is read."""

    def __init__(self, file: BinaryIO, kind: int, size: int) -> None:
        if kind not in (_MATRIX, _COMPRESSED):
            raise ValueError(f"an element of type {kind}")
        self.file, self.left = file, size
        self.unpacker = zlib.decompressobj() if kind == _COMPRESSED else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.unpacker is None:
            piece = self._next(len(buffer))
        else:
            piece = b""
            while not piece and not self.unpacker.eof:
                packed = self.unpacker.unconsumed_tail or self._next(_AT_ONCE)
                piece = self.unpacker.decompress(packed, len(buffer))
                if not packed and not piece:
                    raise EOFError("a file cut short")
        buffer[: len(piece)] = piece
        return len(piece)

    def skip(self) -> None:
        """Go on to the next element."""
        while self._next(_AT_ONCE):
            pass
        if self.left:
            raise EOFError("a file cut short")

    def _next(self, most: int) -> bytes:
        piece = self.file.read(min(self.left, most))
        self.left -= len(piece)
        return piece


def _array(
    element: io.BufferedReader, order: str, most: dict[str, int]
) -> tuple[str, np.ndarray] | None:
    """The name and the numbers of an array; None if the array is not wanted."""
    packed = cast(_Element, element.raw).unpacker is not None
    if packed and struct.unpack(f"{order}II", _take(element, 8))[0] != _MATRIX:
        raise ValueError("something else than an array")
    kind, flags = _part(element, order, 16)
    shape_kind, shape = _part(element, order, 4 * _MOST_AXES)
    name_kind, name_bytes = _part(element, order, 64)
    if kind != 6 or len(flags) != 8 or shape_kind != 5 or name_kind != 1:
        raise ValueError("an array without shape or name")
    name = name_bytes.decode("ascii", "replace")
    if name not in most:
        return None
    (flag,) = struct.unpack_from(f"{order}I", flags)
    if flag & 0xFF not in _NUMERIC or flag & _COMPLEX:
        raise ValueError(f"{name} of another class than numbers")
    axes = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    if len(axes) < 2 or min(axes) < 0:
        raise ValueError(f"{name} of the shape {list(axes)}")
    kind, count, small = _tag(element, order)
    if kind not in _DTYPES:
        raise ValueError(f"{name} of numbers of type {kind}")
    dtype = np.dtype(order + _DTYPES[kind])
    if count != math.prod(axes) * dtype.itemsize or count > most[name]:
        raise ValueError(f"{name} with {count:,} bytes for the shape {list(axes)}")
    numbers = np.empty(math.prod(axes), dtype)
    if small is not None:
        numbers[:] = np.frombuffer(small, dtype)
    elif element.readinto(numbers.view(np.uint8).data) < count:
        raise EOFError("a file cut short")
    # Up to seven bytes fill the element up to a multiple of eight. Reading to its end makes zlib
    # compare the checksum.
    if packed and len(element.read(8)) > 7:
        raise ValueError("more bytes than numbers")
    return name, numbers.reshape(axes, order="F")


def _take(element: io.BufferedReader, count: int) -> bytes:
    content = element.read(count)
    if len(content) < count:
        raise EOFError("a file cut short")
    return content


def _part(element: io.BufferedReader, order: str, most: int) -> tuple[int, bytes]:
    """A short part's type and content."""
    kind, count, small = _tag(element, order)
    if small is not None:
        return kind, small
    if count > most:
        raise ValueError(f"{count:,} bytes where there are at most {most}")
    return kind, _take(element, -(-count // 8) * 8)[:count]


def _tag(element: io.BufferedReader, order: str) -> tuple[int, int, bytes | None]:
    """A part's type and length, and its content if the tag holds it (at most four bytes)."""
    first, rest = _take(element, 4), _take(element, 4)
    (kind,) = struct.unpack(f"{order}I", first)
    if kind >> 16:
        count = kind >> 16
        if count > 4:
            raise ValueError("a small element of more than four bytes")
        return kind & 0xFFFF, count, rest[:count]
    return kind, struct.unpack(f"{order}I", rest)[0], None
