"""Judge a saved committee; `python -m zoo.ensembles.evaluate FILE` is `zoo evaluate FILE`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import as_path, is_among
from zoo.augmentation.views import TestTimeAugmentation
from zoo.datasets.files.locations import locate
from zoo.datasets.load_arguments import check_root
from zoo.datasets.loading import get_dataset, load, load_to_judge
from zoo.datasets.split import Split
from zoo.ensembles.answering.pictures import image_options
from zoo.ensembles.loading.names import (
    committee_of,
    is_weights,
    settings_of,
    tell_other_images,
)
from zoo.ensembles.provenance import RECORDED
from zoo.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from zoo.ensembles.committee import Committee
    from zoo.ensembles.reports.report import Report

_NO_DATA = ("/dev", "/proc", "/sys", "/net")
"""Folders of devices, of the system, and of other machines."""

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
    on_error: str | None = None,
    split: str | None = None,
    augmentation: TestTimeAugmentation = None,
    precision: str | None = None,
) -> Report:
    """Judge a saved committee on a data set.

    The images are loaded as for the training of the committee: the same data set from the same
    place, the same size, colour and classes, and the same images held out. A folder of new pictures
    is judged on its test split, or whole if it has none. It may have pictures of some classes of
    the committee only. Pictures are new if they are in another place than the training data, and if
    most of the training images are not among them.

    The place of the training data stands in the file, which may come from a stranger: see
    `place_of_training`. If reading that place fails, the error does not say what is there.

    Args:
        file: A saved committee, or a Keras model of any origin, `.keras`; the run folder of a
            training; or the name of a set of weights, such as `"mnist"`.
        data: Name of the data set; None takes the data set of the training.
        root: Where the files of the data set are; None takes the place at the training.
        classes: Names of the classes to take, also as text with commas: `"cat,dog"`; None takes
            the committee's own, and refuses pictures of others.
        image_size: Height and width in pixels, or one number for both, also as text: `"48x64"`;
            None takes the committee's own.
        color: `"grayscale"` or `"rgb"`; None takes what fits the committee.
        drop_duplicates: Whether to keep only the first of several equal images. False keeps the
            setting with which the committee was trained.
        on_error: "raise": damaged image files are an error, which names all of them. "skip": they
            are left out, and a warning lists them. None keeps the setting of the training; new
            pictures that are damaged are an error.
        split: `"test"`, `"validation"` or `"train"`; None takes the test split, or all images of a
            folder of new pictures without a test split beside others.
        augmentation: Test-time augmentation, as for `Committee.report`.
        precision: The precision in which a set of weights computes, as for `pretrained`.

    Returns:
        The `Report`.

    Raises:
        ArgumentError: There is no such split, the committee does not know its data set, or there is
            a precision for a saved committee.
        DataError: The file or the data cannot be loaded, or they do not fit.

    Example:
        >>> evaluate_file("committee.keras", "digits", split="best")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: split must be "test", "validation" or "train". Received: 'best'.
    """
    committee, images = committee_with_images(
        file, data, root=root, classes=classes, image_size=image_size, color=color,
        drop_duplicates=drop_duplicates, on_error=on_error, split=split, precision=precision,
    )  # fmt: skip
    return committee.report(images, augmentation=augmentation)


def committee_with_images(
    file: str | Path,
    data: str | None = None,
    *,
    root: str | Path | None = None,
    classes: str | Sequence[str] | None = None,
    image_size: str | int | Sequence[int] | None = None,
    color: str | None = None,
    drop_duplicates: bool = False,
    on_error: str | None = None,
    split: str | None = None,
    precision: str | None = None,
) -> tuple[Committee, Split]:
    """Load a saved committee, and images as it was trained on them.

    Args:
        file: As for `evaluate_file`, which describes all arguments.
        data: Name of the data set.
        root: Where the files of the data set are.
        classes: Names of the classes to take.
        image_size: Height and width in pixels.
        color: `"grayscale"` or `"rgb"`.
        drop_duplicates: Whether to keep only the first of several equal images.
        on_error: "raise" or "skip".
        split: `"test"`, `"validation"` or `"train"`.
        precision: The precision in which a set of weights computes.

    Returns:
        The committee, and the images of the split.

    Raises:
        ArgumentError: As for `evaluate_file`.
        DataError: As for `evaluate_file`.

    Example:
        >>> committee_with_images("gone.keras")
        Traceback (most recent call last):
        zoo.errors.DataError: path must be a model saved as a .keras file. Received: gone.keras, \
