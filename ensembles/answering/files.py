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
        paths: Files; folders, whose pictures are found in all folders inside, with a warning if
            there are other files; and patterns such as `"photos/*.jpg"` and `"photos/**/*.png"`.

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
    if path.is_dir():
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
    folders = [match for match in matches if os.path.isdir(match)]
    inside = {file for folder in folders for file in _files_of(Path(folder))}
    return sorted(inside | {Path(name) for name in find_images(plain_files(matches))})
