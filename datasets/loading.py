"""`load` a data set by its name, choose classes, and hold out what to validate and test on."""

from __future__ import annotations

import difflib
import numbers
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.datasets import digits, fer2013, folder, mnist
from zoo.datasets.arguments import check_whole
from zoo.datasets.base import ImageData, Split, stratified_split
from zoo.datasets.info import DatasetInfo
from zoo.errors import ArgumentError, DataError

_SETS = {module.INFO.name: module for module in (digits, fer2013, folder, mnist)}


def list_datasets() -> list[DatasetInfo]:
    """Describe every data set that `load` knows.

    Returns:
        Descriptions sorted by name; each has `name`, `summary`, `source` and `needs_root`.

    Example:
        >>> [info.name for info in list_datasets()]
        ['digits', 'fer2013', 'folder', 'mnist']
    """
    return [_SETS[name].INFO for name in sorted(_SETS)]


def load(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    cache: bool = True,
) -> ImageData:
    """Load a data set.

    Args:
        name: one of `list_datasets()`; "folder" for your own images.
        root: where the files are: the archive, the folder that holds it, or the unpacked
            folder. None: `$ZOO_DATA`, then the platform's data folder.
        classes: take these classes only, numbered in this order.
        image_size: scale images to this height and width, or to one number for both.
        color: "grayscale" or "rgb"; None takes the images as they are.
        validation: the fraction of the training images to hold out as the validation part,
            where the data set has none of its own; 0 for none.
        test: the same for the test part, which is held out first.
        seed: of what is held out; each class gives the same fraction.
        cache: keep decoded images on disk, in `$ZOO_CACHE` or the platform's cache folder, and
            memory-map them. Data sets that need no decoding are not cached.

    Returns:
        The data set; images uint8, labels int64.

    Raises:
        DataError: the name or a class is unknown, or the files are not what they should be.
        ArgumentError: an argument is out of range, or the data set has no use for it.

    Example:
        >>> data = load("digits", classes=["7", "1"], validation=0)
        >>> data.class_names, len(data.train), data.validation, len(data.test)
        (('7', '1'), 289, None, 72)
    """
    if name not in _SETS:
        raise DataError(f"no data set {name!r}; {_there_are('data sets', name, _SETS)}")
    held_out = {"test": test, "validation": validation}
    for part, fraction in held_out.items():
        if not (isinstance(fraction, numbers.Real) and 0 <= fraction < 1):
            raise ArgumentError(f"{part} must be at least 0 and below 1. Received: {fraction!r}")
    check_whole("seed", seed, 0)
    given = {"root": _path(root), "image_size": image_size, "color": color}
    splits = _SETS[name].read(**_options(_SETS[name].INFO, given, cache))
    class_names = splits["train"].class_names
    if classes is not None:
        ids = _class_ids(classes, class_names)
        splits = {part: split.take(np.isin(split.labels, ids)) for part, split in splits.items()}
    for part, fraction in held_out.items():
        if part not in splits and fraction:
            splits["train"], splits[part] = _hold_out(splits["train"], part, fraction, seed)
    if classes is not None:
        splits = {part: _renumber(split, ids) for part, split in splits.items()}
    for split in splits.values():
        split.settings = {"name": name, "validation": validation, "test": test, "seed": seed}
    return ImageData(name, splits["train"], splits.get("validation"), splits.get("test"))


def _path(root: str | os.PathLike[str] | None) -> Path | None:
    try:
        return None if root is None else Path(root).expanduser()
    except (TypeError, RuntimeError) as error:
        raise ArgumentError(f"root must be a path. Received: {root!r} ({error})") from error


def _options(info: DatasetInfo, given: dict[str, Any], cache: bool) -> dict[str, Any]:
    """Keep what the data set takes; raise over anything else that was given."""
    for option, value in given.items():
        if value is not None and option not in info.options:
            why = "is embedded; it" if option == "root" else "has its own form; it"
            raise ArgumentError(f"{info.name} {why} takes no {option}. Received: {value!r}")
    options = {**given, "cache": cache}
    return {option: options[option] for option in info.options}


def _class_ids(classes: Sequence[str], class_names: tuple[str, ...]) -> list[int]:
    if isinstance(classes, str):
        raise ArgumentError(f"classes must be a list of names. Received: {classes!r}")
    classes = list(classes)
    for place, name in enumerate(classes):
        if name not in class_names:
            raise DataError(f"no class {name!r}; {_there_are('classes', name, class_names)}")
        if name in classes[:place]:
            raise DataError(f"expected each class once, got {name!r} twice in {classes}")
    if len(classes) < 2:
        raise DataError(f"expected at least two classes, got {classes}")
    return [class_names.index(name) for name in classes]


def _there_are(what: str, name: object, names: Iterable[str]) -> str:
    names = list(names)
    closest = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {closest[0]!r}? " if closest else ""
    return f"{hint}The {what} are: {', '.join(names)}"


def _hold_out(train: Split, part: str, fraction: float, seed: int) -> tuple[Split, Split]:
    kept, rows = stratified_split(train.labels, fraction, seed, train.class_names)
    return train.take(kept), train.take(rows, name=part)


def _renumber(split: Split, ids: list[int]) -> Split:
    """Give the classes `ids` the numbers 0, 1, … in that order."""
    new_ids = np.zeros(split.num_classes, np.int64)
    new_ids[ids] = np.arange(len(ids))
    names = tuple(split.class_names[old] for old in ids)
    return Split(split.name, split.store, new_ids[split.labels], names, split.rows)
