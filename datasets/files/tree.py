"""The files of a folder, a zip archive or a tar archive, read in the same way.

No name from an archive is ever written to disk. A compressed tar archive can only be read from its
beginning on, so it is decompressed into a temporary file.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from zoo.datasets.files.archive import ArchiveItem, archive_items, is_archive
from zoo.datasets.files.checks import (
    as_data_errors,
    check_count,
    check_file_or_folder,
    data_error,
    printable,
)

# The largest file that is read: an uncompressed image of the most pixels that `decode` accepts.
MAX_BYTES = 256 * 2**20
PRINTABLE_NAME = "have a name in UTF-8 without control characters"
"""What the names of files and folders must do."""
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would read text
# Files and folders that systems make for themselves, such as thumbnails and wastebaskets, in small
# letters: macOS, Windows, and the network drives of Synology and QNAP.
_OF_SYSTEMS = frozenset(
    {"__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"}
    | {"system volume information", "lost+found", "@eadir", "#recycle", "#snapshot", "@recycle"}
)


@dataclass(frozen=True)
class Tree:
    """The visible files below a folder or in an archive.

    `sizes` has the size in bytes of each file by the file's path inside, with forward slashes, and
    `folders` the paths of all folders, also of empty folders. `open_file` opens a file without any
    check: use `open` or `read` instead. `read_file` reads at most so many bytes from a file's
    beginning, faster than through `open_file`; None: there is no faster way.
    """

    path: Path
    sizes: dict[str, int]
    folders: frozenset[str]
    open_file: Callable[[str], BinaryIO]
    read_file: Callable[[str, int], bytes] | None = None

    @property
    def has_folder(self) -> bool:
        """Whether the files lie in a folder or archive, as those of `plain_files` do not."""
        return self.path != Path()

    def subject(self, name: str) -> str:
        """Name a file for a message."""
        return f"{printable(name)} in {self.path}" if self.has_folder else printable(name)

    def read(self, name: str, most: int = MAX_BYTES) -> bytes:
        """Read a file of at most `most` bytes; raise a DataError as `open` does."""
        size = self.sizes.get(name, most + 1)
        # Python makes room for as many bytes as are asked for, so not for `most`.
        if size <= most and _is_printable(name):
            try:
                if self.read_file:
                    content = self.read_file(name, size + 1)
                else:
                    with self.open_file(name) as file:
                        content = file.read(size + 1)
                if len(content) == size:
                    return content
            except Exception:  # `open` finds the words for it
                pass
        with self.open(name, most) as file:
            return file.read(size + 1)

    @contextmanager
    def open(self, name: str, most: int = MAX_BYTES) -> Iterator[BinaryIO]:
        """Open a file of at most `most` bytes for reading from its beginning on.

        A DataError says that the file is missing, too large, damaged, encrypted or unreadable,
        perhaps only in the block, or that its name cannot be printed.
        """
        subject = self.subject(name)
        if not _is_printable(name):
            raise data_error(subject, PRINTABLE_NAME, f"{name!a}", "Rename or remove it")
        if name not in self.sizes:
            if not self.has_folder:
                raise data_error(name, "be an image file", _kind_of(name), "Check the path")
            remedy = "Add the file, or fetch it with download=True if the owner allows it"
            raise data_error(self.path, f"hold {name}", f"no {name}", remedy)
        if (size := self.sizes[name]) > most:
            expected = f"be a file of at most {most:,} bytes"
            raise data_error(subject, expected, f"{size:,} bytes", "Make it smaller or remove it")
        remedy = "Fetch it again or remove it"
        with as_data_errors(subject, "be a readable file", remedy), self.open_file(name) as file:
            yield io.BufferedReader(file) if isinstance(file, io.FileIO) else file


def _kind_of(path: str) -> str:
    """Say what is at a path where no file is."""
    if os.path.isdir(path):
        return "a folder"
    if os.path.exists(path):
        return "a device or a pipe"
    return "a link to nothing" if os.path.islink(path) else "no file of that name"


def plain_files(paths: Sequence[str]) -> Tree:
    """Make a tree of files that lie anywhere, by their paths; paths without a file are left out."""
    found = {path: os.stat(path) for path in paths if os.path.exists(path)}
    sizes = {name: info.st_size for name, info in found.items() if stat.S_ISREG(info.st_mode)}
    return Tree(Path(), sizes, frozenset(), lambda name: open(name, "rb"), _read_plainly)


@contextmanager
def open_tree(
    path: Path,
    only: str | None = None,
    *,
    found: Mapping[str, os.stat_result] | None = None,
    read_file: Callable[[str, int], bytes] | None = None,
) -> Iterator[Tree]:
    """Open a folder, a zip archive or a tar archive for reading, until the block ends.

    `only` is a regular expression for names at the top of the tree: of the files that are wanted,
    and of the folders that are wanted with everything in them. In an archive the top may lie in a
    folder. None: everything is wanted. The path may also be a single file that matches `only`.
    `found` is what `walk` has found in the folder; None: the folder is walked. If `read_file` is
    given, it reads the files of a folder. A DataError says that there is no such folder, or that
    the file is no archive.
    """
    if os.path.isdir(path):
        tree = _folder_tree(path, walk(path, only) if found is None else found)
        yield replace(tree, read_file=read_file) if read_file else tree
        return
    check_file_or_folder(path)
    if only and re.fullmatch(only, path.name) and not is_archive(path):
        sizes = {path.name: path.stat().st_size}
        yield Tree(path.parent, sizes, frozenset(), lambda name: path.open("rb"))
        return
    with ExitStack() as stack:
        expected = "be a folder or a readable archive (zip or tar)"
        remedy = "Check the path, or fetch the archive again"
        with as_data_errors(path, expected, remedy):
            try:
                tree = _open_archive(path, only, stack)
            except tarfile.ReadError as error:
                received = f"a file of another kind, or a damaged archive ({error})"
                raise data_error(path, expected, received, remedy) from error
        yield tree


def walk(root: Path, only: str | None = None) -> dict[str, os.stat_result]:
    """Call `os.stat` for everything visible below a folder. Links to folders are followed.

    Returns the results by the paths of the files and folders inside, with forward slashes; of a
    link that leads nowhere, the state of the link. `only` has the names that are wanted, as for
    `open_tree`. A DataError says that a folder cannot be read, that a folder's name cannot be
    printed, or that two links lead to the same folder.
    """

    def refuse(error: OSError) -> None:
        raise error

    found: dict[str, os.stat_result] = {}
    links: dict[str, str] = {}
    with as_data_errors(root, "hold readable folders", "Change the permissions, or remove it"):
        for folder, folders, files in os.walk(root, onerror=refuse, followlinks=True):
            inside = Path(folder).relative_to(root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            if only and not prefix:
                wanted = re.compile(only, re.DOTALL).fullmatch
                folders[:], files = filter(wanted, folders), [*filter(wanted, files)]
            visible = filter(_is_visible_name, folders)
            folders[:] = [name for name in visible if not _leads_back(root, prefix + name, links)]
            for name in folders:
                _check_folder_name(root, prefix + name)
            for name in (*folders, *filter(_is_visible_name, files)):
                found[prefix + name] = _state(f"{folder}/{name}")
            check_count(root, len(found))
    return found


def _state(path: str) -> os.stat_result:
    """Call `os.stat`; for a link that leads nowhere, or in a circle, `os.lstat`."""
    try:
        return os.stat(path)
    except OSError:
        return os.lstat(path)


def _folder_tree(path: Path, found: Mapping[str, os.stat_result]) -> Tree:
    # A link that leads nowhere is a file that cannot be read, and is treated as a damaged file.
    sizes = {
        name: info.st_size
        for name, info in found.items()
        if stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)
    }
    folders = frozenset(name for name, info in found.items() if stat.S_ISDIR(info.st_mode))
    return Tree(
        path,
        sizes,
        folders,
        lambda name: open(f"{path}/{name}", "rb"),
        lambda name, most: _read_plainly(f"{path}/{name}", most),
    )


def read_start(path: str, most: int) -> tuple[bytes, os.stat_result]:
    """Read at most so many bytes of a file from its beginning; faster than by `open`.

    Also returns the state of the file after that.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        return os.read(descriptor, most), os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _read_plainly(path: str, most: int) -> bytes:
    return read_start(path, most)[0]


