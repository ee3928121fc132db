"""Where the files of a data set are: in a folder or an archive, found by looking."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path

from zoo.arguments import as_path
from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.archive import is_archive
from zoo.errors import DataError

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def data_root() -> Path:
    """Say where data are kept: `$ZOO_DATA`, else the platform's data folder."""
    if folder := os.environ.get("ZOO_DATA"):
        return as_path("ZOO_DATA", folder)
    return _platform_folder()


def locate(info: DatasetInfo, root: Path | None) -> Path:
    """Find a data set's archive or folder.

    It may be the root itself, or lie in it, or in a folder there that has the data set's name or
    that holds it as unpacked archives do. Archives go before folders.

    Args:
        info: the data set's description, with what to look for.
        root: an archive, one of the files, or a folder. None: `$ZOO_DATA` and the platform's data
            folder are searched.

    Returns:
        An archive, or the folder in which one of `info.markers` lies.

    Raises:
        DataError: there is neither.

    Example:
        >>> import tempfile
        >>> from zoo.datasets.sources.mnist import INFO
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "train-images-idx3-ubyte").touch()
        >>> locate(INFO, folder) == folder
        True
    """
    if root is not None and os.path.isfile(root):
        if is_archive(root) or (info.complete_file and re.fullmatch(info.complete_file, root.name)):
            return root
        if not re.fullmatch(info.file_pattern or "", root.name):
            raise DataError(
                f"{root}: expected a readable archive (zip or tar), or {info.expected_files}; got "
                "neither: if it is an archive it is damaged, fetch it again"
            )
        return root.parent
    bases = [root] if root is not None else list(dict.fromkeys([data_root(), _platform_folder()]))
    for base in bases:
        alone = _lone_archive(root) if root is not None else None
        if path := alone or _archive(info, base) or _folder(info, base):
            return path
    raise DataError(
        f"{info.name}: expected {info.expected_files}, in {' or '.join(map(str, bases))} or in "
        f"a folder {info.name} there; got none of it. Fetch it ({info.source}) and pass root=, or "
        "set ZOO_DATA"
    )


def _archive(info: DatasetInfo, base: Path) -> Path | None:
    for folder in (base, base / info.name):
        archives = {path.name.lower(): path for path in _archives(folder)}
        for pattern in info.archive_patterns:
            for suffix in ARCHIVE_SUFFIXES:
                for name in fnmatch.filter(archives, pattern + suffix):
                    return archives[name]
    # Kaggle calls all of them archive.zip.
    return _lone_archive(base / info.name)


def _lone_archive(folder: Path) -> Path | None:
    """The archive that is all there is in a folder."""
    visible = [path for path in folder.glob("*") if not path.name.startswith(".")]
    return visible[0] if len(visible) == 1 and visible == _archives(folder) else None


def _archives(folder: Path) -> list[Path]:
    """What is called an archive there, by name."""
    return [
        path
        for path in sorted(folder.glob("*"))
        if path.name.lower().endswith(ARCHIVE_SUFFIXES) and path.is_file()
    ]


def _folder(info: DatasetInfo, base: Path) -> Path | None:
    for pattern in (f"{info.name}/", "", f"{info.name}/*/", "*/"):
        for sign in info.markers:
            for found in sorted(base.glob(pattern + sign)):
                return found.parents[sign.rstrip("/").count("/")]
    return None


def _platform_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("zoo")
