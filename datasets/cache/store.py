"""Keep decoded images on disk, so that they are decoded once and then memory-mapped.

An entry is written beside its place and then moved there as a whole, so that no reader ever sees
half an entry.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np

from zoo.datasets.cache.entries import (
    DAMAGED,
    cache_root,
    delete_abandoned,
    hash_facts,
    read_meta,
)
from zoo.datasets.files.checks import checksum, file_state
from zoo.datasets.files.mapped import fill
from zoo.datasets.formats.conversion import NewArray, in_memory
from zoo.datasets.formats.decode import recorded_warnings
from zoo.datasets.split import Split
from zoo.files import temporary_folder

# Raise the number when the same files and options give other pixels than before.
FORMAT = 7

Read = Callable[[NewArray], dict[str, Split]]


def remember(
    dataset: str,
    facts: dict[str, Any],
    read: Read,
    last_facts: Callable[[], dict[str, Any]] | None = None,
) -> dict[str, Split]:
    """Read splits from the cache; or read them from the files, and put them into the cache.

    Warnings of the reader are kept too, and shown each time. A damaged entry is read from the files
    again and replaced; its files are hashed only if they have changed since they were written. A
    cache that cannot be written is no error: there is a warning, and the images stay in memory.

    `facts` are all that the pixels depend on, as JSON values. `last_facts` gives those that are
    known only when the files have been read: then the files are read, whatever the cache has.
    `read` reads the splits whole; its argument is a function `new(split, shape)`, which makes an
    uint8 array for the images of a split in the cache itself. Images in other arrays are copied.
    The splits' images are memory-mapped.
    """
    entry = _entry_of(dataset, facts)
    found = None if last_facts else _open(entry)
    if found is None:
        try:
            entry = _build(dataset, facts, read, last_facts)
        except OSError as error:  # of the cache: a damaged file of the data set is a DataError
            warnings.warn(
                f"The cache {entry.parent} must be writable to keep the images of {dataset}. "
                f"Received: {error}. The images stay in memory; set ZOO_CACHE to a writable "
                "folder, or load with cache=False.",
                stacklevel=4,  # the caller of load
            )
        if (found := _open(entry)) is None:
            return read(in_memory)
    splits, notes = found
    for note in notes:
        warnings.warn(note, stacklevel=4)  # the caller of load
    return splits


def _entry_of(dataset: str, facts: dict[str, Any]) -> Path:
    return cache_root() / f"{dataset}-{hash_facts([dataset, FORMAT, facts])[:32]}"


def _open(entry: Path) -> tuple[dict[str, Split], list[str]] | None:
    """Map an entry: the splits, and the warnings of the reader. None: no entry, or a damaged one.

    The checksums say that the arrays are those that were written, so nothing else is checked.
    """
    try:
        meta = read_meta(entry)
        for name, (written_state, sha256) in meta["files"].items():
            file = entry / name
            if file_state(file.stat()) != written_state and checksum(file) != sha256:
                return None
        splits = {}
        for split in meta["shapes"]:
            images = np.load(entry / f"{split}-images.npy", mmap_mode="r", allow_pickle=False)
            labels = np.load(entry / f"{split}-labels.npy", allow_pickle=False)
            shares = None
            if f"{split}-label_shares.npy" in meta["files"]:
                shares = np.load(entry / f"{split}-label_shares.npy", allow_pickle=False)
            names = tuple(meta["class_names"])
            splits[split] = Split(split, images, labels, names, label_shares=shares)
    except DAMAGED:
        return None
    with contextlib.suppress(OSError):  # the cache can be read only
        os.utime(entry)
    return splits, meta["notes"]


def _build(
    dataset: str,
    facts: dict[str, Any],
    read: Read,
    last_facts: Callable[[], dict[str, Any]] | None,
) -> Path:
    """Read splits and write them as an entry; return the entry."""
    entry = _entry_of(dataset, facts)
    delete_abandoned()
    with temporary_folder(entry.parent, entry.name) as workshop:
        # The workshop itself can only be read by this user, so the entry is a folder inside it.
        building = workshop / "entry"
        building.mkdir()
        with recorded_warnings() as recorded:
            splits = read(lambda split, shape: _make_array(building, shape))
        notes = [str(warned.message) for warned in recorded]
        for name, split in splits.items():
            _place(building, name, split)
        for unused in building.glob("[0-9]*.npy"):
            unused.unlink()
        paths = [*building.glob("*.npy")]
        with ThreadPoolExecutor() as pool:  # meanwhile the files of the data set are hashed
            checksums, flushed = pool.map(checksum, paths), pool.map(_flush, paths)
            if last_facts:
                facts = facts | last_facts()
                entry = _entry_of(dataset, facts)
                if _open(entry) is not None:  # of the same files elsewhere
                    return entry
            files = {
                path.name: (file_state(path.stat()), sha256)
                for path, sha256, _ in zip(paths, checksums, flushed, strict=True)
            }
        meta = {
            "facts": facts, "notes": notes, "files": files,
            "class_names": next(iter(splits.values())).class_names,
            "shapes": {name: split.store.shape for name, split in splits.items()},
        }  # fmt: skip
        (building / "meta.json").write_text(json.dumps([hash_facts(meta), meta]), "utf-8")
        # A folder that is not empty cannot be replaced, so a damaged entry is moved away first.
        with contextlib.suppress(FileNotFoundError):
            entry.rename(workshop / "damaged")
        try:
            building.rename(entry)
        except OSError:
            if _open(entry) is None:
                raise
            # Another process was faster, with the same pixels.
        return entry


def _make_array(building: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Make an array in the unfinished entry, under a number, since one split may need several."""
    file = building / f"{len(list(building.iterdir()))}.npy"
    images = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
    if hasattr(os, "posix_fallocate"):
        # A full disk raises an error here; later it would end the process.
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return images


def _place(building: Path, name: str, split: Split) -> None:
    """Give the arrays of a split their names in the unfinished entry."""
    images = split.store
    made = Path(getattr(images, "filename", None) or "")
    if made.parent != building:
        images = _make_array(building, images.shape)
        fill(images, split.store)
    mapped = cast(np.memmap, images)
    if sys.platform != "linux":  # where `_flush` writes what is mapped too
        mapped.flush()
    os.replace(str(mapped.filename), building / f"{name}-images.npy")
    _save(building / f"{name}-labels.npy", split.labels)
    if split.label_shares is not None:
        _save(building / f"{name}-label_shares.npy", split.label_shares)


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _flush(path: Path) -> None:
    """Write a file to the disk: after a crash no file has the right length without its content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
