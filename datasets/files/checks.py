"""Checks of files before and after they are read, and readable errors."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zoo.errors import DataError, RunError
from zoo.text import visible

MAX_FILES = 2_000_000  # the largest number of files, folders and links that are listed
# How files of other kinds that people take for pictures begin: from which byte on, with what.
_OTHER_KINDS = (
    (0, b"GIF8", "a GIF file"),
    (0, b"II*\0", "a TIFF file"),
    (0, b"MM\0*", "a TIFF file"),
    (0, b"%PDF", "a PDF file"),
    (4, b"ftypheic", "a HEIC file"),
    (4, b"ftypheix", "a HEIC file"),
    (4, b"ftypmif1", "a HEIF file"),
    (4, b"ftypavif", "an AVIF file"),
    (4, b"ftyp", "a video or an image of the same family"),
)
_AT_ONCE = 2**20  # bytes of a file that are read and hashed at a time


def data_error(
    subject: object, expected: str, received: object, remedy: str = "Fetch it again"
) -> DataError:
    """Make the error for a file or folder that is not as it must be.

    Example:
        >>> data_error("a.png", "be an image", "a page of HTML")
        DataError('a.png must be an image. Received: a page of HTML. Fetch it again.')
    """
    return DataError(f"{subject} must {expected}. Received: {received}. {remedy}.")


def left_out(path: Path, names: Sequence[str], reason: str | None = None) -> str:
    """Write the warning about files in a folder that are left out.

    Args:
        path: The folder.
        names: Paths of the files inside, one or more.
        reason: Why they are left out; None: they are no images.

    Example:
        >>> left_out(Path("pets"), ["a.jpg"], "it has no class")
        'pets: a.jpg is left out. Reason: it has no class'
    """
    first = printable(names[0])
    count = f"{len(names):,} files such as {first} are" if names[1:] else f"{first} is"
    images = "they are no images of a format that is read; convert those that are pictures"
    return f"{path}: {count} left out. Reason: {reason or images}"


def kind_of_file(content: BinaryIO) -> str:
    """Say what a file is that is no image of a format that is read.

    Example:
        >>> import io
        >>> kind_of_file(io.BytesIO(b"GIF89a"))
        'a GIF file'
    """
    content.seek(0)
    start = content.read(16)
    if not start:
        return "an empty file"
    kinds = (kind for first, magic, kind in _OTHER_KINDS if start[first:].startswith(magic))
    return next(kinds, "content of another kind")


def check_file_or_folder(path: Path) -> None:
    """Refuse devices and pipes, which may never end. A path where nothing is passes the check."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise data_error(path, "be a folder or a file", "a device or a pipe", "Pass another path")


def check_count(path: Path, count: int) -> None:
    """Refuse a folder or archive with more files and folders than can be listed."""
    if count > MAX_FILES:
        expected = f"hold at most {MAX_FILES:,} files and folders"
        raise data_error(path, expected, "more", "Split it into several folders or archives")


def checksum(path: str | os.PathLike[str], algorithm: str = "sha256") -> str:
    """Hash a file's bytes by an algorithm of `hashlib`, in hexadecimal."""
    with open(path, "rb", buffering=0) as file:
        start = file.read(_AT_ONCE)
        hashed = hashlib.new(algorithm, start)
        while start:  # a folder may have very many small files: they are read in two steps
            hashed.update(start := file.read(_AT_ONCE))
    return hashed.hexdigest()


def file_state(info: os.stat_result) -> list[int]:
    """Return the numbers that change when a file is written: size, times (ns) and inode."""
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]


def describe_error(error: Exception) -> str:
    r"""Write an error of a library as one short line of characters that can be printed.

    For an error of the operating system, this is the system's text.

    Example:
        >>> describe_error(ValueError("no \x00 here"))
        'ValueError: no \\x00 here'
    """
    text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return printable(text[:300].rstrip("."))


def printable(text: str) -> str:
    r"""Write the characters of a text that cannot be printed as Python's escapes, also bytes.

    Example:
        >>> printable("a\nb.png")
        'a\\nb.png'
    """
    if text.isprintable():
        return text
    shown = (letter if _is_shown(letter) else ascii(letter)[1:-1] for letter in text)
    return visible("".join(shown))  # which also takes the signs that turn the direction of writing


def _is_shown(letter: str) -> bool:
    """Whether a letter is shown as it is, as are signs that join others, such as parts of emoji."""
    return letter.isprintable() or unicodedata.category(letter) == "Cf"


@contextmanager
def as_data_errors(
    subject: object,
    expected: str,
    remedy: str = "Fetch it again",
    kinds: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Iterator[None]:
    """Turn the errors of a library in this block into a DataError with this message.

    A damaged file can lead to almost every built-in error: zipfile, pickle and others let the
    errors of what they call through.
    """
    try:
        yield
    except (DataError, RunError):
        raise
    except kinds as error:
        raise data_error(subject, expected, describe_error(error), remedy) from error
