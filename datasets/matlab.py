"""Arrays of numbers from MATLAB files, read so that no file can harm.

SciPy's reader trusts what a file says of itself, and a damaged one ends the process. This one reads
just what a data set needs of the "Level 5 MAT-File" format (MathWorks, "MAT-File Format"), and
believes no length before it has been checked.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from zoo.errors import DataError

_MATRIX, _COMPRESSED = 14, 15

_DTYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""How numbers are stored, by the type of an element."""

_NUMERIC = range(6, 16)
"""Classes of MATLAB arrays that hold numbers: double, single, and integers."""

_COMPLEX = 0x800
_MOST_AXES = 8

Take = Callable[[int], bytes]
"""Gives the next so many bytes, or raises an EOFError."""


def read_arrays(content: bytes, where: str, most: dict[str, int]) -> dict[str, np.ndarray]:
    """Read the arrays of a file of MATLAB 5 to 7.2.

    Args:
        content: The file.
        where: What to call it in errors.
        most: How many bytes each array may have, by its name. Others are left alone.

    Returns:
        Those that are there, by their names; of the dtype they are stored in and with MATLAB's
        order of axes in memory.

    Raises:
        DataError: It is no such file, or damaged, or an array is larger.

    Example:
        >>> import io
        >>> from scipy.io import savemat
        >>> savemat(file := io.BytesIO(), {"y": np.array([[1], [10]], "uint8")})
        >>> read_arrays(file.getvalue(), "two.mat", {"y": 80})["y"].tolist()
        [[1], [10]]
    """
    try:
        if len(content) < 128 or content[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
            raise ValueError("another beginning")
        order = "<" if content[126:128] == b"IM" else ">"
        found: dict[str, np.ndarray] = {}
        for take, check_end in _elements(content, order):
            if (named := _array(take, order, most)) is not None:
                name, array = named
                if name in found:
                    raise ValueError(f"{name} twice")
                check_end()
                found[name] = array
    except (ValueError, EOFError, zlib.error, struct.error) as error:
        raise DataError(
            f"{where}: expected a file of MATLAB 5 to 7.2, got {error}; fetch it again"
        ) from error
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[Take, Callable[[], None]]]:
    """The file's arrays: what gives their bytes, and what then looks at the checksum."""
    whole = memoryview(content)
    start = 128
    while start < len(content):
        kind, size = struct.unpack_from(f"{order}II", content, start)
        start += 8
        if start + size > len(content):
            raise EOFError("one cut short")
        body = whole[start : start + size]
        if kind == _COMPRESSED:
            take, check_end = _unpacked(body)
            inner, _ = struct.unpack(f"{order}II", take(8))
            if inner != _MATRIX:
                raise ValueError(f"an element of type {inner}")
            yield take, check_end
        elif kind == _MATRIX:
            yield _plain(body), lambda: None
        else:
            raise ValueError(f"an element of type {kind}")
        start += size


def _plain(body: memoryview) -> Take:
    place = 0

    def take(count: int) -> bytes:
        nonlocal place
        if place + count > len(body):
            raise EOFError("one cut short")
        place += count
        return bytes(body[place - count : place])

    return take


def _unpacked(body: memoryview) -> tuple[Take, Callable[[], None]]:
    """Unpacks no more than it is asked for."""
    unpacker = zlib.decompressobj()
    packed: bytes | memoryview = body

    def take(count: int) -> bytes:
        nonlocal packed
        piece = unpacker.decompress(packed, count) if count else b""
        packed = unpacker.unconsumed_tail
        if len(piece) < count:
            raise EOFError("one cut short")
        return piece

    def check_end() -> None:
        # Up to seven bytes fill the array up to a multiple of eight.
        if len(unpacker.decompress(packed, 8)) > 7 or not unpacker.eof:
            raise ValueError("more bytes than numbers")

    return take, check_end


def _array(take: Take, order: str, most: dict[str, int]) -> tuple[str, np.ndarray] | None:
    """The name and the numbers of an array; None if it is not wanted."""
    kind, flags = _part(take, order, 16)
    shape_kind, shape = _part(take, order, 4 * _MOST_AXES)
    name_kind, name_bytes = _part(take, order, 64)
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
    kind, count, small = _tag(take, order)
    if kind not in _DTYPES:
        raise ValueError(f"{name} of numbers of type {kind}")
    dtype = np.dtype(order + _DTYPES[kind])
    if count != math.prod(axes) * dtype.itemsize or count > most[name]:
        raise ValueError(f"{name} with {count:,} bytes for the shape {list(axes)}")
    numbers = np.frombuffer(take(count) if small is None else small, dtype)
    return name, numbers.reshape(axes, order="F")


def _part(take: Take, order: str, most: int) -> tuple[int, bytes]:
    """A short element's type and content."""
    kind, count, small = _tag(take, order)
    if small is not None:
        return kind, small
    if count > most:
        raise ValueError(f"{count:,} bytes where there are at most {most}")
    return kind, take(-(-count // 8) * 8)[:count]


def _tag(take: Take, order: str) -> tuple[int, int, bytes | None]:
    """An element's type and length, and its content if it is one of the small ones."""
    first = take(4)
    (kind,) = struct.unpack(f"{order}I", first)
    rest = take(4)
    if kind >> 16:
        count = kind >> 16
        if count > 4:
            raise ValueError("a small element that is not small")
        return kind & 0xFFFF, count, rest[:count]
    return kind, struct.unpack(f"{order}I", rest)[0], None
