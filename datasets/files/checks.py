"""Single files: whether they are any, what they hold, and whether they have changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zoo.errors import DataError

MAX_FILES = 2_000_000
"""The most files and folders, links among them, that are listed."""


def check_plain(path: Path) -> None:
    """Raise for what is neither a file nor a folder: devices and pipes, which may never end.

    Args:
        path: of what is to be read.

    Raises:
        DataError: it is something else. What is not there at all is left to others.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise DataError(f"{path}: expected a folder or a file, got a device or a pipe")


def check_count(path: Path, count: int) -> None:
    """Raise for more files and folders than are listed.

    Args:
        path: of what they are in.
        count: how many there are so far.

    Raises:
        DataError: there are too many.
    """
    if count > MAX_FILES:
        raise DataError(f"{path}: expected at most {MAX_FILES:,} files and folders, got more")


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Hash a file's bytes.

    Args:
        path: of the file.
        algorithm: as `hashlib` has it.

    Returns:
        The hash, in hexadecimal.

    Raises:
        OSError: it cannot be read.

    Example:
        >>> len(checksum(Path(__file__)))
        64
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def state(info: os.stat_result) -> list[int]:
    """Say what changes when a file is written: its size, its times, and its place on the disk.

    Args:
        info: of the file.

    Returns:
        The size in bytes, the times of the last changes of content and of status in nanoseconds,
        and the number of the inode.
    """
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]
