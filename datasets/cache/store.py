"""Decoded images kept on disk, so that they are decoded once and then memory-mapped.

An entry is a folder named by the data set and a hash of all that its pixels depend on. It
holds `<part>-images.npy` and `<part>-labels.npy` for each part, and `meta.json` with their
checksums. It is written beside its place and moved there whole, so that no reader sees half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from zoo.arguments import as_path
from zoo.datasets.files.checks import checksum, file_state
from zoo.datasets.files.mapped import fill
from zoo.datasets.formats.conversion import in_memory
from zoo.datasets.recorded_warnings import recorded_warnings
from zoo.datasets.split import Split

# Raise it when the same files and options decode to other pixels than before.
FORMAT = 5

# The folder of what `fingerprint` knows.
CONTENTS = "contents"

MOST_SECONDS_UNFINISHED = 3600
"""Without a change, after which an unfinished entry is taken for forgotten."""

T = TypeVar("T")

New = Callable[[str, tuple[int, ...]], np.ndarray]

# An entry's name, or with a dot before and more behind it that of a folder in which one is made.
_ENTRY = re.compile(r"\.?([a-z]\w*)-[0-9a-f]{32}(?:-\w+)?")

# What NumPy and json say to truncated or altered files.
_DAMAGED = (
    *(OSError, ValueError, TypeError, KeyError, AttributeError, EOFError),
    *(SyntaxError, tokenize.TokenError, RecursionError),
)


def cache_root() -> Path:
    """Say where entries are kept: `$ZOO_CACHE`, else the platform's cache folder."""
    if folder := os.environ.get("ZOO_CACHE"):
        return as_path("ZOO_CACHE", folder)
    import platformdirs

    return platformdirs.user_cache_path("zoo")


def remember(
    dataset: str, facts: dict[str, Any], read: Callable[[New], dict[str, Split]]
) -> dict[str, Split]:
    """Read from the cache; or read, and put it there.

    What the reader warns of is kept too, and said each time. A damaged entry is read afresh and
    replaced: its files are hashed if they have changed since they were written. A cache that
    cannot be written is no error: it warns, and the images stay in memory.

    Args:
        dataset: the data set's name.
        facts: all that the pixels depend on: the fingerprint of the files and the options of
            decoding, as JSON values.
        read: reads the splits, whole (no selection of rows), by their names. It is given
            `new(part, shape)`, which makes room for a part's images, uint8, in the cache itself;
            whatever else it makes them in is copied.

    Returns:
        The splits by name; their images are memory-mapped, read-only.

    Example:
        >>> from unittest.mock import patch
        >>> split = Split("train", np.zeros((2, 8, 8, 1), "uint8"), np.array([0, 1]), ("a", "b"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with patch.dict(os.environ, ZOO_CACHE=folder):
        ...         remember("dots", {"version": 1}, lambda new: {"train": split})["train"]
        Split('train', 2 images of 8×8×1: a 1, b 1)
    """
    entry = cache_root() / f"{dataset}-{_hash([dataset, FORMAT, facts])[:32]}"
    if (splits := _open(entry)) is not None:
        _say_again(entry)
        return splits
    try:
        _build(entry, facts, read)
    except OSError as error:  # of the cache: what is wrong with the files is a DataError
        warnings.warn(
            f"the images of {dataset} stay in memory, since the cache {entry.parent} cannot be "
            f"written ({error}); set ZOO_CACHE to a writable folder, or load with cache=False",
            stacklevel=3,  # the caller of load
        )
        return read(in_memory)
    if (splits := _open(entry)) is None:
        return read(in_memory)
    _say_again(entry)
    return splits


@dataclass(frozen=True)
class Entry:
    """One entry of the cache.

    Args:
        path: its folder.
        dataset: the data set's name.
        images: how many there are, by part.
        bytes: on disk.
        used: when it was last opened, in seconds since 1970.
    """

    path: Path
    dataset: str
    images: dict[str, int]
    bytes: int
    used: float


