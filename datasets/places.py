"""Where the files of a data set are: in a folder or an archive, found by looking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from zoo.datasets.tree import is_archive
from zoo.errors import DataError

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def bases(root: Path | None) -> list[Path]:
    """The folders to look in: the root, or `$ZOO_DATA` and the platform's data folder."""
    if root is not None:
        return [root]
    import platformdirs

    folders = [os.environ.get("ZOO_DATA"), platformdirs.user_data_path("zoo")]
    return [Path(folder).expanduser() for folder in folders if folder]


def find(
    name: str, root: Path | None, *, signs: Sequence[str], archives: Sequence[str], wanted: str
) -> Path:
    """Find a data set's archive or folder.

    It may be the root itself, or lie in it, or in a folder there that has the data set's name;
    archives go before folders.

    Args:
        name: the data set's.
        root: an archive, one of the files, or a folder. None: `$ZOO_DATA` and the platform's data
            folder are searched.
        signs: patterns of paths that only a folder with the data set has.
        archives: patterns of the archives' names without their suffix.
        wanted: what was expected and where it is to be had, for the error.

    Returns:
        An archive, or a folder with one of the signs.

    Raises:
        DataError: there is neither.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "dots.csv").touch()
        >>> arguments = {"signs": ["*.csv"], "archives": ["dots*"], "wanted": "dots.csv"}
        >>> find("dots", folder, **arguments) == folder
        True
    """
    if root is not None and os.path.isfile(root):
        if is_archive(root):
            return root
        root = root.parent
    for base in (places := bases(root)):
        folders = (base / name, base)
        for folder in folders:
            for pattern in archives:
                for suffix in ARCHIVE_SUFFIXES:
                    for archive in sorted(folder.glob(pattern + suffix)):
                        return archive
        for folder in folders:
            if any(any(folder.glob(sign)) for sign in signs):
                return folder
    raise DataError(
        f"{name}: expected {wanted}, in {' or '.join(map(str, places))} or in a folder {name} "
        "there; got neither. Fetch it and pass root=, or set ZOO_DATA"
    )