which does not exist. Name a file that model.save(path) wrote.
    """
    if split is not None and not is_among(split, SPLITS):
        raise ArgumentError(f'split must be "test", "validation" or "train". Received: {split!r}.')
    name, place = check_files(file, data, root)
    if isinstance(classes, str):
        classes = [word.strip() for word in classes.split(",")]
    if isinstance(image_size, str) and re.fullmatch(r"\d+(x\d+)?", image_size):
        sides = [int(side) for side in image_size.split("x")]
        image_size = (sides[0], sides[-1])
    given = {
        "image_size": image_size, "color": color, "drop_duplicates": drop_duplicates,
        "on_error": on_error,
    }  # fmt: skip
    options = {key: value for key, value in given.items() if value}
    committee = committee_of(file, precision)
    try:
        images, training = _images(committee, name, place, classes, options, split)
    except DataError:
        if place_of_training(file, data, root) is None:
            raise
        raise DataError(
            f"The data that {file} was trained on must be readable. Received: {place}, which the "
            "file names, and which cannot be read as at the training. Name the place yourself with "
            "root=, to see why."
        ) from None
    if training is not None:
        committee.keep_training_images(training)
    if is_weights(file) and not (options or classes) and name == settings_of(file)["name"]:
        tell_other_images(Path(file).as_posix(), images)
    return committee, images


def check_files(
    file: str | Path, data: str | None = None, root: str | Path | None = None
) -> tuple[str, str | Path | None]:
    """Check that a saved committee and its data are there, without importing TensorFlow.

    Args:
        file: As for `evaluate_file`.
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
    name = settings_of(file).get("name") if data is None else data
    if name is None:
        raise ArgumentError(
            f"data= must name a data set. Received: none, and {file} does not know which data it "
            "was trained on. `zoo data` lists the data sets; your own pictures are the data set "
            "'folder'."
        )
    info = get_dataset(name).info
    if (place := place_of_training(file, data, root)) is not None:
        root = place
        _check_still_there(file, place)
    elif root is not None and not os.path.exists(as_path("root", root)):
        raise DataError(
            f"root must be the place of the data. Received: {root}, which does not exist. Check "
            "the path."
        )
    if info.needs_root:
        (info.locate or locate)(info, check_root(info, root))
    return name, root


def place_of_training(
    file: str | Path, data: str | None = None, root: str | Path | None = None
) -> str | None:
    """Give the place of the data that a saved committee names, where no argument names another.

    The file may come from a stranger, so the place must be a path on this machine. Nothing at the
    place is looked at.

    Args:
        file: As for `evaluate_file`.
        data: Name of the data set; None takes the data set of the training.
        root: Where the files of the data set are; None takes the place at the training.

    Returns:
        An absolute path; None if an argument decides, or the data set needs no files.

    Raises:
        DataError: The model is missing, or the place is an address, is on another machine, or is
            a device.

    Example:
        >>> place_of_training("gone.keras", "digits", "digits.zip")
    """
    if root is not None:
        return None
    settings = settings_of(file)
    place = settings.get("root")
    if place is None or data not in (None, settings.get("name")):
        return None
    # Two slashes, or backslashes, at the beginning name another machine; asking for it would
    # already send it the name of the user.
    is_path = isinstance(place, str) and place.isprintable() and os.path.isabs(place)
    if not is_path or re.match(r"[/\\]{2}", place) or _is_no_data(os.path.normpath(place)):
        raise DataError(
            f"The place of the data in {file} must be the path of a file or folder on this "
            f"machine. Received: {place!a:.200}. Pass root= with the place of the data, and ask "
            "where the file comes from."
        )
    return place


def _is_no_data(path: str) -> bool:
    """Whether a path leads to devices, to the system, or to other machines."""
    return any(f"{path}/".startswith(f"{folder}/") for folder in _NO_DATA)


def _check_still_there(file: str | Path, place: str) -> None:
    """Refuse a place of training data where there is nothing, or a device."""
    if _is_no_data(os.path.realpath(place)) or not (os.path.isfile(place) or os.path.isdir(place)):
        fault = "is no file or folder" if os.path.exists(place) else "does not exist"
        raise DataError(
            f"The data that {file} was trained on must still be there. Received: {place}, which "
            f"{fault}. Pass root= with the place where the data is now."
        )


