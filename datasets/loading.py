"""`load` a data set by its name, choose parts and classes, hold out what to validate and test on.

A data set is a module with an `INFO` and a function `read(tree, parts, conversion)` that gives the parts
asked for as splits by their names, as far as the files hold them. `tree` is missing where the data
set is embedded, `parts` where it has no parts of its own.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import as_path, whole_number
from zoo.datasets.cache.fingerprint import fingerprint, states
from zoo.datasets.cache.store import remember
from zoo.datasets.description import DatasetInfo
from zoo.datasets.fetching.facescrub_pictures import fetch_pictures
from zoo.datasets.fetching.remotes import fetch_files
from zoo.datasets.files.locations import locate
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.conversion import CHANNELS, ImageConversion, concatenate
from zoo.datasets.formats.decode import MAX_PIXELS
from zoo.datasets.image_data import ImageData
from zoo.datasets.looking.duplicates import without_duplicates
from zoo.datasets.sampling import check_share, held_out_of, stratified_split
from zoo.datasets.sources import cifar10, digits, facescrub, fer2013, folder, mnist, svhn
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError
from zoo.text import did_you_mean

_MODULES = (cifar10, digits, facescrub, fer2013, folder, mnist, svhn)
_SETS = {module.INFO.name: module for module in _MODULES}

ROLES = ("train", "validation", "test")


def list_datasets() -> list[DatasetInfo]:
    """Describe every data set that `load` knows.

    Returns:
        Descriptions sorted by name; each has `name`, `summary`, `source` and `needs_root`.

    Example:
        >>> [info.name for info in list_datasets()]
        ['cifar10', 'digits', 'facescrub', 'fer2013', 'folder', 'mnist', 'svhn']
    """
    return [_SETS[name].INFO for name in sorted(_SETS)]


def check_name(name: Any) -> None:
    """Raise a DataError for a name that `list_datasets` does not have."""
    if name not in list(_SETS):
        raise DataError(_unknown("data set", name, _SETS))


def load(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str | Sequence[str]] | None = None,
    image_size: int | Sequence[int] | None = None,
    color: str | None = None,
    drop_duplicates: bool = False,
    validation: float | int = 0.1,
    test: float | int = 0.2,
    seed: int = 0,
    download: bool = False,
    cache: bool = True,
) -> ImageData:
    """Load a data set.

    Args:
        name: one of `list_datasets()`; "folder" for your own images.
        root: where the files are: the archive (zip or tar), the folder that holds it, or the
            unpacked folder. None: `$ZOO_DATA`, then the platform's data folder.
        classes: take these classes only, numbered in this order.
        parts: which of the data set's own parts train, validate and test, by "train",
            "validation" and "test"; several are put one after another. So
            `{"train": ["train", "extra"], "test": "test"}` for SVHN, or
            `{"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}` for FER2013.
        image_size: scale images to this height and width, or to one number for both.
        color: "grayscale" or "rgb"; None takes the images as they are.
        drop_duplicates: of images that are the same, pixel for pixel, keep one: in the test part
            rather than the validation part, and there rather than in the training part.
        validation: what to hold out of the training images as the validation part, where
            `parts` and the data set name none: a fraction, or a whole number of images of every
            class; 0 for none.
        test: the same for the test part, which is held out first.
        seed: of what is held out.
        download: fetch first what is missing of the files, where their owner lets programs do so.
        cache: keep the decoded images on disk, in `$ZOO_CACHE` or the platform's cache folder, and
            memory-map them. Embedded data sets are not cached.

    Returns:
        The data set; images uint8, labels int64.

    Raises:
        DataError: the name, a part or a class is unknown, or the files are not what they should be.
        ArgumentError: an argument is out of range, or the data set has no use for it.

    Example:
        >>> data = load("digits", classes=["7", "1"], validation=0)
        >>> data.class_names, len(data.train), data.validation, len(data.test)
        (('7', '1'), 289, None, 72)
    """
    check_name(name)
    held_out = {"test": check_share("test", test)}
    held_out["validation"] = check_share("validation", validation)
    whole_number("seed", seed, 0)
    info = _SETS[name].INFO
    roles = _checked_parts(info, parts)
    size, color = _checked_size(image_size), _checked_color(color)
    if classes is not None:
        classes = _checked_classes(classes)
    base = _base(info, root)
    if download and (info.remote_files or info.manual_download):
        _fetch(info, base, roles, classes)
    path = _find(info, base)
    chosen = classes if info.reads_classes else None

    before = states(path, info.file_pattern) if path and cache else None

    def read(new: Callable[[str, tuple[int, ...]], np.ndarray]) -> dict[str, Split]:
        splits = _read(info, path, roles, ImageConversion(size, color, new), chosen)
        if path and before is not None and states(path, info.file_pattern) != before:
            raise DataError(f"{path} has changed while it was read; load it again")
        return splits

    if path and before is not None:
        facts = {
            "content": fingerprint(path, before), "parts": roles, "size": size, "color": color,
            "classes": chosen and sorted(chosen),
        }  # fmt: skip
        splits = remember(name, facts, read)
    else:
        splits = read(ImageConversion().new)
    _check_found(info, path, roles, splits, asked=parts is not None)
    settings = {
        "name": name, "parts": parts and roles, "image_size": size, "color": color,
        "drop_duplicates": drop_duplicates, **held_out, "seed": seed,
    }  # fmt: skip
    ids = None
    if classes is not None:
        ids = _class_ids(classes, splits["train"].class_names)
        splits = _only(splits, ids)
    if drop_duplicates:
        splits = _without_duplicates({part: splits[part] for part in ROLES if part in splits})
    shares = {part: share for part, share in held_out.items() if part not in splits and share}
    if info.reads_classes and classes is None:
        ids = _large_enough(splits["train"], [*shares.values()])
        splits = _only(splits, ids)
    for part, share in shares.items():
        splits["train"], splits[part] = _hold_out(splits["train"], part, share, seed)
    if ids is not None:
        splits = {part: _renumber(split, ids) for part, split in splits.items()}
    for split in splits.values():
        split.settings = settings
    return ImageData(name, splits["train"], splits.get("validation"), splits.get("test"))


def download(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str | Sequence[str]] | None = None,
) -> Path:
    """Fetch what is missing of a data set's files, as `load(..., download=True)` does first.

    Args:
        name: one of `list_datasets()`.
        root: where they are or are to be put. None: they are looked for in `$ZOO_DATA` and the
            platform's data folder, and put into a folder of the data set's name in the first.
        classes: those whose files are fetched, where each class has its own (FaceScrub).
        parts: as for `load`; None: those that are used by default.

    Returns:
        The folder, or the archive that holds them all.

    Raises:
        DataError: the name or a part is unknown, there is nothing to fetch, the owner gives the
            files only to people, no mirror has them, they are not what they should be, or another
            file of that name is there.
        ArgumentError: an argument is out of range.

    Example:
        >>> try:
        ...     download("fer2013", "faces")
        ... except DataError as error:
        ...     print(str(error).partition(" (")[0])
        fer2013 gives its files to people who ask
    """
    check_name(name)
    info = _SETS[name].INFO
    chosen = None if classes is None else _checked_classes(classes)
    return _fetch(info, _base(info, root), _checked_parts(info, parts), chosen)


def _read(
    info: DatasetInfo,
    path: Path | None,
    roles: dict[str, list[str]],
    conversion: ImageConversion,
    classes: list[str] | None,
) -> dict[str, Split]:
    """Read the parts and give them their roles, as far as they are there."""
    module = _SETS[info.name]
    if path is None:
        return module.read(conversion)
    with open_tree(path, info.file_pattern) as tree:
        if info.reads_classes:
            return module.read(tree, conversion, classes)
        if not info.parts:
            return module.read(tree, conversion)
        found = module.read(tree, list(dict.fromkeys(itertools.chain(*roles.values()))), conversion)
        splits = {
            role: concatenate(role, [found[part] for part in parts], conversion)
            for role, parts in roles.items()
            if not {*parts} - {*found}
        }
    _check_found(info, path, {"train": roles["train"]}, splits, asked=True)
    return splits


def _check_found(
    info: DatasetInfo,
    path: Path | None,
    roles: dict[str, list[str]],
    splits: Mapping[str, Any],
    *,
    asked: bool,
) -> None:
    """Raise where a role that was asked for has no images, and warn of others."""
    for role, parts in roles.items():
        if role in splits:
            continue
        if asked:
            raise DataError(
                f"{path}: expected the parts {' and '.join(parts)}; they are not all there. "
                f"Fetch them ({info.source}), or choose others by parts="
            )
        warnings.warn(
            f"{path} has no part {' and '.join(parts)}: {role} images are held out of the "
            "training images instead",
            stacklevel=3,
        )


def _checked_parts(info: DatasetInfo, parts: Any) -> dict[str, list[str]]:
    if parts is None:
        return {role: list(names) for role, names in info.parts.items()}
    if not info.parts:
        raise ArgumentError(f"{info.name} has no parts to choose from. Received: parts={parts!r}")
    if not isinstance(parts, Mapping) or "train" not in parts or {*parts} - {*ROLES}:
        raise ArgumentError(
            'parts must be a dict with "train", and "validation" or "test" if you like. '
            f"Received: {parts!r}"
        )
    roles = {
        role: [names] if isinstance(names, str) else _names("parts", names)
        for role in ROLES
        if (names := parts.get(role)) is not None
    }
    every = list(itertools.chain(*roles.values()))
    if not all(roles.values()):
        raise ArgumentError(f"parts must name at least one part each. Received: {parts!r}")
    if len({*every}) < len(every):
        raise ArgumentError(f"parts must name each part once. Received: {parts!r}")
    return roles


def _names(argument: str, names: Any) -> list[str]:
    # Their order counts, so that sets and dictionaries are none.
    listed = isinstance(names, Sequence) and not isinstance(names, str)
    if not listed or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"{argument} must be a list of names. Received: {names!r}")
    return list(names)


def _checked_color(color: Any) -> str | None:
    if color is not None and not (isinstance(color, str) and color in CHANNELS):
        raise ArgumentError(f'color must be "grayscale", "rgb" or None. Received: {color!r}')
    return color


def _checked_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(size) != 2:
        raise ArgumentError(
            "image_size must be a whole number or a pair, (height, width). "
            f"Received: {image_size!r}"
        )
    height, width = (whole_number("image_size", side, 1, MAX_PIXELS) for side in size)
    if height * width > MAX_PIXELS:
        raise ArgumentError(
            f"image_size must make at most {MAX_PIXELS:,} pixels. Received: {image_size!r}"
        )
    return height, width


def _base(info: DatasetInfo, root: str | os.PathLike[str] | None) -> Path | None:
    base = None if root is None else as_path("root", root)
    if base is not None and not info.needs_root:
        raise ArgumentError(f"{info.name} is embedded; it takes no root. Received: {root!r}")
    return base


def _find(info: DatasetInfo, base: Path | None) -> Path | None:
    """Where the files are; None for an embedded data set."""
    if not info.needs_root:
        return None
    return folder.locate(base) if info is folder.INFO else locate(info, base)


def _checked_classes(classes: Any) -> list[str]:
    classes = _names("classes", classes)
    for place, name in enumerate(classes):
        if name in classes[:place]:
            raise DataError(f"expected each class once, got {name!r} twice in {classes}")
    if len(classes) < 2:
        raise DataError(f"expected at least two classes, got {classes}")
    return classes


def _class_ids(classes: Sequence[str], class_names: tuple[str, ...]) -> list[int]:
    for name in classes:
        if name not in class_names:
            raise DataError(_unknown("class", name, class_names))
    return [class_names.index(name) for name in classes]


def _fetch(
    info: DatasetInfo, base: Path | None, roles: dict[str, list[str]], classes: list[str] | None
) -> Path:
    if info is facescrub.INFO:
        return fetch_pictures(base, classes)
    return fetch_files(info, base, itertools.chain(*roles.values()))


def _unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The message for a name that is none of those that are known."""
    names = list(known)
    return f"There is no {kind} {name!r}{did_you_mean(str(name), names)} Known: {', '.join(names)}."


