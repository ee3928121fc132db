"""Saving: a report or an analysis as a file, whose suffix decides the format."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError
from zoo.files import write_atomically


def save_as(path: str | os.PathLike[str], writers: Mapping[str, Callable[[Path], Any]]) -> Path:
    """Write a file with the writer of its suffix, in one atomic step.

    Args:
        path: Path of the file.
        writers: Suffix of the file → function that writes the file to a path.

    Returns:
        The path.

    Raises:
        ArgumentError: The path ends in another suffix.
        RunError: The file could not be written.

    Example:
        >>> save_as("report.pdf", {".md": lambda file: file.write_text("# Report")})
        Traceback (most recent call last):
        zoo.errors.ArgumentError: The path must end in .md. Received: report.pdf.
    """
    path = Path(path)
    if path.suffix not in writers:
        raise ArgumentError(f"The path must end in {' or '.join(writers)}. Received: {path.name}.")
    return write_atomically(path, writers[path.suffix])
