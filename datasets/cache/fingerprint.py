"""The fingerprint of a data set's files, without reading files again that have not changed."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from zoo.datasets.cache.entries import CONTENTS, cache_root, hash_facts
from zoo.datasets.files.checks import (
    as_data_errors,
    check_file_or_folder,
    checksum,
    file_state,
)
from zoo.datasets.files.tree import walk
from zoo.files import write_atomically

# Nanoseconds in which a file may change twice with the same time: a tick of FAT's clock, 2 s.
_SETTLED = 2 * 10**9


def fingerprint(path: Path, listing: Mapping[str, list[int]]) -> str:
    """Hash the names and bytes of files, as `states` lists them; a SHA-256 in hexadecimal.

    The files are read once: the cache keeps the hash by the states of the files, so that it need
    not be computed again as long as sizes, times and places on the disk are the same. A DataError
    says that a file cannot be read.
    """
    with _as_data_errors(path):
        known = cache_root() / CONTENTS / hash_facts([str(path.absolute()), listing])
        with contextlib.suppress(OSError, ValueError):
            if re.fullmatch("[0-9a-f]{64}", content := known.read_text("ascii")):
                return content
        begin = time.time_ns()
        content = hash_facts(
            [(name, listing[name] and checksum(_inside(path, name))) for name in listing]
        )
    if all(max(times) < begin - _SETTLED for _, *times, _ in filter(None, listing.values())):
        with contextlib.suppress(OSError):  # then the files are read each time
            write_atomically(known, lambda target: target.write_text(content, "ascii"))
    return content


def list_files(path: Path, only: str | None = None) -> dict[str, os.stat_result]:
    """Call `os.stat` for a file, or for everything below a folder, by the path inside the folder.

    `only` is a regular expression of the files that count, as for `open_tree`. A DataError says
    that a file cannot be read.
    """
    check_file_or_folder(path)
    with _as_data_errors(path):
        return walk(path, only) if os.path.isdir(path) else {"": path.stat()}


def states(found: Mapping[str, os.stat_result]) -> dict[str, list[int]]:
    """Give files with their states, sorted by name; a folder has an empty list.

    A state is numbers that change when a file is written.
    """
    return {
        name: file_state(info) if stat.S_ISREG(info.st_mode) else []
        for name, info in sorted(found.items())
    }


def _inside(path: Path, name: str) -> str:
    """The path of a file; quicker than `path / name`, of which there may be a million."""
    return f"{path}/{name}" if name else str(path)


def _as_data_errors(path: Path) -> AbstractContextManager[None]:
    expected, remedy = "be a readable file or folder", "Check the path and its permissions"
    return as_data_errors(path, expected, remedy, OSError)
