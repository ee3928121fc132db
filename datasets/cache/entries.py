"""The entries of the cache: where they are, listing them, and deleting them.

An entry is a folder. Its name has the data set's name and a hash of all that the pixels depend on.
The folder holds `<split>-images.npy` and `<split>-labels.npy` for each split, and `meta.json` with
their checksums.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from zoo.arguments import as_path
from zoo.files import is_abandoned, is_temporary

CONTENTS = "contents"  # the folder in which `fingerprint` keeps the hashes of files
# Seconds without a change after which an unfinished entry counts as abandoned.
MAX_SECONDS_UNFINISHED = 3600
# The errors that NumPy and json raise for truncated or altered files.
DAMAGED = (
    *(OSError, ValueError, TypeError, KeyError, AttributeError, EOFError),
    *(SyntaxError, tokenize.TokenError, RecursionError),
)

# The name of an entry. With a dot before it and more letters behind it, the name of a folder in
# which an entry is being made.
_ENTRY = re.compile(r"\.?([a-z]\w*)-[0-9a-f]{32}(?:-\w+)?")


def cache_root() -> Path:
    """Return the folder of the cache: `$ZOO_CACHE`, else the platform's cache folder."""
    folder = os.environ.get("ZOO_CACHE")
    return as_path("ZOO_CACHE", folder) if folder else platformdirs.user_cache_path("zoo")


@dataclass(frozen=True)
class CacheEntry:
    """An entry of the cache: folder, data set, number of images by split, bytes on disk, last use.

    A damaged entry has no images. The time of the last use is in seconds since 1970.
    """

    path: Path
    dataset: str
    images: dict[str, int]
    bytes: int
    used: float


def entries() -> list[CacheEntry]:
    """List the entries of the cache, also damaged and unfinished ones, the latest used first."""
    found = []
    for path in cache_root().glob("*-*"):
        # Other files and folders in the cache's folder are not touched.
        name = _ENTRY.fullmatch(path.name)
        if not name or not path.is_dir():
            continue
        try:
            shapes = read_meta(path)["shapes"]
            images = {split: int(shape[0]) for split, shape in shapes.items()}
        except DAMAGED:
            images = {}
        with contextlib.suppress(FileNotFoundError):  # another process deletes the entry
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            found.append(CacheEntry(path, name[1], images, size, path.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def clear(dataset: str | None = None) -> list[CacheEntry]:
    """Delete entries of a data set, or of all. Images that are in use stay readable.

    Entries that another process is making stay. Returns the deleted entries.
    """
    deleted = [
        entry
        for entry in entries()
        if dataset in (None, entry.dataset) and not _is_being_made(entry.path)
    ]
    for entry in deleted:
        shutil.rmtree(entry.path, ignore_errors=True)
    if dataset is None:
        for file in (cache_root() / CONTENTS).glob(64 * "[0-9a-f]"):
            file.unlink(missing_ok=True)
    return deleted


def delete_abandoned() -> None:
    """Delete the unfinished entries that no process makes any more, as after a power failure."""
    for path in cache_root().glob(".*-*"):
        if _ENTRY.fullmatch(path.name) and not _is_being_made(path):
            shutil.rmtree(path, ignore_errors=True)


def read_meta(entry: Path) -> dict[str, Any]:
    """Read `meta.json` of an entry: "facts", "notes", "files", "class_names" and "shapes".

    Raises one of `DAMAGED`.
    """
    checksum, meta = json.loads((entry / "meta.json").read_text("utf-8"))
    if checksum != hash_facts(meta):
        raise ValueError("the checksum is another")
    return meta


def hash_facts(facts: Any) -> str:
    """Hash JSON values."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _is_being_made(path: Path) -> bool:
    if not path.name.startswith("."):
        return False
    if is_temporary(path):
        return not is_abandoned(path)
    # A folder of an earlier version of Zoo.
    with contextlib.suppress(OSError):  # the entry is finished at this moment
        latest = max(file.stat().st_mtime for file in (path, *path.rglob("*")))
        return time.time() - latest < MAX_SECONDS_UNFINISHED
    return True
