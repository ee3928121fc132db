"""The files of a folder, a zip archive or a tar archive, seen alike.

No name from an archive is ever written to disk. A compressed tar archive, which can only be read
from its beginning, is decompressed into a temporary file.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from zoo.datasets.files.archive import Member, is_archive, members
from zoo.datasets.files.checks import check_count, check_plain
from zoo.errors import DataError

MAX_BYTES = 256 * 2**20
"""The largest file that is read: an uncompressed image of the most pixels `decode` admits."""


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
        with self.open(name, most) as file:
            # Room is made for as many bytes as are asked for.
            return file.read(self.sizes[name] + 1)

    @contextmanager
    def open(self, name: str, most: int = MAX_BYTES) -> Iterator[BinaryIO]:
        """Open one file, to be read from its beginning on.

        Args:
            name: its path inside the tree.
            most: how many bytes it may have.

        Yields:
            The open file.

        Raises:
            DataError: the file is too large; or damaged, encrypted or unreadable, found out here
                or in the block.
        """
        if self.sizes[name] > most:
            raise DataError(
                f"{name} in {self.path}: expected a file of at most {most:,} bytes, got "
                f"{self.sizes[name]:,}; make it smaller or remove it"
            )
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
        path: of the folder or archive, or of a single file that is wanted.
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
        found = walk(path, only)
        sizes = {name: info.st_size for name, info in found.items() if stat.S_ISREG(info.st_mode)}
        folders = frozenset(name for name, info in found.items() if stat.S_ISDIR(info.st_mode))
        yield Tree(path, sizes, folders, lambda name: open(f"{path}/{name}", "rb"))  # noqa: SIM115
        return
    check_plain(path)
    if only and re.fullmatch(only, path.name) and not is_archive(path):
        sizes = {path.name: path.stat().st_size}
        yield Tree(path.parent, sizes, frozenset(), lambda name: path.open("rb"))
        return
    with ExitStack() as stack:
        try:
            tree = _archive(path, only, stack)
        except DataError:
            raise
        # What zipfile, tarfile and their decompressors say to damaged archives.
        except Exception as error:
            raise DataError(
                f"{path}: expected a folder or a readable archive (zip or tar), got "
                f"{say(error)}; check the path, or fetch the archive again"
            ) from error
        yield tree


def walk(root: Path, only: str | None = None) -> dict[str, os.stat_result]:
    """Stat everything visible below a folder; links to folders are followed.

    Args:
        root: the folder.
        only: what of it is wanted, as for `open_tree`.

    Returns:
        The files and folders by their paths inside, with forward slashes.

    Raises:
        DataError: something cannot be read, has a name that cannot be printed, or is there twice.
    """

    def refuse(error: OSError) -> None:
        raise error

    found: dict[str, os.stat_result] = {}
    linked: dict[str, str] = {}
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
            for name in filter(lambda name: os.path.islink(os.path.join(folder, name)), folders):
                target = os.path.realpath(os.path.join(folder, name))
                # Links of links would be folders without end.
                if (other := linked.setdefault(target, prefix + name)) != prefix + name:
                    raise DataError(
                        f"{root}: expected links to different folders, got {other!a} and "
                        f"{prefix + name!a}, both to {target!a}; remove one of them"
                    )
            for name in (*folders, *filter(_visible, filter(wanted, files))):
                path = _readable(root, prefix + name)
                found[path] = os.stat(os.path.join(folder, name))
            check_count(root, len(found))
    except OSError as error:
        raise DataError(
            f"{root}: expected a folder of readable files, got {say(error)}; mend or remove it"
        ) from error
    return found


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


def _archive(path: Path, only: str | None, stack: ExitStack) -> Tree:
    every: dict[str, Member] = {}
    for member in members(path, stack):
        name = "/".join(part for part in member.name.split("/") if part)
        if not name or not _visible(name):
            continue
        _readable(path, name)
        if member.size is not None and name in every:
            raise DataError(f"{path}: expected each file once, got two {name}; pack it afresh")
        every[name] = member
    wanted = _wanted(every, only)
    files = {name: member for name, member in wanted.items() if member.size is not None}
    sizes = {name: member.size or 0 for name, member in files.items()}
    return Tree(path, sizes, _folders(wanted, files), lambda name: files[name].open())


def _wanted(found: dict[str, Member], only: str | None) -> dict[str, Member]:
    """What of an archive is wanted, by names from the wanted top on."""
    if only is None:
        return found
    below: dict[str, dict[str, Member]] = {}
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
