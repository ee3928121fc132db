"""Saving: values as JSON, and a report or an analysis as a file of the format of its suffix."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import as_path
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
    path = check_suffix("The path", as_path("The path", path), tuple(writers))
    return write_atomically(path, writers[path.suffix])


def as_json(value: Any) -> Any:
    """Make JSON values of dataclasses, arrays, mappings and sequences.

    Args:
        value: The value.

    Returns:
        Dicts, lists, numbers, texts, True, False and None. A number that is infinite or not a
        number becomes None, because JSON has no such numbers.

    Example:
        >>> as_json({"a": np.array([1.0, np.nan])})
        {'a': [1.0, None]}
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [as_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
