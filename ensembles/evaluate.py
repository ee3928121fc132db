"""Judge a saved committee; `python -m zoo.ensembles.evaluate FILE` is `zoo evaluate FILE`."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.datasets.files.locations import locate
from zoo.datasets.load_arguments import check_root
from zoo.datasets.loading import get_dataset, load
from zoo.datasets.split import Split
from zoo.ensembles.answering.pictures import image_options
from zoo.errors import ArgumentError, DataError
from zoo.saving import saved_description

if TYPE_CHECKING:
    from zoo.datasets.image_data import ImageData
    from zoo.ensembles.committee import Committee
    from zoo.ensembles.reports.report import Report

_FROM_FILE = (
    *("parts", "image_size", "color", "resize", "drop_duplicates"),
    *("validation", "test", "seed", "on_error"),
)
"""The arguments of `load` that a saved committee may bring with it."""

SPLITS = ("test", "validation", "train")


def evaluate_file(
    file: str | Path,
    data: str | None = None,
    *,
    root: str | Path | None = None,
    classes: str | Sequence[str] | None = None,
    image_size: str | int | Sequence[int] | None = None,
    color: str | None = None,
    drop_duplicates: bool = False,
    split: str | None = None,
) -> Report:
    """Judge a saved committee on a data set.

    The images are loaded as for the training of the committee: the same data set from the same
    place, the same size, colour and classes, and the same images held out. A folder of new pictures
    is judged whole. Pictures are new if they are in another place than the training data, and if
    most of the training images are not among them.

    Args:
        file: A saved committee, or a Keras model of any origin, `.keras`.
        data: Name of the data set; None takes the data set of the training.
        root: Where the files of the data set are; None takes the place at the training.
        classes: Names of the classes to take, also as text with commas: `"cat,dog"`; None takes
            the committee's own.
        image_size: Height and width in pixels, or one number for both, also as text: `"48x64"`;
            None takes the committee's own.
        color: `"grayscale"` or `"rgb"`; None takes what fits the committee.
        drop_duplicates: Whether to keep only the first of several equal images. False keeps the
            setting with which the committee was trained.
        split: `"test"`, `"validation"` or `"train"`; None takes the test split, or all images of a
            folder of new pictures without such a split.

    Returns:
        The `Report`.

    Raises:
        ArgumentError: There is no such split, or the committee does not know its data set.
        DataError: The file or the data cannot be loaded, or they do not fit.

    Example:
        >>> evaluate_file("committee.keras", "digits", split="best")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: split must be "test", "validation" or "train". Received: 'best'.
    """
    if split is not None and split not in SPLITS:
        raise ArgumentError(f'split must be "test", "validation" or "train". Received: {split!r}.')
    name, place = check_files(file, data, root)
    from zoo.ensembles.committee import Committee  # imported here, since the import takes seconds

    if isinstance(classes, str):
        classes = [word.strip() for word in classes.split(",")]
    if isinstance(image_size, str) and re.fullmatch(r"\d+(x\d+)?", image_size):
        sides = [int(side) for side in image_size.split("x")]
        image_size = (sides[0], sides[-1])
    given = {"image_size": image_size, "color": color, "drop_duplicates": drop_duplicates}
    options = {key: value for key, value in given.items() if value}
    committee = Committee.load(file)
    return committee.report(_images(committee, name, place, classes, options, split))


def check_files(
    file: str | Path, data: str | None = None, root: str | Path | None = None
) -> tuple[str, str | Path | None]:
    """Check that a saved committee and its data are there, without importing TensorFlow.

    Args:
        file: A saved committee or model, `.keras`.
        data: Name of the data set; None takes the data set of the training.
        root: Where the files of the data set are; None takes the place at the training.

    Returns:
        The name of the data set, and where its files are, or None for the default places.

    Raises:
        ArgumentError: `data` is None, and the model does not know its data set.
        DataError: The model or the data is missing.

    Example:
        >>> check_files("gone.keras")
        Traceback (most recent call last):
        zoo.errors.DataError: path must be a model saved as a .keras file. Received: gone.keras, \
