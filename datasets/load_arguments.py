"""Checks of the arguments of `zoo.datasets.load` and `zoo.datasets.download`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.arguments import as_path, whole_number
from zoo.datasets.description import DatasetInfo
from zoo.datasets.formats.conversion import CHANNELS
from zoo.datasets.formats.decode import MAX_PIXELS
from zoo.errors import ArgumentError, DataError

SPLITS = ("train", "validation", "test")


def check_parts(info: DatasetInfo, parts: Any) -> dict[str, list[str]]:
    """Take the parts of the data set that make each split.

    Args:
        info: The description of the data set.
        parts: The argument: parts by split, as a name or a list of names. None: the parts of the
            description.

    Returns:
        Names of parts by split, "train" first. Empty for a data set without parts.

    Raises:
        ArgumentError: The argument is something else, or the data set has no parts.

    Example:
        >>> info = DatasetInfo("dots", parts={"train": ("large", "small")})
        >>> check_parts(info, None), check_parts(info, {"train": "small"})
        ({'train': ['large', 'small']}, {'train': ['small']})
    """
    if parts is None:
        return {split: list(names) for split, names in info.parts.items()}
    if not info.parts:
        raise ArgumentError(
            f"parts must be None, since {info.name} has no parts to choose from. "
            f"Received: {parts!r}. Leave parts= out."
        )
    if not isinstance(parts, Mapping) or "train" not in parts or {*parts} - {*SPLITS}:
        raise ArgumentError(
            'parts must be a dict with "train", and "validation" or "test" if you like. '
            f"Received: {parts!r}. Pass for example {dict(info.parts)}."
        )
    split_parts = {
        split: [names] if isinstance(names, str) else _check_names("parts", names)
        for split in SPLITS
        if (names := parts.get(split)) is not None
    }
    every = list(itertools.chain(*split_parts.values()))
    if not all(split_parts.values()):
        raise ArgumentError(
            f"parts must name at least one part for each split. Received: {parts!r}. Name a part, "
            "or leave the split out."
        )
    if len({*every}) < len(every):
        raise ArgumentError(
            f"parts must name each part once. Received: {parts!r}. Name it for one split only."
        )
    return split_parts


def check_color(color: Any) -> str | None:
    """Take a colour: "grayscale", "rgb", or None to keep the colour of the images.

    Raises:
        ArgumentError: The argument is something else.

    Example:
        >>> check_color("rgb")
        'rgb'
    """
    if color is not None and not (isinstance(color, str) and color in CHANNELS):
        raise ArgumentError(
            f'color must be "grayscale", "rgb" or None. Received: {color!r}. Pass None to keep '
            "the colour of the images."
        )
    return color


def check_image_size(image_size: Any) -> tuple[int, int] | None:
    """Take the size of images: a number for both sides, a pair, or None to keep the size.

    Returns:
        Height and width in pixels, or None.

    Raises:
        ArgumentError: The argument is something else, or makes too many pixels.

    Example:
        >>> check_image_size(48)
        (48, 48)
    """
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(size) != 2:
        raise ArgumentError(
            "image_size must be a whole number or a pair, (height, width). "
            f"Received: {image_size!r}. Pass for example 48 or (48, 64)."
        )
    height, width = (whole_number("image_size", side, 1, MAX_PIXELS) for side in size)
    if height * width > MAX_PIXELS:
        raise ArgumentError(
            f"image_size must make at most {MAX_PIXELS:,} pixels. Received: {image_size!r}. "
            "Pass a smaller size."
        )
    return height, width


def check_root(info: DatasetInfo, root: str | os.PathLike[str] | None) -> Path | None:
    """Take the path of the files, or None.

    Raises:
        ArgumentError: The argument is no path, or the data set is embedded.

    Example:
        >>> check_root(DatasetInfo("dots", expected_files="dots.bin"), "data/dots").name
        'dots'
    """
    path = None if root is None else as_path("root", root)
    if path is not None and not info.needs_root:
        raise ArgumentError(
            f"root must be None, since {info.name} is embedded and needs no files. "
            f"Received: {root!r}. Leave root= out."
        )
    return path


def check_classes(classes: Any) -> list[str]:
    """Take the names of the classes that are wanted.

    Returns:
        The names, in the given order.

    Raises:
        ArgumentError: The argument is no list of names.
        DataError: A class occurs twice, or there are fewer than two.

    Example:
        >>> check_classes(("cat", "dog"))
        ['cat', 'dog']
    """
    classes = _check_names("classes", classes)
    for position, name in enumerate(classes):
        if name in classes[:position]:
            raise DataError(
                f"classes must name each class once. Received: {name!r} twice in {classes}. "
                "Leave out the second."
            )
    if len(classes) < 2:
        raise DataError(
            f"classes must be at least two classes. Received: {classes}. Name another class."
        )
    return classes


def _check_names(argument: str, names: Any) -> list[str]:
    # The order counts, so sets and dictionaries are refused.
    listed = isinstance(names, Sequence) and not isinstance(names, str)
    if not listed or not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            f"{argument} must be a list of names. Received: {names!r}. "
            'Pass for example ["first", "second"].'
        )
    return list(names)