def _open_archive(path: Path, only: str | None, stack: ExitStack) -> Tree:
    items: dict[str, ArchiveItem] = {}
    for item in archive_items(path, stack):
        # `tar -c .` writes "./" before each name.
        name = "/".join(part for part in item.name.split("/") if part not in ("", "."))
        if not name or not _is_visible(name):
            continue
        _check_folder_name(path, name if item.size is None else name.rpartition("/")[0])
        if item.size is not None and name in items:
            raise data_error(path, "hold each file once", f"two files {name}", "Pack it afresh")
        items[name] = item
    wanted = _wanted(items, only)
    sizes = {name: item.size for name, item in wanted.items() if item.size is not None}
    return Tree(path, sizes, _folders(wanted), lambda name: wanted[name].open())


def _wanted(items: dict[str, ArchiveItem], only: str | None) -> dict[str, ArchiveItem]:
    """The wanted items of an archive, with their names below the folder that holds them."""
    if only is None:
        return items
    by_top: dict[str, dict[str, ArchiveItem]] = {}
    for name, item in items.items():
        parts = name.split("/")
        depth = next((depth for depth, part in enumerate(parts) if re.fullmatch(only, part)), None)
        if depth is not None:
            by_top.setdefault("/".join(parts[:depth]), {})["/".join(parts[depth:])] = item
    # Many archives hold a second copy further down.
    return by_top[min(by_top, key=lambda top: (len(Path(top).parts), top))] if by_top else {}


