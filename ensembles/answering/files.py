"""The files of pictures that paths, folders and patterns mean."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from zoo.arguments import as_path
from zoo.datasets.files.checks import left_out
from zoo.datasets.files.tree import open_tree, plain_files
from zoo.datasets.formats.image_file import FORMATS, find_images
from zoo.errors import DataError


def picture_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Find the files of pictures.

    Args:
        paths: Files; folders, whose pictures are found in all folders inside; and patterns such as
            `"photos/*.jpg"` and `"photos/**/*.png"`. A warning tells of other files in folders and
            among those that a pattern means.

    Returns:
        The files in the order of `paths`; those of a folder or a pattern are sorted.

    Raises:
        DataError: A file or folder does not exist, or there is no picture in it.

    Example:
        >>> picture_files(["gone.jpg", "gone/*.png"])
        Traceback (most recent call last):
        zoo.errors.DataError: Pictures must be files, folders with pictures, or patterns such as \
'photos/*.jpg'. Received: gone.jpg, gone/*.png, where there is no picture (BMP, JPEG, PNG, WEBP). \
Check the paths.
    """
    found: list[Path] = []
    empty: list[str] = []
    for path in paths:
        files = _files_of(as_path("The path of a picture", path))
        if not files:
            empty.append(str(path))
        found += files
    if empty:
        some = ", ".join(empty[:5]) + (f" and {len(empty) - 5:,} more" if len(empty) > 5 else "")
        raise DataError(
            "Pictures must be files, folders with pictures, or patterns such as 'photos/*.jpg'. "
            f"Received: {some}, where there is no picture ({', '.join(FORMATS)}). Check the paths."
        )
    return found


def _files_of(path: Path) -> list[Path]:
    """Find the files that a single path means; none if there is no picture."""
    if os.path.isdir(path):
        with open_tree(path) as tree:
            images = find_images(tree)
            if others := sorted(tree.sizes.keys() - {*images}):
                warnings.warn(left_out(path, others), stacklevel=3)
            return [path / name for name in images]
    if os.path.lexists(path):  # a broken link too: whoever reads it says what is wrong
        return [path]
    if not glob.has_magic(str(path)):
        return []
    matches = sorted(glob.glob(str(path), recursive=True))
    folders = {Path(match) for match in matches if os.path.isdir(match)}
    inside = {file for folder in sorted(folders) for file in _files_of(folder)}
    pictures = {Path(name) for name in find_images(plain_files(matches))}
    unread = {*map(Path, matches)} - pictures - folders
    # What is left out of a folder among the matches has been told.
    if names := sorted(str(file) for file in unread if file.parent not in folders):
        warnings.warn(left_out(path, names), stacklevel=3)
    return sorted(inside | pictures)
