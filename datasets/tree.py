"""The files of a folder, a zip archive or a tar archive, seen alike.

No name from an archive is ever written to disk. A compressed tar archive, which can only be read
from its beginning, is decompressed into a temporary file.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import os
import re
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from zoo.errors import DataError

MAX_BYTES = 256 * 2**20
"""The largest file that is read: an uncompressed image of the most pixels `decode` admits."""

MAX_TAR_BYTES = 8 * 2**30
"""The most that a compressed tar archive is decompressed to."""

_LONGEST_END = 22 + 2**16
"""Bytes of what ends a zip archive, with a comment."""

_DECOMPRESSORS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}

T = TypeVar("T")


@dataclass(frozen=True)
class Tree:
    """The visible files below a folder or in an archive.

    Args:
        path: of the folder or archive.
        sizes: the size in bytes of each file, by its path inside, with forward slashes.
        folders: the paths of all folders inside, empty ones as well.
        open_file: opens one file; `open` and `read` are the ways that check.
    """

    path: Path
    sizes: dict[str, int]
    folders: frozenset[str]
    open_file: Callable[[str], BinaryIO]

    def read(self, name: str, most: int = MAX_BYTES) -> bytes:
        """Read one file.

        Args:
            name: its path inside the tree.
            most: how many bytes it may have.

        Returns:
            Its bytes.

        Raises:
            DataError: the file is damaged, encrypted, unreadable or too large.
        """
        if self.sizes[name] > most:
            raise DataError(
                f"{name} in {self.path}: expected a file of at most {most:,} bytes, got "
                f"{self.sizes[name]:,}; make it smaller or remove it"
            )
        with self.open(name) as file:
            return file.read(most + 1)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one file, to be read from its beginning on.

        Args:
            name: its path inside the tree.

        Yields:
            The open file.

        Raises:
            DataError: the file is damaged, encrypted or unreadable, found out here or in the block.
        """
        try:
            with self.open_file(name) as file:
                yield file
        except DataError:
            raise
        # zipfile raises whatever its decompressors raise: zlib.error, EOFError, RuntimeError, …
        except Exception as error:
            raise DataError(
                f"{name} in {self.path}: expected a readable file, got {say(error)}; "
                "fetch it again or remove it"
            ) from error


@contextmanager
def open_tree(path: Path, only: str | None = None) -> Iterator[Tree]:
    """Open a folder, a zip archive or a tar archive for reading.

    Args:
        path: of the folder or archive.
        only: a regular expression for the names, at the top, of what is wanted: of files, or of
            folders with all that is in them. In an archive the top may lie in some folder.
            None wants everything.

    Yields:
        Its `Tree`, which can be read until the block ends.

    Raises:
        DataError: there is no such folder, or the file is no archive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "a.txt").write_text("abc")
        ...     with open_tree(Path(folder)) as tree:
        ...         tree.read("a.txt")
        b'abc'
    """
    if os.path.isdir(path):
        found = _walk(path, only)
        sizes = {name: info.st_size for name, info in found.items() if stat.S_ISREG(info.st_mode)}
        folders = frozenset(name for name, info in found.items() if stat.S_ISDIR(info.st_mode))
        yield Tree(path, sizes, folders, lambda name: (path / name).open("rb"))
        return
    with ExitStack() as stack:
        try:
            open_archive = _open_zip if zipfile.is_zipfile(path) else _open_tar
            tree = open_archive(path, only, stack)
        except DataError:
            raise
        # What zipfile, tarfile and their decompressors say to damaged archives.
        except Exception as error:
            raise DataError(
                f"{path}: expected a folder or a readable archive (zip or tar), got "
                f"{say(error)}; check the path, or fetch the archive again"
            ) from error
        yield tree


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


def fingerprint(path: Path, only: str | None = None) -> str:
    """Tell one content from another: by its bytes for a file, by its listing for a folder.

    Args:
        path: of a file or folder.
        only: the part of a folder that counts, as for `open_tree`.

    Returns:
        A sha256 in hexadecimal: of the file's bytes, or of the sorted (path, size, time of the
        last change) of everything visible in the folder.

    Raises:
        DataError: it cannot be read.
    """
    if os.path.isdir(path):
        listing = [
            (name, info.st_size, info.st_mtime_ns)
            for name, info in sorted(_walk(path, only).items())
            if stat.S_ISREG(info.st_mode)
        ]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got {say(error)}") from error


