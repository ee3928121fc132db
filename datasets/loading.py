"""Load a data set by its name: find the files, read them or the cache, and prepare the splits.

In this module a *split* is "train", "validation" or "test", and a *part* is the data set's own name
for a piece of its files.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.arguments import whole_number
from zoo.datasets import sources  # noqa: F401  registers the zoo's own data sets
from zoo.datasets.cache.fingerprint import fingerprint, list_files, states
from zoo.datasets.cache.store import remember
from zoo.datasets.description import DatasetInfo
from zoo.datasets.fetching.remotes import fetch_files
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.locations import locate
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.conversion import ImageConversion, NewArray, concatenate_splits, in_memory
from zoo.datasets.image_data import ImageData
from zoo.datasets.load_arguments import (
    SPLITS,
    check_classes,
    check_image_options,
    check_on_error,
    check_parts,
    check_resize,
    check_root,
)
from zoo.datasets.preparation import prepare_splits
from zoo.datasets.registry import (
    NO_FILES,
    Dataset,
    ReadRequest,
    get_dataset,
    list_datasets,
    register,
)
from zoo.datasets.sampling import check_share
from zoo.datasets.split import Split
from zoo.errors import DataError

__all__ = ["download", "get_dataset", "list_datasets", "load", "register"]


def load(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str | Sequence[str]] | None = None,
    image_size: int | Sequence[int] | None = None,
    color: str | None = None,
    resize: str = "stretch",
    drop_duplicates: bool = False,
    validation: float | int = 0.1,
    test: float | int = 0.2,
    seed: int = 0,
    download: bool = False,
    cache: bool = True,
    on_error: str = "raise",
) -> ImageData:
    """Load a data set.

    Args:
        name: A name from `list_datasets()`; "folder" for your own images.
        root: Where the files are: the archive (zip or tar), the folder that holds the archive, or
            the unpacked folder. None: `$ZOO_DATA`, then the platform's data folder.
        classes: Names of the classes to take, which are numbered in this order. None: all classes.
        parts: The data set's own parts for "train", "validation" and "test"; several parts are
            put one after another. So `{"train": ["train", "extra"], "test": "test"}` for SVHN, or
            `{"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}` for FER2013.
        image_size: Height and width, or one number for both, to scale the images to.
        color: "grayscale" or "rgb"; None keeps the colour of the images.
        resize: How images get the size of `image_size`: "stretch" scales height and width each by
            its own factor; "crop" cuts off equal edges, so that shapes stay as they are.
        drop_duplicates: Of images that are the same, pixel for pixel, keep only one: in the test
            split rather than in the validation split, and there rather than in the training split.
        validation: How much of the training images to hold out as the validation split, if
            neither `parts` nor the data set names one: a fraction, or a whole number of images of
            every class; 0 for none.
        test: The same for the test split, which is held out first.
        seed: Seed of the images that are held out; 0 or more.
        download: Fetch the files that are missing first, if their owner lets programs do so.
        cache: Keep the decoded images on disk, in `$ZOO_CACHE` or the platform's cache folder, and
            memory-map them. Embedded data sets are not cached.
        on_error: "raise": damaged image files raise a DataError, which names all of them. "skip":
            damaged image files are left out, and a warning lists them.

    Returns:
        The data set; images uint8, labels int64.

    Raises:
        DataError: The name, a part or a class is unknown, or the files are missing or damaged.
        ArgumentError: An argument is out of range, or the data set has no use for it.

    Example:
        >>> data = load("digits", classes=["7", "1"], validation=0)
        >>> data.class_names, len(data.train), data.validation, len(data.test)
        (('7', '1'), 289, None, 72)
    """
    dataset = get_dataset(name)
    info = dataset.info
    shares = {"test": check_share("test", test)}  # held out first
    shares["validation"] = check_share("validation", validation)
    whole_number("seed", seed, 0)
    split_parts = check_parts(info, parts)
    size, color = check_image_options(image_size, color)
    resize, on_error = check_resize(resize, size), check_on_error(on_error)
    chosen, base = check_classes(classes), check_root(info, root)
    if download and (info.fetch or info.remote_files or info.manual_download):
        _fetch(info, base, split_parts, chosen)
    path = (info.locate or locate)(info, base) if info.needs_root else None
    read_classes = tuple(chosen) if chosen and info.reads_classes else None
    reading = _Reading(dataset, path, split_parts, size, color, read_classes, resize, on_error)
    splits = reading.from_cache(path) if path and cache else reading.from_files(in_memory)
    for split in [name for name in split_parts if name not in splits]:
        if parts is not None:
            raise _lacks_parts(info, path, split_parts[split])
        warnings.warn(
            f"{path} has no part {' and '.join(split_parts[split])}: {split} images are held out "
            "of the training images instead",
            stacklevel=2,
        )
    settings = {
        "name": name, "root": base and str(base.absolute()), "parts": parts and split_parts,
        "image_size": size, "color": color, "resize": resize,
        "drop_duplicates": drop_duplicates, **shares, "seed": seed, "on_error": on_error,
    }  # fmt: skip
    prepared = prepare_splits(
        splits,
        classes=chosen,
        shares=shares,
        drop_duplicates=drop_duplicates,
        leave_out_small_classes=info.reads_classes,
        seed=seed,
    )
    for prepared_split in prepared.values():
        prepared_split.settings = settings
    return ImageData(name, prepared["train"], prepared.get("validation"), prepared.get("test"))


def download(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str | Sequence[str]] | None = None,
) -> Path:
    """Fetch the files of a data set that are missing, as `load(..., download=True)` does first.

    Args:
        name: A name from `list_datasets()`.
        root: Where the files are, or where they are put. None: the files are looked for in
            `$ZOO_DATA` and the platform's data folder, and put into a folder with the data set's
            name in the first of the two.
        classes: Names of the classes whose files are fetched, if each class has its own files
            (FaceScrub). None: all classes.
        parts: The data set's own parts, as for `load`. None: the parts that are used by default.

    Returns:
        The folder, or the archive that holds all the files.

    Raises:
        DataError: The name or a part is unknown, there is nothing to fetch, the owner gives the
            files only to people, no address has them, they are damaged, or another file of that
            name is there.
        ArgumentError: An argument is out of range.

    Example:
        >>> try:
        ...     download("digits")
        ... except DataError as error:
        ...     print("nothing to fetch" in str(error))
        True
    """
    info = get_dataset(name).info
    return _fetch(info, check_root(info, root), check_parts(info, parts), check_classes(classes))


def _fetch(
    info: DatasetInfo, base: Path | None, parts: Mapping[str, list[str]], classes: list[str] | None
) -> Path:
    if info.fetch:
        return info.fetch(info, base, classes)
    return fetch_files(info, base, itertools.chain(*parts.values()))


@dataclass(frozen=True)
class _Reading:
    """What is read of a data set: where the files are, and all that the pixels depend on."""

    dataset: Dataset
    path: Path | None
    split_parts: dict[str, list[str]]
    size: tuple[int, int] | None
    color: str | None
    classes: tuple[str, ...] | None
    resize: str
    on_error: str

    def from_cache(self, path: Path) -> dict[str, Split]:
        """Read the splits from the cache, or read the files and put the splits into the cache."""
        info = self.dataset.info
        found = list_files(path, info.file_pattern)
        before = states(found)

        def read(new: NewArray) -> dict[str, Split]:
            splits = self.from_files(new, found if path.is_dir() else None)
            if states(list_files(path, info.file_pattern)) != before:
                received = f"{path}, which has changed while it was read"
                expected = "stay as they are while they are read"
                raise data_error("The files", expected, received, "Load it again")
            return splits

        facts: dict[str, Any] = {
            "content": fingerprint(path, before), "parts": self.split_parts, "size": self.size,
            "color": self.color, "classes": self.classes and sorted(self.classes),
        }  # fmt: skip
        # Facts at their defaults are left out, so that entries of earlier versions stay in use.
        facts |= {"resize": self.resize} if self.resize != "stretch" else {}
        facts |= {"on_error": self.on_error} if self.on_error != "raise" else {}
        if info.version:
            facts["version"] = info.version
        return remember(info.name, facts, read)

    def from_files(
        self, new: NewArray, found_files: Mapping[str, os.stat_result] | None = None
    ) -> dict[str, Split]:
        """Read the splits from the files, as far as the files hold them; at least "train".

        `found_files` is what `walk` has found in the folder; None: the folder is walked.
        """
        info = self.dataset.info
        conversion = ImageConversion(self.size, self.color, new, self.resize)
        parts = tuple(dict.fromkeys(itertools.chain(*self.split_parts.values())))
        files = (
            open_tree(self.path, info.file_pattern, found=found_files)
            if self.path
            else nullcontext(NO_FILES)
        )
        with files as tree:
            request = ReadRequest(tree, parts, self.classes, conversion, self.on_error)
            found = _check_read(info, self.dataset.read(request))
        if not info.parts:
            return found
        splits = {
            split: concatenate_splits(split, [found[part] for part in names], conversion)
            for split, names in self.split_parts.items()
            if {*names} <= {*found}
        }
        if "train" not in splits:
            raise _lacks_parts(info, self.path, self.split_parts["train"])
        return splits


def _check_read(info: DatasetInfo, found: Any) -> dict[str, Split]:
    """Refuse anything but splits with the same classes and image shape, as a reader returns."""
    sound = isinstance(found, Mapping) and all(isinstance(s, Split) for s in found.values())
    if sound:
        alike = len({(split.class_names, split.image_shape) for split in found.values()}) <= 1
        sound = alike and (bool(info.parts) or {"train"} <= {*found} <= {*SPLITS})
    if not sound:
        names = "a part" if info.parts else '"train", and perhaps "validation" and "test"'
        expected = f"return a dict of splits with the same class names and image shape: {names}"
        remedy = "Make each split by `request.split(name, images, labels, class_names)`"
        subject = f"The function that reads {info.name!r}"
        raise data_error(subject, expected, f"{found!r:.200}", remedy)
    # A selection of rows is copied: the cache keeps whole arrays.
    return {
        name: Split(
            name, split.images, split.labels, split.class_names, label_shares=split.label_shares
        )
        for name, split in found.items()
    }


def _lacks_parts(info: DatasetInfo, path: Path | None, names: Sequence[str]) -> DataError:
    expected = f"have the parts {' and '.join(names)}"
    remedy = f"Fetch them ({info.source}), or choose others by parts="
    return data_error(path, expected, "files that do not have all of them", remedy)
