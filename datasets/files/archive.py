"""What is in a zip or tar archive, read without unpacking it."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import itertools
import lzma
import os
import struct
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from zoo.datasets.files.checks import check_count
from zoo.errors import DataError

MAX_TAR_BYTES = 8 * 2**30
"""The most that a compressed tar archive is decompressed to."""

MAX_HEADER_BYTES = 2**20
"""The longest header of a tar archive's member, which holds its name where that is long."""

MAX_HEADERS_BYTES = 2**29
"""The most that such headers may have together."""

_LONGEST_END = 22 + 2**16
"""Bytes of what ends a zip archive, with a comment."""

_DECOMPRESSORS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class Member(NamedTuple):
    """A file or folder of an archive.

    Args:
        name: its path, as the archive has it, with forward slashes.
        size: in bytes; None for a folder.
        open: opens the file, to be read from its beginning on.
    """

    name: str
    size: int | None
    open: Callable[[], BinaryIO]


def members(path: Path, stack: ExitStack) -> Iterator[Member]:
    """List what is in an archive; of a tar archive not its links and devices.

    Args:
        path: of the archive.
        stack: closes it.

    Yields:
        Its members, in the archive's order.

    Raises:
        DataError: its headers, or a compressed tar archive unpacked, are too large.
        Exception: what zipfile, tarfile and their decompressors say to damaged archives.
    """
    if zipfile.is_zipfile(path):
        archive = stack.enter_context(zipfile.ZipFile(path))
        check_count(path, len(archive.infolist()))
        _check_directory(path, archive.infolist())
        for info in archive.infolist():
            # Some programs for Windows write backslashes.
            name = info.filename.replace("\\", "/")
            size = None if name.endswith("/") else info.file_size
            yield Member(name, size, cast(Any, functools.partial(archive.open, info)))
        return
    file = _uncompressed(path, stack)
    lock = threading.Lock()
    entries: Any = tarfile.TarFile(fileobj=cast(BinaryIO, _Headers(file, path)))
    for count in itertools.count(1):
        if (entry := entries.next()) is None:
            break
        entries.members.clear()  # else it keeps those that are left alone too
        check_count(path, count)
        if entry.issparse():
            raise DataError(f"{path}: expected plain files, got the sparse {entry.name!a}")
        if entry.isreg():
            place = (file, lock, entry.offset_data, entry.size)
            yield Member(entry.name, entry.size, functools.partial(_piece, *place))
        elif entry.isdir():
            yield Member(entry.name, None, io.BytesIO)
    # Else tarfile has taken a header that is damaged for the end.
    file.seek(entries.offset)
    if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("one that breaks off, or has a damaged header")


def is_archive(path: Path) -> bool:
    """Whether a file looks like an archive, by what it begins or ends with.

    Example:
        >>> is_archive(Path(__file__))
        False
    """
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    # The decompressors again; not even an archive that is damaged.
    except Exception:
        return False


def _check_directory(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Compare a zip archive's directory, which has no checksum, with what else tells of it.

    A member that is lost from it, or whose name is damaged, would be passed over.
    """
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _LONGEST_END))
        tail = file.read()
        (count,) = struct.unpack_from("<H", tail, tail.rfind(b"PK\5\6") + 10)
        if count != 0xFFFF and (len(members) - count) % 2**16:
            raise zipfile.BadZipFile(f"{len(members)} members where there should be {count}")
        for member in members:
            file.seek(member.header_offset + 26)
            length, _ = struct.unpack("<HH", file.read(4))
            coding = "utf-8" if member.flag_bits & 0x800 else "cp437"
            if file.read(length) != member.orig_filename.encode(coding):
                raise zipfile.BadZipFile(f"{member.orig_filename} has another name elsewhere")


def _uncompressed(path: Path, stack: ExitStack) -> BinaryIO:
    """A tar archive without compression: the file itself, or a temporary one."""
    file: BinaryIO = stack.enter_context(path.open("rb"))
    start = file.read(6)
    file.seek(0)
    ways = [way for magic, way in _DECOMPRESSORS.items() if start.startswith(magic)]
    if not ways:
        return file
    packed = stack.enter_context(ways[0](file, "rb"))
    whole = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    while piece := packed.read(2**20):
        if whole.tell() > MAX_TAR_BYTES:
            raise DataError(
                f"{path}: expected an archive of at most {MAX_TAR_BYTES:,} bytes unpacked, got "
                "more; unpack it and pass the folder"
            )
        whole.write(piece)
    whole.seek(0)
    return whole


class _Headers:
    """A tar archive for tarfile, which reads headers whole, however long they say they are."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.seek, self.tell = file.seek, file.tell
        self.total = 0

    def read(self, size: int) -> bytes:
        if size > tarfile.BLOCKSIZE:
            self.total += size
        if size > MAX_HEADER_BYTES or self.total > MAX_HEADERS_BYTES:
            raise DataError(
                f"{self.path}: expected headers of at most {MAX_HEADER_BYTES:,} bytes, got one of "
                f"{size:,}, or very many; pack it afresh"
            )
        return self.file.read(size)


class _Piece(io.RawIOBase):
    """A stretch of a file that others, in other threads, read as well."""

    def __init__(self, file: BinaryIO, lock: threading.Lock, start: int, size: int) -> None:
        self.file, self.lock = file, lock
        self.start, self.size, self.place = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.place = max(0, offset + (0, self.place, self.size)[whence])
        return self.place

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self.size - self.place))
        with self.lock:
            self.file.seek(self.start + self.place)
            content = self.file.read(wanted)
        if len(content) < wanted:
            raise EOFError("the archive is cut short")
        buffer[:wanted] = content
        self.place += wanted
        return wanted


def _piece(file: BinaryIO, lock: threading.Lock, start: int, size: int) -> BinaryIO:
    return io.BufferedReader(_Piece(file, lock, start, size))
