"""The description of a data set: its name, its files, its parts, and where the files come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RemoteFile:
    """A file that the owner of a data set lets programs fetch.

    Args:
        name: Name of the file.
        urls: Addresses of the file, the preferred address first.
        size: Size in bytes.
        checksum: MD5 or SHA-256 in hexadecimal; the length tells which of the two.
        part: The part of the data set that needs the file. None: every part needs it.
        alternatives: Regular expressions of paths. Where each expression matches a file that is
            there, the remote file is not needed.

    Example:
        >>> RemoteFile("dots.gz", ("https://example.org/dots.gz",), 4, 32 * "0").algorithm
        'md5'
    """

    name: str
    urls: tuple[str, ...]
    size: int
    checksum: str
    part: str | None = None
    alternatives: tuple[str, ...] = ()

    @property
    def algorithm(self) -> str:
        """Name of the checksum's algorithm, as `hashlib` writes it."""
        return {32: "md5", 64: "sha256"}[len(self.checksum)]


@dataclass(frozen=True)
class DatasetInfo:
    """The description of a data set.

    A data set is this description and a function that reads the images; `zoo.datasets.register`
    puts the two together. Every argument may be left out: a data set without `expected_files` is
    embedded, that is, it needs no files of the user.

    Args:
        name: The name for `zoo.datasets.load`. Empty: the name of the reading function.
        summary: One line: number of images, size, number of classes. Empty: the first line of
            the reading function's docstring.
        source: Where the files come from.
        expected_files: Which files or folders the user has to bring, in words. Empty for an
            embedded data set.
        markers: Patterns of paths. A folder in which one of them lies holds the data set.
        archive_patterns: Patterns of the archive's name in small letters, without its suffix.
        complete_file: Regular expression of the names of files that hold the whole data set.
        file_pattern: Regular expression of the names of all files and folders that are read, as
            for `open_tree`. None: everything is read.
        parts: Which parts of the data set make the splits "train", "validation" and "test" by
            default. Empty for a data set that comes in one piece, or whose folders name the splits.
        reads_classes: Whether the reading function can read some classes only.
        remote_files: The files that programs may fetch. A file that several parts need stands
            here once for each of them.
        manual_download: Address of the page where people get the files, if no program may.
        locate: Finds the files: takes this description and the user's `root` (or None), and
            returns a folder or an archive. None: the files are found by `markers` and
            `archive_patterns`.
        fetch: Fetches the files: takes this description, the user's `root` (or None) and the
            wanted classes (or None), and returns the folder. None: `remote_files` are fetched.
        version: Raise it when the reading function gives other pixels for the same files, so that
            images in the cache are decoded again.
        folders: Patterns of folders below the root in which other programs keep the data set, each
            with a slash at the end.
        keras_files: Which file or folder Keras's own loader of the data set makes in Keras's data
            folder, in words. Empty if Keras does not have the data set.

    Example:
        >>> DatasetInfo("dots", "4 dots, 1×1", "made up").needs_root
        False
    """

    name: str = ""
    summary: str = ""
    source: str = ""
    expected_files: str = ""
    markers: tuple[str, ...] = ()
    archive_patterns: tuple[str, ...] = ()
    complete_file: str = ""
    file_pattern: str | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads_classes: bool = False
    remote_files: tuple[RemoteFile, ...] = ()
    manual_download: str = ""
    locate: Callable[[DatasetInfo, Path | None], Path] | None = None
    fetch: Callable[[DatasetInfo, Path | None, Sequence[str] | None], Path] | None = None
    version: int = 0
    folders: tuple[str, ...] = ()
    keras_files: str = ""

    @property
    def needs_root(self) -> bool:
        """Whether the images are in files that the user has to bring."""
        return bool(self.expected_files)
