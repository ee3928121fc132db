"""Saving: a report or an analysis as a file, whose suffix decides the format."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.files import check_suffix, write_atomically

REPORT_SUFFIXES = (".json", ".md", ".html", ".png")
"""The suffixes of the files that a report can be saved as."""


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
        zoo.errors.ArgumentError: The path must end in .md. Received: report.pdf. Rename it.
    """
    path = check_suffix("The path", path, tuple(writers))
    return write_atomically(path, writers[path.suffix])
