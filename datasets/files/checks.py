"""Checks of files before and after they are read, and readable errors."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zoo.errors import DataError

MAX_FILES = 2_000_000
"""The largest number of files, folders and links that are listed."""


def check_file_or_folder(path: Path) -> None:
    """Refuse devices and pipes, which may never end.

    Args:
        path: The path that shall be read. A path where nothing is passes the check.

    Raises:
        DataError: The path leads to something else than a file or a folder.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise DataError(
            f"{path} must be a folder or a file. Received: a device or a pipe. Pass another path"
        )


def check_count(path: Path, count: int) -> None:
    """Refuse more files and folders than can be listed.

    Args:
        path: The folder or archive that holds them.
        count: Their number so far.

    Raises:
        DataError: The number is too large.
    """
    if count > MAX_FILES:
        raise DataError(
            f"{path} must hold at most {MAX_FILES:,} files and folders. Received: more. Split it "
            "into several folders or archives"
        )


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Hash a file's bytes.

    Args:
        path: The file.
        algorithm: Name of the hash in `hashlib`.

    Returns:
        The hash, in hexadecimal.

    Raises:
        OSError: The file cannot be read.

    Example:
        >>> len(checksum(Path(__file__)))
        64
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def file_state(info: os.stat_result) -> list[int]:
    """Give the numbers that change when a file is written.

    Args:
        info: The result of `os.stat` for the file.

    Returns:
        The size in bytes, the times of the last changes of content and of status in nanoseconds,
        and the number of the inode.
    """
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]


def describe_error(error: Exception) -> str:
    r"""Write an error as one short line of characters that can be printed.

    Args:
        error: An error of a library, whose message may quote the content of a file.

    Returns:
        The error's class and message.

    Example:
        >>> describe_error(ValueError("no \x00 here"))
        'ValueError: no \\x00 here'
    """
    text = f"{type(error).__name__}: {error}"[:300].rstrip(".")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
