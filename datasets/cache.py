"""Decoded images kept on disk, so that they are decoded once and then memory-mapped.

An entry is a folder named by the data set and a hash of all that its pixels depend on. It
holds `<part>-images.npy` and `<part>-labels.npy` for each part, and `meta.json`. It is written
beside its place and moved there whole, so that no reader sees half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.datasets.base import Split

# Raise it when the same files and options decode to other pixels than before.
FORMAT = 1


def cache_root() -> Path:
    """Say where entries are kept: `$ZOO_CACHE`, else the platform's cache folder."""
    if folder := os.environ.get("ZOO_CACHE"):
        return Path(folder).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("zoo")


def remember(
    dataset: str, facts: dict[str, Any], read: Callable[[], dict[str, Split]]
) -> dict[str, Split]:
    """Read from the cache; or read, and put it there.

    A damaged entry is read afresh and replaced. A cache that cannot be written is no error:
    it warns, and the images stay in memory.

    Args:
        dataset: the data set's name.
        facts: all that the pixels depend on: the fingerprint of the files and the options of
            decoding, as JSON values.
        read: reads the splits, whole (no selection of rows), by their names.

    Returns:
        The splits by name; their images are memory-mapped, read-only.

    Example:
        >>> from unittest.mock import patch
        >>> split = Split("train", np.zeros((2, 8, 8, 1), "uint8"), np.array([0, 1]), ("a", "b"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with patch.dict(os.environ, ZOO_CACHE=folder):
        ...         remember("dots", {"version": 1}, lambda: {"train": split})["train"]
        Split('train', 2 images of 8×8×1: a 1, b 1)
    """
    key = hashlib.sha256(json.dumps([dataset, FORMAT, facts], sort_keys=True).encode()).hexdigest()
    entry = cache_root() / f"{dataset}-{key[:32]}"
    if (splits := _open(entry)) is not None:
        return splits
    splits = read()
    try:
        _write(entry, splits)
    except OSError as error:
        warnings.warn(
            f"the images of {dataset} stay in memory, since the cache {entry.parent} cannot be "
            f"written ({error}); set ZOO_CACHE to a writable folder, or load with cache=False",
            stacklevel=4,  # the caller of load
        )
        return splits
    return _open(entry) or splits


def _open(entry: Path) -> dict[str, Split] | None:
    """Map an entry; None if there is none, or a damaged one."""
    try:
        meta = json.loads((entry / "meta.json").read_text("utf-8"))
        class_names = tuple(meta["class_names"])
        splits = {}
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
    # What NumPy and json say to truncated or altered files.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EOFError):
        return None
    return splits or None


def _write(entry: Path, splits: dict[str, Split]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=".building-", dir=entry.parent))
    try:
        # Not the workshop itself, which nobody else may read.
        building = workshop / "entry"
        building.mkdir()
        for part, split in splits.items():
            _save(building / f"{part}-images.npy", split.images)
            _save(building / f"{part}-labels.npy", split.labels)
        meta = {
            "class_names": next(iter(splits.values())).class_names,
            "shapes": {part: split.images.shape for part, split in splits.items()},
        }
        (building / "meta.json").write_text(json.dumps(meta), "utf-8")
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


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        # A crash later must not leave a file of the right length without its content.
        file.flush()
        os.fsync(file.fileno())