which does not exist. Name a file that model.save(path) wrote.
    """
    config = saved_description(file).get("config") or {}
    settings = config.get("data_settings") or {}
    name = settings.get("name") if data is None else data
    if name is None:
        raise ArgumentError(
            f"data= must name a data set. Received: none, and {file} does not know which data it "
            "was trained on. `zoo data` lists the data sets; your own pictures are the data set "
            "'folder'."
        )
    info = get_dataset(name).info
    if root is None and name == settings.get("name"):
        root = settings.get("root")
        if root is not None and not Path(root).exists():
            raise DataError(
                f"The data that {file} was trained on must still be there. Received: {root}, which "
                "does not exist. Pass root= with the place where the data is now."
            )
    elif root is not None and not Path(root).expanduser().exists():
        raise DataError(
            f"root must be the place of the data. Received: {root}, which does not exist. Check "
            "the path."
        )
    if info.needs_root:
        (info.locate or locate)(info, check_root(info, root))
    return name, root


def _images(
    committee: Committee,
    name: str,
    root: str | Path | None,
    classes: Sequence[str] | None,
    given: Mapping[str, Any],
    split: str | None,
) -> Split:
    """Load the images that judge a committee."""
    settings = dict(committee.data_settings or {})
    options = image_options(committee.input_shape[1:], settings)
    trained_name, trained_root = settings.pop("name", None), settings.pop("root", None)
    info = get_dataset(name).info
    is_moved = trained_name != name or trained_root is None or not _same(trained_root, root)
    if trained_name != name:
        settings = {}
    # The file may come from a stranger: it must not choose what is fetched, or where to write.
    # A size or a colour of None, as the pictures have it, is what the committee has got used to.
    settings = {key: settings[key] for key in _FROM_FILE if settings.get(key) is not None}
    chosen = classes or committee.class_names
    if root is not None and info.needs_root and not info.parts and is_moved:
        some = chosen if classes or info.reads_classes else None
        new = load(
            name, _test_folder(root), classes=some, validation=0, test=0, **{**options, **given}
        )
        if not _holds_training_images(committee, new):
            return _with_class_ids(_whole(new, split), committee.class_names)
    loaded = load(name, root, classes=chosen, **{**options, **settings, **given})
    return _choose(loaded, split or "test")


def _choose(data: ImageData, split: str) -> Split:
    if split not in data.splits:
        raise ArgumentError(
            f"split must be a split of {data.name}: {' or '.join(data.splits)}. "
            f"Received: {split!r}. Pass another split."
        )
    return data.splits[split]


def _whole(data: ImageData, split: str | None) -> Split:
    """Take a split that the folders name, or all images if the folders name none."""
    if split is None and len(data.splits) == 1:
        return replace(data.train, name="all images")
    return _choose(data, split or "test")


def _same(path: str | Path, other: str | Path | None) -> bool:
    """Whether two paths lead to the same place."""
    return (
        other is not None
        and Path(path).expanduser().resolve() == Path(other).expanduser().resolve()
    )


def _test_folder(root: str | Path) -> Path:
    """Give the folder `test` in a folder that has no folder `train` beside it, else the root."""
    root = Path(root).expanduser()
    folders = {path.name.lower(): path for path in root.glob("*") if path.is_dir()}
    if folders.keys() & {"train", "training"}:
        return root
    return folders.get("test") or folders.get("testing") or root


def _holds_training_images(committee: Committee, data: ImageData) -> bool:
    """Whether most of the images that a committee was trained on are in a data set."""
    known = np.unique(np.concatenate([split.digests for split in data.splits.values()]))
    trained = committee.trained_on
    return len(trained) > 0 and 2 * np.isin(trained, known).sum() > len(trained)


def _with_class_ids(split: Split, class_names: Sequence[str] | None) -> Split:
    """Number the classes of a split as a committee does, and leave out other classes."""
    if class_names is None or split.class_names == tuple(class_names):
        return split
    ids = {name: number for number, name in enumerate(class_names)}
    unknown = [name for name in split.class_names if name not in ids]
    labels = np.array([ids.get(name, -1) for name in split.class_names])[split.labels]
    kept = split.take(labels >= 0)
    if not len(kept):
        raise DataError(
            "The folders must have the names of the classes that the committee knows: "
            f"{', '.join(class_names)}. Received: {', '.join(split.class_names)}. Rename the "
            "folders."
        )
    if unknown:
        warnings.warn(
            f"{len(split) - len(kept):,} of {len(split):,} images are left out: the committee does "
            f"not know their classes ({', '.join(unknown[:5])})",
            UserWarning,
            stacklevel=4,
        )
    names = tuple(class_names)
    return replace(kept, labels=labels[labels >= 0], class_names=names, label_shares=None)


if __name__ == "__main__":
    from zoo.cli import main

    main(["evaluate", *sys.argv[1:]])
