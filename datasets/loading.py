"""Load a data set by its name: find the files, read them or the cache, and prepare the splits.

In this module a *split* is "train", "validation" or "test", and a *part* is the data set's own name
for a piece of its files.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.arguments import true_or_false, whole_number
from zoo.datasets import sources  # noqa: F401  registers the zoo's own data sets
from zoo.datasets.arrays.images import warn_of_darkness
from zoo.datasets.description import DatasetInfo
from zoo.datasets.fetching.remotes import fetch_files
from zoo.datasets.files.locations import locate
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
from zoo.datasets.looking.duplicates import without_duplicates
from zoo.datasets.looking.exclusion import leave_out
from zoo.datasets.preparation import hold_out_like, prepare_splits
from zoo.datasets.reading import Reading, lacks_parts
from zoo.datasets.registry import check_name, get_dataset, list_datasets, register
from zoo.datasets.sampling import check_share
from zoo.datasets.split import Split
from zoo.errors import DataError, ZooError

__all__ = ["download", "get_dataset", "list_datasets", "load", "load_to_judge", "register"]


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
    exclude: Any = None,
    validation: float | int | str = 0.1,
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
            the unpacked folder. None: `$ZOO_DATA`, then the platform's data folder, then, for data
            sets that Keras has too, the folder where Keras keeps them.
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
        exclude: Images to leave out at the end, so that the other images stay in their splits:
            digests of images (`Split.digests`), as `zoo.inspect.label_suspects` lists them, which
            the test split keeps; or row numbers, such as `{"train": [3, 17]}`, in the splits that
            the same call returns without `exclude`.
        validation: How much of the training images to hold out as the validation split, if
            neither `parts` nor the data set names one: a fraction, or a whole number of images of
            every class; 0 for none. Or the name of a data set that has the same images with other
            labels, in the same folder: the images that it holds out by default are held out, and
            its test images are not trained on. So "fer2013" for the faces of "ferplus".
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
        DataError: The name, a part or a class is unknown, the files are missing or damaged, or
            no image is in `exclude`.
        ArgumentError: An argument is out of range, or the data set has no use for it.

    Example:
        >>> data = load("digits", classes=["7", "1"], validation=0)
        >>> data.class_names, len(data.train), data.validation, len(data.test)
        (('7', '1'), 289, None, 72)
    """
    dataset = get_dataset(name)
    info = dataset.info
    shares = {"test": check_share("test", test)}  # held out first
    like = check_name("validation", validation) if isinstance(validation, str) else None
    shares["validation"] = 0 if like else check_share("validation", validation)
    whole_number("seed", seed, 0)
    switches = {"drop_duplicates": drop_duplicates, "download": download, "cache": cache}
    for switch, value in switches.items():
        true_or_false(switch, value)
    split_parts = check_parts(info, parts)
    size, color = check_image_options(image_size, color)
    resize, on_error = check_resize(resize, size), check_on_error(on_error)
    chosen, base = check_classes(classes), check_root(info, root)
    if download and (info.fetch or info.remote_files or info.manual_download):
        _fetch(info, base, split_parts, chosen)
    path = (info.locate or locate)(info, base) if info.needs_root else None
    read_classes = tuple(chosen) if chosen and info.reads_classes else None
    reading = Reading(dataset, path, split_parts, size, color, read_classes, resize, on_error)
    splits = reading.from_cache(path) if path and cache else reading.from_files()
    for missing in [name for name in split_parts if name not in splits]:
        if parts is not None:
            raise lacks_parts(info, path, split_parts[missing])
        warnings.warn(
            f"{path} has no part {' and '.join(split_parts[missing])}: {missing} images are held "
            "out of the training images instead",
            stacklevel=2,
        )
    for split in splits.values():
        warn_of_darkness(split.store, "Write the files anew, if 1 is white in them.", 3)
    prepared = prepare_splits(
        splits,
        classes=chosen,
        shares=shares,
        drop_duplicates=drop_duplicates,
        leave_out_small_classes=info.reads_classes,
        seed=seed,
    )
    if like:
        others = _other_splits(
            like, root, parts=parts, image_size=size, color=color, resize=resize, seed=seed,
            drop_duplicates=drop_duplicates, test=test, on_error=on_error, cache=cache,
            download=download,
        )  # fmt: skip
        prepared = hold_out_like(prepared, others, like)
    prepared, excluded = leave_out(prepared, exclude)
    settings: dict[str, Any] = {
        "name": name, "root": base and str(base.absolute()), "parts": parts and split_parts,
        "image_size": size, "color": color, "resize": resize, "drop_duplicates": drop_duplicates,
        **shares, "validation": like or shares["validation"], "seed": seed, "on_error": on_error,
    }  # fmt: skip
    settings |= {"exclude": excluded} if excluded else {}
    for prepared_split in prepared.values():
        prepared_split.settings = settings
    return ImageData(name, prepared["train"], prepared.get("validation"), prepared.get("test"))


def _other_splits(name: str, root: Any, **options: Any) -> dict[str, Split]:
    """Load the data set that says which images are held out."""
    try:
        return load(name, root, **options).splits
    except ZooError as error:
        raise DataError(
            f"validation={name!r} must name a data set that can be loaded from the same root with "
            f"the same parts. Received: {error} Pass a share, such as 0.1, if there is none."
        ) from error


def load_to_judge(
    name: str,
    root: str | os.PathLike[str],
    class_names: Sequence[str] | None,
    *,
    image_size: int | Sequence[int] | None = None,
    color: str | None = None,
    resize: str = "stretch",
    drop_duplicates: bool = False,
    on_error: str = "raise",
    cache: bool = True,
) -> dict[str, Split]:
    """Load all images of a data set without parts of its own, to judge a model on them.

    Nothing is held out, a class may have no images, and no images to train on are needed.

    Args:
        name: A name from `list_datasets()`, such as "folder".
        root: Where the files are.
        class_names: Names of the classes that are wanted, if the data set can read some classes
            only, and by which folders are known as classes. None: nobody knows them.
        image_size: As for `load`.
        color: As for `load`.
        resize: As for `load`.
        drop_duplicates: As for `load`.
        on_error: As for `load`.
        cache: As for `load`.

    Returns:
        The splits by name: "test", "validation" and "train", as far as the files name them; all
        images are "train" if the files name no splits. The classes are those that have images.

    Raises:
        DataError: The files are missing or damaged, or no images are in class folders.
        ArgumentError: An argument is out of range.

    Example:
        >>> load_to_judge("folder", "gone", ["cat", "dog"])
        Traceback (most recent call last):
        zoo.errors.DataError: gone must be a readable file or folder. Received: No such file or \
directory. Check the path and its permissions.
    """
    dataset = get_dataset(name)
    info = dataset.info
    size, color = check_image_options(image_size, color)
    known = tuple(class_names or ())
    path = (info.locate or locate)(info, check_root(info, root))
    reading = Reading(
        dataset=dataset,
        path=path,
        split_parts={},
        size=size,
        color=color,
        classes=(known or None) if info.reads_classes else None,
        resize=check_resize(resize, size),
        on_error=check_on_error(on_error),
        known_classes=known,
    )
    splits = reading.from_cache(path) if cache else reading.from_files()
    ordered = {split: splits[split] for split in SPLITS if split in splits}
    return without_duplicates(ordered) if drop_duplicates else ordered


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
        root: Where the files are, or where they are put. None: the files are looked for where
            `load` looks for them. Missing files are put beside the others; if there are none, or
            they are Keras's, all files are put into a folder with the data set's name in
            `$ZOO_DATA`, else in the platform's data folder.
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
        >>> from zoo.errors import DataError
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
