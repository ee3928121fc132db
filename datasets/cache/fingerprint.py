"""Telling one content of files from another, without reading again what has not changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from zoo.datasets.cache.store import CONTENTS, cache_root
from zoo.datasets.files.checks import check_file_or_folder, checksum, describe_error, file_state
from zoo.datasets.files.tree import walk
from zoo.errors import DataError
from zoo.files import write_atomically

_SETTLED = 2 * 10**9
"""Nanoseconds: a file may change twice within a tick of a file system's clock, 2 s on FAT."""


def fingerprint(path: Path, listing: Mapping[str, list[int]]) -> str:
    """Tell one content from another: by the names and bytes of all files.

    They are read once: what was found is kept in the cache by the files' states, so that it is
    there again as long as sizes, times and places on the disk are the same.

    Args:
        path: of a file or folder.
        listing: the files that count, as `states` gives them.

    Returns:
        A sha256 in hexadecimal.

    Raises:
        DataError: it cannot be read.

    Example:
        >>> path = Path(__file__)
        >>> len(fingerprint(path, states(path)))
        64
    """
    try:
        known = cache_root() / CONTENTS / _sha256([str(path.absolute()), listing])
        with contextlib.suppress(OSError, ValueError):
            if re.fullmatch("[0-9a-f]{64}", content := known.read_text("ascii")):
                return content
        begin = time.time_ns()
        content = _sha256([(name, listing[name] and checksum(path / name)) for name in listing])
    except OSError as error:
        raise DataError(f"{path}: expected readable files, got {describe_error(error)}") from error
    if all(max(times) < begin - _SETTLED for _, *times, _ in filter(None, listing.values())):
        with contextlib.suppress(OSError):  # then they are read each time
            known.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(known, lambda target: target.write_text(content, "ascii"))
    return content


def states(path: Path, only: str | None = None) -> dict[str, list[int]]:
    """List files with what changes when they are written.

    Args:
        path: of a file or folder.
        only: the part of a folder that counts, as for `open_tree`.

    Returns:
        The state of each file, by its path inside, and an empty list for each folder.

    Raises:
        DataError: it cannot be read.
    """
    check_file_or_folder(path)
    try:
        found = walk(path, only) if os.path.isdir(path) else {"": path.stat()}
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got {describe_error(error)}") from error
    return {
        name: file_state(info) if stat.S_ISREG(info.st_mode) else []
        for name, info in sorted(found.items())
    }


def _sha256(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
