"""The search for a data set's files: an archive or a folder."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from zoo.arguments import as_path
from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.archive import is_archive
from zoo.datasets.files.checks import data_error

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def data_root() -> Path:
    """Give the folder of all data sets: `$ZOO_DATA`, else the platform's data folder."""
    folder = os.environ.get("ZOO_DATA")
    return as_path("ZOO_DATA", folder) if folder else platformdirs.user_data_path("zoo")


def keras_root() -> Path:
    """Give the folder where Keras keeps data sets: in `$KERAS_HOME`, else in `~/.keras`."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return as_path("KERAS_HOME", home) / "datasets"


def locate(info: DatasetInfo, root: Path | None) -> Path:
    """Find a data set's archive, or the folder in which one of `info.markers` lies.

    It may be the root itself, lie in the root, or lie in a folder of the root that has the data
    set's name or was unpacked from its archive. Archives are preferred to folders. The root may
    also be one of the data set's files. Without a root, `$ZOO_DATA`, the platform's data folder
    and, for data sets that Keras has too, Keras's own data folder are searched, in this order.

    Raises:
        DataError: There is neither.
    """
    if root is not None and os.path.isfile(root):
        if is_archive(root) or (info.complete_file and re.fullmatch(info.complete_file, root.name)):
            return root
        if not re.fullmatch(info.file_pattern or "", root.name):
            expected = f"be a readable archive (zip or tar), or {info.expected_files}"
            received = f"{root}, which is neither, or a damaged archive"
            raise data_error("root", expected, received)
        return root.parent
    bases = [root] if root is not None else [data_root(), platformdirs.user_data_path("zoo")]
    for base in bases:
        alone = _lone_archive(root) if root is not None else None
        if path := alone or _archive(info, base) or _folder(info, base):
            return path
    searched = " or ".join(map(str, dict.fromkeys(bases)))
    expected = f"have {info.expected_files} in {searched} or in a folder {info.name} there"
    if root is None and info.keras_files:
        # Keras keeps files of other data sets in folders beside, so these are left out.
        if path := _folder(info, keras_root(), ["", *info.folders]):
            return path
        expected += f"; or {info.keras_files} in {keras_root()}, where Keras keeps data"
    remedy = f"Fetch them ({info.source}) and pass root=, or set ZOO_DATA"
    raise data_error(info.name, expected, "none of these files", remedy)


def _archive(info: DatasetInfo, base: Path) -> Path | None:
    """The archive with one of the data set's names; else the archive alone in its folder."""
    for folder in (base, base / info.name):
        archives = {path.name.lower(): path for path in _archives(folder)}
        for pattern in info.archive_patterns:
            for suffix in ARCHIVE_SUFFIXES:
                for name in fnmatch.filter(archives, pattern + suffix):
                    return archives[name]
    # Kaggle gives all its archives the name archive.zip.
    return _lone_archive(base / info.name)


def _lone_archive(folder: Path) -> Path | None:
    """The archive, if the folder holds nothing else."""
    visible = [path for path in listed(folder) if not path.name.startswith(".")]
    return visible[0] if len(visible) == 1 and visible == _archives(folder) else None


def listed(folder: Path) -> list[Path]:
    """The sorted paths in a folder; none if there is no folder, or it must not be entered."""
    return sorted(folder.glob("*")) if os.path.isdir(folder) else []


def _archives(folder: Path) -> list[Path]:
    """The files whose names have an archive's suffix."""
    paths = listed(folder)
    return [p for p in paths if p.name.lower().endswith(ARCHIVE_SUFFIXES) and os.path.isfile(p)]


def _folder(info: DatasetInfo, base: Path, patterns: Sequence[str] | None = None) -> Path | None:
    """The folder below the base that matches a pattern and holds one of the data set's markers."""
    if not os.path.isdir(base):
        return None
    for pattern in patterns or (f"{info.name}/", "", *info.folders, f"{info.name}/*/", "*/"):
        for marker in info.markers:
            for found in sorted(base.glob(pattern + marker)):
                return found.parents[marker.rstrip("/").count("/")]
    return None
