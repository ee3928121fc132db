"""The files in a zip or tar archive, read without unpacking the archive."""

from __future__ import annotations

import bz2
import contextlib
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

from zoo.datasets.files.checks import check_count, data_error
from zoo.files import no_scratch_space

MAX_TAR_BYTES = 8 * 2**30  # the largest size of a tar archive after it is decompressed
# The longest header of a file in a tar archive, which holds the file's name if it is long; and the
# largest size of all long headers together.
MAX_HEADER_BYTES = 2**20
MAX_HEADERS_BYTES = 2**29
_LONGEST_END = 22 + 2**16  # bytes of the record that ends a zip archive, with a comment

_UTF8_FLAG = 0x800  # of an item in a zip archive: the item's name is UTF-8

_DECOMPRESSORS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class ArchiveItem(NamedTuple):
    """A file or folder in an archive.

    The name is the path in the archive, with forward slashes. The size is in bytes; it is None for
    a folder. `open` opens the file for reading from its beginning on.
    """

    name: str
    size: int | None
    open: Callable[[], BinaryIO]


def archive_items(path: Path, stack: ExitStack) -> Iterator[ArchiveItem]:
    """List the files and folders in an archive. Links and devices in a tar archive are left out.

    The stack closes the archive. Files can be opened until then, after all items were listed. A
    DataError says that the archive or its headers are too large; zipfile, tarfile and their
    decompressors raise many kinds of errors for damaged archives.
    """
    return (_zip_items if _is_zip(path) else _tar_items)(path, stack)


def is_archive(path: Path) -> bool:
    """Whether a file looks like an archive, by its first or last bytes."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    # The decompressors raise many kinds of errors here too.
    except Exception:
        return False


def _is_zip(path: Path) -> bool:
    """Whether a file is a zip archive, and no tar archive whose last file is a zip archive."""
    with path.open("rb") as file:
        return zipfile.is_zipfile(file) and not (file.seek(257) and file.read(5) == b"ustar")


def _zip_items(path: Path, stack: ExitStack) -> Iterator[ArchiveItem]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    items = archive.infolist()
    check_count(path, len(items))
    # The directory of a zip archive has no checksum. An item that is lost from it, or whose name
    # is damaged, would be skipped without a word.
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_END))
        tail = file.read()
    (count,) = struct.unpack_from("<H", tail, tail.rfind(b"PK\5\6") + 10)
    if count != 0xFFFF and (len(items) - count) % 2**16:
        raise zipfile.BadZipFile(f"{len(items)} files where there should be {count}")
    for item in items:
        archive.open(item).close()  # compares the name with the copy that stands before the content
        # Some programs for Windows write backslashes.
        name = _name_in_zip(item).replace("\\", "/")
        size = None if name.endswith("/") else item.file_size
        yield ArchiveItem(name, size, cast(Any, functools.partial(archive.open, item)))


def _name_in_zip(item: zipfile.ZipInfo) -> str:
    """Read the name of an item, also where the archive does not say that the name is UTF-8.

    macOS and others write UTF-8 without the flag for it, and Python reads such bytes as code page
    437. Names that really are in this code page are hardly ever UTF-8 too.
    """
    if not item.flag_bits & _UTF8_FLAG:
        with contextlib.suppress(UnicodeError):
            return item.filename.encode("cp437").decode("utf-8")
    return item.filename


def _tar_items(path: Path, stack: ExitStack) -> Iterator[ArchiveItem]:
    file = _decompressed(path, stack)
    archive: Any = tarfile.TarFile(fileobj=cast(BinaryIO, _LimitedHeaders(file, path)))
    lock = threading.Lock()

    def read(item: tarfile.TarInfo) -> BinaryIO:
        with lock:  # all threads share the position in the file
            return io.BytesIO(archive.extractfile(item).read())

    for count in itertools.count(1):
        if (item := archive.next()) is None:
            break
        archive.members.clear()  # otherwise tarfile keeps all items in memory
        check_count(path, count)
        if item.issparse():
            received = f"the sparse file {item.name!a}"
            raise data_error(path, "hold plain files", received, "Pack it afresh")
        if item.isreg():
            yield ArchiveItem(item.name, item.size, functools.partial(read, item))
        elif item.isdir():
            yield ArchiveItem(item.name, None, io.BytesIO)
    # tarfile takes a damaged header for the end of the archive.
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("an archive that breaks off, or has a damaged header")
    archive.fileobj = file


def _decompressed(path: Path, stack: ExitStack) -> BinaryIO:
    """A tar archive without compression: the file itself, or a temporary file."""
    file: BinaryIO = stack.enter_context(path.open("rb"))
    start = file.read(6)
    file.seek(0)
    openers = [opener for magic, opener in _DECOMPRESSORS.items() if start.startswith(magic)]
    if not openers:
        return file
    packed = stack.enter_context(openers[0](file, "rb"))
    try:
        whole = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    except OSError as error:
        raise no_scratch_space(error) from error
    while piece := packed.read(2**20):
        if whole.tell() > MAX_TAR_BYTES:
            expected = f"have at most {MAX_TAR_BYTES:,} bytes unpacked"
            raise data_error(path, expected, "more", "Unpack it and pass the folder")
        try:
            whole.write(piece)
        except OSError as error:
            raise no_scratch_space(error) from error
    whole.seek(0)
    return whole


class _LimitedHeaders:
    """A tar archive for tarfile, which would read a header of any length into memory."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.seek, self.tell = file.seek, file.tell
        self.total = 0

    def read(self, size: int) -> bytes:
        if size > tarfile.BLOCKSIZE:
            self.total += size
        if size > MAX_HEADER_BYTES or self.total > MAX_HEADERS_BYTES:
            expected = f"have headers of at most {MAX_HEADER_BYTES:,} bytes"
            received = f"a header of {size:,} bytes, or very many headers"
            raise data_error(self.path, expected, received, "Pack it afresh")
        return self.file.read(size)
