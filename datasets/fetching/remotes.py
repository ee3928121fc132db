"""Fetching a data set's files from where their owner has put them, when the user asks for it."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.fetching.mirrors import fetch, is_right
from zoo.datasets.files.locations import ARCHIVE_SUFFIXES, data_root, locate
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress


def download(info: DatasetInfo, root: Path | None, parts: Iterable[str] = ()) -> Path:
    """Fetch what is missing of a data set's files.

    What is there, in any of the forms that are read, is not fetched again; a warning tells of files
    that have the names of the owner's and are others. What is missing is put beside it. What has
    come of a file is kept, as NAME.part, and the next try goes on from there.

    Args:
        info: the data set's description.
        root: where the files are or are to be put. None: they are looked for in `$ZOO_DATA` and
            the platform's data folder, and put into a folder of the data set's name in the first.
        parts: which of its parts are wanted; empty for all that are used by default.

    Returns:
        The folder, or the archive that holds them all.

    Raises:
        DataError: the owner gives the files only to people, no mirror has them, they are not what
            they should be, another file of that name is there, or an archive holds some only.
    """
    if not info.remote_files and not info.manual_download:
        raise DataError(f"{info.name}: there is nothing to fetch, it is {info.source}")
    wanted = _wanted(info, [*parts])
    path = None
    with contextlib.suppress(DataError):
        path = locate(info, root)
    default = data_root() / info.name
    folder = path or root or default
    if path and wanted:
        wanted = _missing(info, path, wanted)
        if wanted and not path.is_dir():
            names = " and ".join(remote.name for remote in wanted)
            raise DataError(
                f"{path}: expected what is in {names} too; unpack it to have it fetched"
            )
        if any(remote.name.endswith(ARCHIVE_SUFFIXES) for remote in wanted):
            folder = root or default  # where archives are found before folders
    elif not info.remote_files and not path:
        raise DataError(
            f"{info.name} gives its files to people who ask ({info.manual_download}): no program "
            f"may fetch them. Get {info.expected_files} from {info.source} and put them into "
            f"{folder}"
        )
    if not wanted:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _progress() as progress:
            for remote in {remote.name: remote for remote in wanted}.values():
                fetch(remote, folder, progress)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be written, got {error}") from error
    return folder


def _wanted(info: DatasetInfo, parts: Sequence[str]) -> list[RemoteFile]:
    """The files that some parts need, or those that are used by default."""
    known = dict.fromkeys(remote.part for remote in info.remote_files if remote.part)
    for part in parts:
        if known and part not in known:
            raise DataError(f"{info.name} has no part {part!r}; the parts are: {', '.join(known)}")
    parts = parts or [part for names in info.parts.values() for part in names]
    return [remote for remote in info.remote_files if remote.part is None or remote.part in parts]


def _missing(info: DatasetInfo, path: Path, wanted: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Those of some files that are not there, in whatever form; warns of others of their names."""
    there = {path / one.name if path.is_dir() else path: one for one in wanted}
    there = {file: one for file, one in there.items() if file.name == one.name and file.exists()}
    if others := [str(file) for file, one in there.items() if not is_right(file, one)]:
        warnings.warn(
            f"{' and '.join(others)}: not as the owner has it, by size or checksum, and taken as "
            "it is; move it away to have it fetched",
            stacklevel=5,  # the caller of load
        )
    if path in there:
        return []
    with open_tree(path, info.file_pattern) as tree:
        names = [*tree.sizes]
    return [remote for remote in wanted if not _is_among(names, remote)]


def _is_among(names: Sequence[str], remote: RemoteFile) -> bool:
    return remote.name in names or (
        bool(remote.alternatives)
        and all(any(re.fullmatch(one, name) for name in names) for one in remote.alternatives)
    )


def _progress() -> Progress:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        "{task.description}",
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
