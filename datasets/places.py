"""Where the files of a data set are: in a folder or an archive, found by looking."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.datasets.archive import is_archive
from zoo.datasets.arguments import as_path
from zoo.datasets.info import DatasetInfo
from zoo.errors import DataError

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def data_root() -> Path:
    """Say where data are kept: `$ZOO_DATA`, else the platform's data folder."""
    if folder := os.environ.get("ZOO_DATA"):
        return as_path("ZOO_DATA", folder)
    return _platform_folder()


def find(info: DatasetInfo, root: Path | None) -> Path:
    """Find a data set's archive or folder.

    It may be the root itself, or lie in it, or in a folder there that has the data set's name or
    that holds it as unpacked archives do. Archives go before folders.

    Args:
        info: the data set's description, with what to look for.
        root: an archive, one of the files, or a folder. None: `$ZOO_DATA` and the platform's data
            folder are searched.

    Returns:
        An archive, or the folder in which one of `info.signs` lies.

    Raises:
        DataError: there is neither.

    Example:
        >>> import tempfile
        >>> from zoo.datasets.mnist import INFO
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "train-images-idx3-ubyte").touch()
        >>> find(INFO, folder) == folder
        True
    """
    if root is not None and os.path.isfile(root):
        if is_archive(root):
            return root
        root = root.parent
    bases = [root] if root is not None else list(dict.fromkeys([data_root(), _platform_folder()]))
    for base in bases:
        if path := _archive(info, base) or _folder(info, base):
            return path
    raise DataError(
        f"{info.name}: expected {info.wanted}, in {' or '.join(map(str, bases))} or in a folder "
        f"{info.name} there; got none of it. Fetch it ({info.source}) and pass root=, or set "
        "ZOO_DATA"
    )


def _archive(info: DatasetInfo, base: Path) -> Path | None:
    for folder in (base, base / info.name):
        for pattern in info.archives:
            for suffix in ARCHIVE_SUFFIXES:
                for path in sorted(folder.glob(pattern + suffix)):
                    if path.is_file():
                        return path
    return None


def _folder(info: DatasetInfo, base: Path) -> Path | None:
    for pattern in (f"{info.name}/", "", f"{info.name}/*/", "*/"):
        for sign in info.signs:
            for found in sorted(base.glob(pattern + sign)):
                return found.parents[sign.rstrip("/").count("/")]
    return None


def _platform_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("zoo")
