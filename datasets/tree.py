"""The files of a folder or of a zip archive, seen alike. Nothing is unpacked to disk."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError

# The largest file that is read: an uncompressed image of the most pixels `decode` admits.
MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Tree:
    """The visible files below a folder or in a zip archive.

    Args:
        path: of the folder or archive.
        sizes: the size in bytes of each file, by its path inside, with forward slashes.
        folders: the paths of all folders inside, empty ones as well.
        open_file: reads one file; `read` is the way that checks.
    """

    path: Path
    sizes: dict[str, int]
    folders: frozenset[str]
    open_file: Callable[[str], bytes]

    def read(self, name: str) -> bytes:
        """Read one file.

        Args:
            name: its path inside the tree.

        Returns:
            Its bytes.

        Raises:
            DataError: the file is damaged, encrypted, unreadable or too large.
        """
        if self.sizes[name] > MAX_BYTES:
            raise DataError(
                f"{name} in {self.path}: expected an image file of at most "
                f"{MAX_BYTES:,} bytes, got {self.sizes[name]:,}; make it smaller or remove it"
            )
        try:
            return self.open_file(name)
        # zipfile raises whatever its decompressors raise: zlib.error, EOFError, RuntimeError, …
        except Exception as error:
            raise DataError(
                f"{name} in {self.path}: expected a readable file, got {_say(error)}; "
                "fetch it again or remove it"
            ) from error


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """Open a folder or a zip archive for reading.

    Args:
        path: of the folder or archive.

    Yields:
        Its `Tree`, which can be read until the block ends.

    Raises:
        DataError: there is no such folder, or the file is no zip archive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "a.txt").write_text("abc")
        ...     with open_tree(Path(folder)) as tree:
        ...         tree.read("a.txt")
        b'abc'
    """
    if os.path.isdir(path):
        found = _walk(path)
        sizes = {name: info.st_size for name, info in found.items() if stat.S_ISREG(info.st_mode)}
        folders = frozenset(name for name, info in found.items() if stat.S_ISDIR(info.st_mode))
        yield Tree(path, sizes, folders, lambda name: (path / name).read_bytes())
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{path}: expected a folder or a readable zip archive, got {_say(error)}; "
            "check the path, or fetch the archive again"
        ) from error
    with archive:
        members = {_tidy(info.filename): info for info in archive.infolist()}
        members = {name: info for name, info in members.items() if _visible(name)}
        files = {name: info for name, info in members.items() if not info.is_dir()}
        inside = members.keys() - files.keys()
        for parent in {name.rpartition("/")[0] for name in members} - {""}:
            # An archive need not list its folders.
            parts = parent.split("/")
            inside |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
        yield Tree(
            path,
            {name: info.file_size for name, info in files.items()},
            frozenset(inside),
            lambda name: archive.read(files[name]),
        )


def fingerprint(path: Path) -> str:
    """Tell one content from another: by its bytes for a file, by its listing for a folder.

    Args:
        path: of a file or folder.

    Returns:
        A sha256 in hexadecimal: of the file's bytes, or of the sorted (path, size, time of the
        last change) of everything visible in the folder.

    Raises:
        DataError: it cannot be read.
    """
    if os.path.isdir(path):
        listing = [
            (name, info.st_size, info.st_mtime_ns)
            for name, info in sorted(_walk(path).items())
            if stat.S_ISREG(info.st_mode)
        ]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got {_say(error)}") from error


def _walk(root: Path) -> dict[str, os.stat_result]:
    """Stat everything visible below a folder; keys are relative paths with forward slashes."""

    def refuse(error: OSError) -> None:
        raise error

    found = {}
    try:
        for folder, folders, files in os.walk(root, onerror=refuse, followlinks=True):
            inside = Path(folder).relative_to(root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            folders[:] = [name for name in folders if _visible(name) and not _loops(folder, name)]
            for name in (*folders, *filter(_visible, files)):
                found[prefix + name] = os.stat(os.path.join(folder, name))
    except OSError as error:
        raise DataError(
            f"{root}: expected a folder of readable files, got {_say(error)}; mend or remove it"
        ) from error
    return found


def _loops(folder: str, name: str) -> bool:
    """Whether a link leads back to a folder that it is in."""
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    target = os.path.realpath(path)
    return os.path.commonpath([target, os.path.realpath(folder)]) == target


def _visible(name: str) -> bool:
    """Whether no part of a path is hidden (".." among them) or macOS's own."""
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _tidy(name: str) -> str:
    return "/".join(part for part in name.split("/") if part)


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
