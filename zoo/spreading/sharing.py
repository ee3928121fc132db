"""How images reach the workers: by the name of a data set where both sides have it, or as arrays.

Arrays travel once a worker: on this machine, joblib maps them from a file; a worker on another
machine asks for them by its connection, and keeps them for the next piece.
"""

from __future__ import annotations

import functools
import json
import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.datasets.loading import load
from zoo.datasets.split import Split
from zoo.errors import DataError, ZooError

_FIELDS = ("store", "labels", "rows", "label_shares", "sample_weight")
_SPLITS = ("train", "validation", "test")


def share_splits(
    splits: Mapping[str, Split | None], *, by_name: bool
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Describe splits as JSON values and arrays.

    Args:
        splits: The splits by name; None stays None.
        by_name: Whether the pixels of a data set that `zoo.datasets.load` has loaded are named by
            its arguments and a checksum. Otherwise they travel as arrays.

    Returns:
        The values for `take_splits`, and the arrays, each once.

    Example:
        >>> import zoo.datasets
        >>> data = zoo.datasets.load("digits")
        >>> described, arrays = share_splits({"train": data.train}, by_name=True)
        >>> np.array_equal(take_splits(described, arrays)["train"].images, data.train.images)
        True
    """
    arrays: list[np.ndarray] = []
    described: dict[str, Any] = {}
    for name, split in splits.items():
        if split is None:
            described[name] = None
            continue
        values: dict[str, Any] = {"name": split.name, "class_names": list(split.class_names)}
        for field in _FIELDS:
            array = getattr(split, field)
            named = _store_by_name(split) if by_name and field == "store" else None
            values[field] = named or (None if array is None else _index(arrays, array))
        described[name] = values
    return described, arrays


def take_splits(
    described: Mapping[str, Any], arrays: Sequence[np.ndarray]
) -> dict[str, Split | None]:
    """Make the splits that `share_splits` described.

    Args:
        described: The values.
        arrays: The arrays.

    Returns:
        The splits by name.

    Raises:
        DataError: A data set cannot be opened here, or has other images.
    """
    return {name: values and _taken(values, arrays) for name, values in described.items()}


def _taken(values: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Split:
    """Make a split of its description."""
    store = values["store"]
    named = isinstance(store, dict)
    fields: dict[str, Any] = {
        field: None if values[field] is None else arrays[values[field]] for field in _FIELDS[1:]
    }
    pixels = _open(json.dumps(store["load"]), store["split"]) if named else arrays[store]
    split = Split(values["name"], pixels, class_names=tuple(values["class_names"]), **fields)
    if named and _checksum(split) != store["checksum"]:
        raise DataError(
            f"The data set {store['load']['name']} must have the same images on each machine. "
            "Received: other images. Copy the files of one machine to the others."
        )
    return split


def checksum(array: np.ndarray) -> str:
    """Give a text by which a worker recognises an array that it has already."""
    crc = zlib.crc32(np.ascontiguousarray(array).data)
    return f"{crc:08x} {array.dtype} {array.shape}"


def _index(arrays: list[np.ndarray], array: np.ndarray) -> int:
    """Give the number of an array among the arrays, to which a new array is added."""
    for index, known in enumerate(arrays):
        if known is array:
            return index
    arrays.append(array)
    return len(arrays) - 1


def _store_by_name(split: Split) -> dict[str, Any] | None:
    """Name the pixels of a split by the arguments of `load`; None if `load` gives other pixels."""
    settings = dict(split.settings or {})
    if "name" not in settings or "exclude" in settings:
        return None
    arguments = json.dumps({**settings, "classes": list(split.class_names)})
    for name in _SPLITS:
        try:
            store = _open(arguments, name)
        except (ZooError, KeyError):
            return None
        if store is not None and store.shape == split.store.shape:
            checksum = _checksum(split)
            same = Split(split.name, store, split.labels, split.class_names, split.rows)
            if _checksum(same) == checksum:
                return {"load": json.loads(arguments), "split": name, "checksum": checksum}
    return None


@functools.lru_cache(maxsize=4)
def _open(arguments: str, name: str) -> Any:
    """Give the pixels of a split of a data set, uint8 [N, height, width, channels], or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the user has read the warnings already
        split = getattr(load(**json.loads(arguments)), name)
    return None if split is None else split.store


def _checksum(split: Split) -> int:
    return zlib.crc32(split.digests.tobytes())