def entries() -> list[Entry]:
    """List what is in the cache, damaged entries and unfinished ones as well.

    Returns:
        Its entries, the latest used first.
    """
    found = []
    for path in cache_root().glob("*-*"):
        # Whatever else lies there is not ours.
        ours = _ENTRY.fullmatch(path.name)
        if not ours or not path.is_dir():
            continue
        try:
            shapes = _meta(path)["shapes"]
            images = {part: int(shape[0]) for part, shape in shapes.items()}
        except _DAMAGED:
            images = {}
        with contextlib.suppress(FileNotFoundError):  # another process clears as well
            sizes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            found.append(Entry(path, ours[1], images, sizes, path.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def clear(dataset: str | None = None) -> list[Entry]:
    """Delete entries of the cache; data sets that are in use stay readable until they are not.

    Args:
        dataset: delete those of one data set; None deletes all. Unfinished ones stay for an hour,
            since another process may be making them.

    Returns:
        What was deleted.
    """
    gone = [
        entry
        for entry in entries()
        if dataset in (None, entry.dataset) and not _is_being_made(entry.path)
    ]
    for entry in gone:
        shutil.rmtree(entry.path, ignore_errors=True)
    if dataset is None:
        known = cache_root() / CONTENTS
        for file in known.glob("*"):
            if re.fullmatch("[0-9a-f]{64}", file.name):
                file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or something of others is in it
            known.rmdir()
    return gone


def _is_being_made(path: Path) -> bool:
    if not path.name.startswith("."):
        return False
    with contextlib.suppress(OSError):  # it is finished just now
        latest = max(one.stat().st_mtime for one in (path, *path.rglob("*")))
        return time.time() - latest < MOST_SECONDS_UNFINISHED
    return True


def _say_again(entry: Path) -> None:
    """Warn of what there was to warn of when the files were read."""
    notes: list[str] = []
    with contextlib.suppress(*_DAMAGED):  # another process clears the cache
        notes = _meta(entry)["notes"]
    for note in notes:
        warnings.warn(note, stacklevel=4)  # the caller of load


def _listening(read: Callable[[], T]) -> tuple[T, list[str]]:
    """Read, and give what was warned of instead of warning."""
    with recorded_warnings() as said:
        result = read()
    for one in said:
        if not issubclass(one.category, UserWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return result, [str(one.message) for one in said if issubclass(one.category, UserWarning)]


def _meta(entry: Path) -> dict[str, Any]:
    checksum, facts = json.loads((entry / "meta.json").read_text("utf-8"))
    if checksum != _hash(facts):
        raise ValueError("damaged")
    return facts


def _open(entry: Path) -> dict[str, Split] | None:
    """Map an entry; None if there is none, or a damaged one."""
    try:
        meta = _meta(entry)
        class_names = tuple(meta["class_names"])
        splits = {}
        for name, (then, sha256) in meta["files"].items():
            file = entry / name
            if file_state(file.stat()) != then and checksum(file) != sha256:
                return None
        for part, shape in meta["shapes"].items():
            images = np.load(entry / f"{part}-images.npy", mmap_mode="r", allow_pickle=False)
            labels = np.load(entry / f"{part}-labels.npy", allow_pickle=False)
            sound = (
                images.shape == tuple(shape)
                and images.dtype == np.uint8
                and labels.shape == images.shape[:1]
                and labels.dtype == np.int64
                and 0 <= labels.min() <= labels.max() < len(class_names)
            )
            if not sound:
                return None
            splits[part] = Split(part, images, labels, class_names)
    except _DAMAGED:
        return None
    with contextlib.suppress(OSError):  # a cache that can only be read
        os.utime(entry)
    return splits or None


def _build(entry: Path, facts: dict[str, Any], read: Callable[[New], dict[str, Split]]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
    try:
        # Not the workshop itself, which nobody else may read.
        building = workshop / "entry"
        building.mkdir()

        def new(part: str, shape: tuple[int, ...]) -> np.ndarray:
            # A name of its own, since a part may be made of others.
            file = building / f"{len(list(building.iterdir()))}.npy"
            images = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
            if hasattr(os, "posix_fallocate"):
                # A disk that is full says so now; later it would end the process.
                with file.open("r+b") as opened:
                    os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
            return images

        splits, notes = _listening(lambda: read(new))
        for part, split in splits.items():
            images = split.store
            made = Path(getattr(images, "filename", None) or "")
            if made.parent != building:
                images = new(part, images.shape)
                fill(images, split.store)
            mapped = cast(np.memmap, images)
            mapped.flush()
            os.replace(str(mapped.filename), building / f"{part}-images.npy")
            _save(building / f"{part}-labels.npy", split.labels)
        for left_over in building.glob("[0-9]*.npy"):
            left_over.unlink()
        files = {
            file.name: (file_state(file.stat()), checksum(file)) for file in building.glob("*.npy")
        }
        meta = {
            "facts": facts,
            "notes": notes,
            "files": files,
            "class_names": next(iter(splits.values())).class_names,
            "shapes": {part: split.store.shape for part, split in splits.items()},
        }
        # As it is when it is read: with lists for tuples.
        meta = json.loads(json.dumps(meta))
        (building / "meta.json").write_text(json.dumps([_hash(meta), meta]), "utf-8")
        # A folder that is not empty cannot be replaced: what is damaged has to step aside.
        with contextlib.suppress(FileNotFoundError):
            entry.rename(workshop / "damaged")
        try:
            building.rename(entry)
        except OSError:
            if _open(entry) is None:
                raise
            # Another process was faster, with the same pixels.
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        # A crash later must not leave a file of the right length without its content.
        file.flush()
        os.fsync(file.fileno())