def say(error: Exception) -> str:
    r"""What an error says, in characters that can be printed, and not too many of them.

    Args:
        error: of a library, which may quote what it has read.

    Returns:
        Its class and its message.

    Example:
        >>> say(ValueError("no \x00 here"))
        'ValueError: no \\x00 here'
    """
    text = f"{type(error).__name__}: {error}"[:300]
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _open_zip(path: Path, only: str | None, stack: ExitStack) -> Tree:
    archive = stack.enter_context(zipfile.ZipFile(path))
    _check_directory(path, archive.infolist())
    members = _wanted(path, ((info.filename, info) for info in archive.infolist()), only)
    files = {name: info for name, info in members.items() if not info.is_dir()}
    sizes = {name: info.file_size for name, info in files.items()}

    def open_file(name: str) -> BinaryIO:
        return cast(BinaryIO, archive.open(files[name]))

    return Tree(path, sizes, _folders(members, files), open_file)


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


def _open_tar(path: Path, only: str | None, stack: ExitStack) -> Tree:
    plain = _uncompressed(path, stack)
    archive = stack.enter_context(tarfile.TarFile(fileobj=plain))
    # Links and devices are left alone.
    members = _wanted(
        path, ((info.name, info) for info in archive if info.isreg() or info.isdir()), only
    )
    # Else tarfile has taken a header that is damaged for the end.
    plain.seek(archive.offset)
    if plain.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("one that breaks off, or has a damaged header")
    files = {name: info for name, info in members.items() if info.isreg()}
    sizes = {name: info.size for name, info in files.items()}

    def open_file(name: str) -> BinaryIO:
        return cast(BinaryIO, archive.extractfile(files[name]))

    return Tree(path, sizes, _folders(members, files), open_file)


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


def _wanted(path: Path, members: Iterable[tuple[str, T]], only: str | None) -> dict[str, T]:
    """What an archive holds of what is wanted, by names from the wanted top on."""
    named = ((_tidy(name), member) for name, member in members)
    found = {_readable(path, name): one for name, one in named if name and _visible(name)}
    if only is None:
        return found
    below: dict[str, dict[str, T]] = {}
    for name, member in found.items():
        parts = name.split("/")
        depths = [depth for depth, part in enumerate(parts) if re.fullmatch(only, part)]
        if depths:
            top, inside = parts[: depths[0]], parts[depths[0] :]
            below.setdefault("/".join(top), {})["/".join(inside)] = member
    if not below:
        return {}
    # As often as not an archive holds a second copy, further down.
    return below[min(below, key=lambda top: (bool(top), top.count("/"), top))]


def _folders(members: Iterable[str], files: Collection[str]) -> frozenset[str]:
    """The folders of an archive, which need not list them."""
    inside = set(members) - set(files)
    for parent in {name.rpartition("/")[0] for name in members} - {""}:
        parts = parent.split("/")
        inside |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return frozenset(inside)


def _walk(root: Path, only: str | None) -> dict[str, os.stat_result]:
    """Stat everything visible below a folder; keys are relative paths with forward slashes."""

    def refuse(error: OSError) -> None:
        raise error

    found = {}
    try:
        for folder, folders, files in os.walk(root, onerror=refuse, followlinks=True):
            inside = Path(folder).relative_to(root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            wanted = re.compile(only if only and not prefix else ".*", re.DOTALL).fullmatch
            folders[:] = [
                name
                for name in folders
                if wanted(name) and _visible(name) and not _loops(folder, name)
            ]
            for name in (*folders, *filter(_visible, filter(wanted, files))):
                path = _readable(root, prefix + name)
                found[path] = os.stat(os.path.join(folder, name))
    except OSError as error:
        raise DataError(
            f"{root}: expected a folder of readable files, got {say(error)}; mend or remove it"
        ) from error
    return found


def _loops(folder: str, name: str) -> bool:
    """Whether a link leads back to a folder that it is in."""
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    target = os.path.realpath(path)
    return os.path.commonpath([target, os.path.realpath(folder)]) == target


def _readable(root: Path, name: str) -> str:
    """Refuse names that cannot be printed or stored; class names are made of them."""
    strange = not name.isprintable()  # as some that are fit are too
    if strange and any(unicodedata.category(one) in ("Cc", "Cs") for one in name):
        raise DataError(
            f"{root}: expected names in UTF-8 without control characters, got {name!a}; rename or "
            "remove it"
        )
    return name


def _visible(name: str) -> bool:
    """Whether no part of a path is hidden (".." among them) or macOS's own."""
    own = ("__MACOSX", "Icon\r")
    return not any(part.startswith(".") or part in own for part in name.split("/"))


def _tidy(name: str) -> str:
    return "/".join(part for part in name.split("/") if part)