def _folders(items: Mapping[str, ArchiveItem]) -> frozenset[str]:
    """The folders of an archive, which need not list them."""
    listed = {name for name, item in items.items() if item.size is None}
    holding = listed | {name.rpartition("/")[0] for name in items}
    above = (parent.as_posix() for name in holding for parent in PurePosixPath(name).parents)
    return frozenset({*holding, *above} - {"", "."})


def _leads_back(root: Path, name: str, links: dict[str, str]) -> bool:
    """Whether a folder is a link to a folder that holds the link.

    A second link to the same folder is refused: links to links would be folders without end.
    `links` has the links so far, by the folders that they lead to.
    """
    path = root / name
    if not path.is_symlink():
        return False
    target = path.resolve()
    if path.parent.resolve().is_relative_to(target):
        return True
    if (other := links.setdefault(str(target), name)) != name:
        received = f"{other!a} and {name!a}, both to {str(target)!a}"
        raise data_error(root, "have links to different folders", received, "Remove one of them")
    return False


def _check_folder_name(root: Path, name: str) -> None:
    """Refuse the name of a folder that cannot be printed or stored; folders name classes."""
    if not _is_printable(name):
        expected = f"hold folders that {PRINTABLE_NAME}"
        raise data_error(root, expected, f"{name!a}", "Rename or remove it")


def _is_printable(name: str) -> bool:
    """Whether a name is text without control characters."""
    # Asking for the categories is slow, and few names have letters that are not printable.
    return name.isprintable() or all(
        unicodedata.category(letter) not in ("Cc", "Cs") for letter in name
    )


def _is_visible(path: str) -> bool:
    """Whether all parts of a path are visible (".." is not)."""
    return all(map(_is_visible_name, path.split("/")))


def _is_visible_name(name: str) -> bool:
    """Whether a file or folder is neither hidden nor made by a system for itself."""
    return not name.startswith(".") and name.lower() not in _OF_SYSTEMS
