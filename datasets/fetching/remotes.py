"""Fetching a data set's files from where their owner has put them, when the user asks for it."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.fetching.mirrors import fetch_file, is_right
from zoo.datasets.files.checks import as_data_errors, data_error
from zoo.datasets.files.locations import ARCHIVE_SUFFIXES, data_root, keras_root, locate
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress


def fetch_files(info: DatasetInfo, root: Path | None, parts: Iterable[str] = ()) -> Path:
    """Fetch the missing files of a data set, or of some of its parts; return where they are.

    A file that is there is not fetched again, whatever format the reader finds it in. A warning
    names files that have the names of the owner's files and another content. The missing files are
    put beside the others; or else into the root, or a folder of the data set's name in `$ZOO_DATA`
    or the platform's data folder. If files are missing in Keras's folder, all files are fetched,
    since nothing is written there. A DataError says why files cannot be had.
    """
    if not info.remote_files and not info.manual_download:
        raise data_error(
            "A data set", "have files to fetch",
            f"{info.name!r}, which has nothing to fetch: it is {info.source}",
            "Load it without fetching",
        )  # fmt: skip
    wanted = _wanted(info, [*parts])
    path = None
    with contextlib.suppress(DataError):
        path = locate(info, root)
    default = data_root() / info.name
    folder = path or root or default
    missing = _missing(info, path, wanted) if path and wanted else wanted
    if missing and path and root is None and path.is_relative_to(keras_root()):
        folder = default
    elif path and wanted:
        _warn_of_others(path, wanted)
        wanted = missing
        if wanted and not path.is_dir():
            received = f"an archive without {' and '.join(remote.name for remote in wanted)}"
            remedy = "Unpack it to have it fetched"
            raise data_error(path, "hold all of the files that are wanted", received, remedy)
        if any(remote.name.endswith(ARCHIVE_SUFFIXES) for remote in wanted):
            folder = root or default  # where archives are found before folders
    elif not info.remote_files and not path:
        expected = f"be fetched by a person who asks for it: {info.manual_download}"
        remedy = f"Get {info.expected_files} from {info.source} and put them into {folder}"
        raise data_error(info.name, expected, "a program that asks", remedy)
    if not wanted:
        return folder
    expected = "be a folder that can be written"
    with as_data_errors(folder, expected, "Choose another root", OSError), _progress() as progress:
        folder.mkdir(parents=True, exist_ok=True)
        for remote in {remote.name: remote for remote in wanted}.values():
            fetch_file(remote, folder, progress)
    return folder


def _wanted(info: DatasetInfo, parts: Sequence[str]) -> list[RemoteFile]:
    """The files that the parts need, or those that are used by default."""
    known = dict.fromkeys(remote.part for remote in info.remote_files if remote.part)
    for part in parts:
        if known and part not in known:
            remedy = f"Choose among {', '.join(known)}"
            raise data_error("parts", f"be parts of {info.name}", repr(part), remedy)
    parts = parts or [part for names in info.parts.values() for part in names]
    return [remote for remote in info.remote_files if remote.part is None or remote.part in parts]


def _missing(info: DatasetInfo, path: Path, wanted: Sequence[RemoteFile]) -> list[RemoteFile]:
    """The wanted files that are not there in any format."""
    if path in _named(path, wanted):
        return []
    with open_tree(path, info.file_pattern) as tree:
        names = [*tree.sizes]
    return [remote for remote in wanted if not _is_among(names, remote)]


def _warn_of_others(path: Path, wanted: Sequence[RemoteFile]) -> None:
    """Warn of files that have the names of the owner's files and another content."""
    named = _named(path, wanted)
    if others := [str(file) for file, remote in named.items() if not is_right(file, remote)]:
        warnings.warn(
            f"{' and '.join(others)} must be the owner's file. Received: a file of another size or "
            "checksum. It is read as it is; move it away to have the owner's file fetched.",
            stacklevel=5,  # the caller of load
        )


def _named(path: Path, wanted: Sequence[RemoteFile]) -> dict[Path, RemoteFile]:
    """The files that are there and have the names of the owner's files."""
    files = {path / remote.name if path.is_dir() else path: remote for remote in wanted}
    return {
        file: remote for file, remote in files.items() if file.name == remote.name and file.exists()
    }


def _is_among(names: Sequence[str], remote: RemoteFile) -> bool:
    """Whether a file is there, or all the files that can take its place."""
    replaced = [any(re.fullmatch(path, name) for name in names) for path in remote.alternatives]
    return remote.name in names or (bool(replaced) and all(replaced))


def _progress() -> Progress:
    """A bar for each file, with its bytes, speed and time to go."""
    from rich import progress
    from rich.console import Console

    columns = (progress.DownloadColumn(), progress.TransferSpeedColumn())
    return progress.Progress(
        "{task.description}", progress.BarColumn(), *columns, progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
