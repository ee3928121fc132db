"""Judge a saved committee; `python -m zoo.ensembles.evaluate FILE` is `zoo evaluate FILE`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError

if TYPE_CHECKING:
    from zoo.ensembles.committee import Committee
    from zoo.ensembles.reports.report import Report

SPLITS = ("test", "validation", "train")


def evaluate_file(
    file: str | Path,
    data: str,
    *,
    root: str | Path | None = None,
    classes: str | Sequence[str] | None = None,
    image_size: str | int | Sequence[int] | None = None,
    color: str | None = None,
    drop_duplicates: bool = False,
    split: str = "test",
) -> Report:
    """Judge a saved committee on a data set.

    The images are loaded as for the training of the committee: the same size, colour and classes,
    and the same images held out.

    Args:
        file: A saved committee, or a Keras model of any origin, `.keras`.
        data: Name of the data set.
        root: Where the files of the data set are.
        classes: Names of the classes to take, also as text with commas: `"cat,dog"`; None takes
            the committee's own.
        image_size: Height and width in pixels, or one number for both, also as text: `"48x64"`;
            None takes the committee's own.
        color: `"grayscale"` or `"rgb"`; None takes what fits the committee.
        drop_duplicates: Whether to keep only the first of several equal images. False keeps the
            setting with which the committee was trained.
        split: `"test"`, `"validation"` or `"train"`.

    Returns:
        The `Report`.

    Raises:
        ArgumentError: There is no such split.
        DataError: The file or the data cannot be loaded, or they do not fit.

    Example:
        >>> evaluate_file("committee.keras", "digits", split="best")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: split must be "test", "validation" or "train". Received: 'best'.
    """
    from zoo.datasets import load  # imported here, since `zoo evaluate --help` needs neither
    from zoo.ensembles.committee import Committee

    if split not in SPLITS:
        raise ArgumentError(f'split must be "test", "validation" or "train". Received: {split!r}.')
    if isinstance(classes, str):
        classes = [name.strip() for name in classes.split(",")]
    if isinstance(image_size, str) and re.fullmatch(r"\d+(x\d+)?", image_size):
        sides = [int(side) for side in image_size.split("x")]
        image_size = (sides[0], sides[-1])
    committee = Committee.load(file)
    settings = {**_image_settings(committee), **(committee.data_settings or {"name": None})}
    if settings.pop("name") != data:
        settings = _image_settings(committee)
    given = {"image_size": image_size, "color": color, "drop_duplicates": drop_duplicates}
    settings |= {key: value for key, value in given.items() if value}
    images = load(data, root, classes=classes or committee.class_names, **settings)
    if split not in images.parts:
        raise ArgumentError(
            f"split must be a split of {data}: {' or '.join(images.parts)}. Received: {split!r}. "
            "Pass another split."
        )
    return committee.report(images.parts[split])


def _image_settings(committee: Committee) -> dict[str, Any]:
    """Arguments of `zoo.datasets.load` for the image size and colour of a committee."""
    _, height, width, channels = committee.input_shape
    color = "grayscale" if channels == 1 else "rgb" if channels == 3 else None
    return {"color": color, "image_size": (height, width) if height and width else None}


if __name__ == "__main__":
    from zoo.cli import main

    main(["evaluate", *sys.argv[1:]])