def _only(splits: dict[str, Split], ids: list[int]) -> dict[str, Split]:
    return {part: split.take(np.isin(split.labels, ids)) for part, split in splits.items()}


def _large_enough(train: Split, shares: Sequence[float | int]) -> list[int]:
    """The classes that have images, enough to hold some out; warns of those with too few."""
    there = {name: count for name, count in train.class_counts.items() if count}
    small = {}
    for name, count in there.items():
        left = count
        for share in shares:
            left -= held_out_of(left, share) or left
        if not left:
            small[name] = count
    names = [name for name in there if name not in small]
    if small:
        some = ", ".join(f"{name} ({count})" for name, count in itertools.islice(small.items(), 5))
        few = (
            f"{len(small):,} of {len(there):,} classes have too few images to hold some out: "
            f"{some}{', …' if len(small) > 5 else ''}"
        )
        if len(names) < 2:
            raise DataError(f"{few}; add images, or hold out fewer by validation= and test=")
        warnings.warn(f"{few}; they are left out", stacklevel=3)
    return _class_ids(names, train.class_names)


def _hold_out(train: Split, part: str, share: float | int, seed: int) -> tuple[Split, Split]:
    kept, rows = stratified_split(train.labels, share, seed, train.class_names)
    return train.take(kept), train.take(rows, name=part)


def _without_duplicates(splits: dict[str, Split]) -> dict[str, Split]:
    kept = without_duplicates(splits)
    for part, split in kept.items():
        before = splits[part].class_counts
        gone = [name for name, count in split.class_counts.items() if before[name] and not count]
        if gone and (part == "train" or not len(split)):
            raise DataError(
                f"expected images that are not in other parts too, got none of {gone[0]!r} in "
                f"{part}; look at duplicates() without drop_duplicates"
            )
    return kept


def _renumber(split: Split, ids: list[int]) -> Split:
    """Give the classes `ids` the numbers 0, 1, … in that order."""
    new_ids = np.zeros(split.num_classes, np.int64)
    new_ids[ids] = np.arange(len(ids))
    names = tuple(split.class_names[old] for old in ids)
    return Split(split.name, split.store, new_ids[split.labels], names, split.rows)