def _images(
    committee: Committee,
    name: str,
    root: str | Path | None,
    classes: Sequence[str] | None,
    given: Mapping[str, Any],
    split: str | None,
) -> tuple[Split, Split | None]:
    """Load the images that judge a committee, and those among which its training images are."""
    settings = dict(committee.data_settings or {})
    options = image_options(committee.input_shape[1:], settings)
    trained_name, trained_root = settings.pop("name", None), settings.pop("root", None)
    info = get_dataset(name).info
    is_moved = trained_name != name or trained_root is None or not _same(trained_root, root)
    if trained_name != name:
        settings = {}
    # The file may come from a stranger: it must not choose what is fetched, or where to write.
    # At the training, None kept the size or the colour of the pictures. New pictures can have
    # others, so they are brought to the size and the colour that the committee takes.
    settings = {key: settings[key] for key in RECORDED if settings.get(key) is not None}
    chosen = classes or committee.class_names
    if root is not None and info.needs_root and not info.parts and is_moved:
        new = load_to_judge(name, root, chosen, **{**options, **given})
        if not _holds_training_images(committee, new):
            images = _with_class_ids(_whole(name, new, split), committee.class_names, classes)
            return images, None
    if isinstance(settings.get("validation"), str) and split in (None, "test"):
        settings["validation"] = 0  # the other data set, which says what to hold out, is not needed
    loaded = load(name, root, classes=chosen, **{**options, **settings, **given})
    images = _numbered_as(committee, _choose(name, loaded.splits, split or "test"))
    training = loaded.splits.get("train") if trained_name == name else None
    return images, training and _numbered_as(committee, training)


def _choose(name: str, splits: Mapping[str, Split], split: str) -> Split:
    if split not in splits:
        raise ArgumentError(
            f"split must be a split of {name}: {' or '.join(splits)}. "
            f"Received: {split!r}. Pass another split."
        )
    return splits[split]


def _whole(name: str, splits: Mapping[str, Split], split: str | None) -> Split:
    """Take the split that is asked for; else the test split beside others; else all images."""
    if split is not None or ("test" in splits and len(splits) > 1):
        return _choose(name, splits, split or "test")
    first, *more = splits.values()
    if not more:
        return replace(first, name="all images")
    images = np.concatenate([part.images for part in splits.values()])
    labels = np.concatenate([part.labels for part in splits.values()])
    return Split("all images", images, labels, first.class_names)


def _same(path: str | Path, other: str | Path | None) -> bool:
    """Whether two paths lead to the same place."""
    return (
        other is not None
        and Path(path).expanduser().resolve() == Path(other).expanduser().resolve()
    )


def _holds_training_images(committee: Committee, splits: Mapping[str, Split]) -> bool:
    """Whether most of the images that a committee was trained on are in a data set."""
    known = np.unique(np.concatenate([split.digests for split in splits.values()]))
    trained = committee.trained_on
    return len(trained) > 0 and 2 * np.isin(trained, known).sum() > len(trained)


def _numbered_as(committee: Committee, split: Split) -> Split:
    """Number the classes as a committee does, where a split has some of them or another order."""
    names, own = committee.class_names or (), split.class_names
    if tuple(own) == tuple(names) or not {*own} <= {*names}:
        return split
    return _with_class_ids(split, names, None)


def _with_class_ids(
    split: Split, class_names: Sequence[str] | None, classes: Sequence[str] | None
) -> Split:
    """Number the classes of a split as a committee does, and take the images of some classes.

    `class_names` are those that the committee knows, or None. `classes` are the classes to take;
    None takes all, and refuses images of a class that the committee does not know.
    """
    names = tuple(class_names or classes or split.class_names)
    wanted = set(names if classes is None else classes)
    present = [name for name, count in split.class_counts.items() if count]
    unknown = [name for name in present if name not in names] if classes is None else []
    unknown += sorted(wanted - {*names})
    if unknown or not present:
        raise DataError(
            "The folders must have the names of the classes that the model knows: "
            f"{', '.join(names)}. Received: {', '.join(unknown[:20]) or 'no images'}. Rename or "
            "remove the other folders, or pass classes= with the classes to take."
        )
    if not wanted & {*present}:
        raise DataError(
            f"The folders must have images of the classes to take: {', '.join(sorted(wanted))}, of "
            f"those that the model knows: {', '.join(names)}. Received: images of "
            f"{', '.join(present[:20])}. Pass other classes=, or leave classes= out."
        )
    ids = {name: number for number, name in enumerate(names) if name in wanted}
    labels = np.array([ids.get(name, -1) for name in split.class_names])[split.labels]
    kept = split.take(labels >= 0)
    return replace(kept, labels=labels[labels >= 0], class_names=names, label_shares=None)


if __name__ == "__main__":
    from zoo.cli import main

    main(["evaluate", *sys.argv[1:]])
