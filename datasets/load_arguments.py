"""Checks of the arguments of `zoo.datasets.load` and `zoo.datasets.download`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.arguments import argument_error, as_path, is_among, whole_number
from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.checks import data_error
from zoo.datasets.formats.conversion import CHANNELS, RESIZES
from zoo.datasets.formats.decode import ON_ERROR
from zoo.datasets.formats.image_file import MAX_PIXELS

SPLITS = ("train", "validation", "test")


def check_parts(info: DatasetInfo, parts: Any) -> dict[str, list[str]]:
    """Take the parts of the data set that make each split, "train" first.

    `parts` has a name or a list of names for each split; None takes the parts of the description.
    The result is empty for a data set without parts.
    """
    if parts is None:
        return {split: list(names) for split, names in info.parts.items()}
    if not info.parts:
        expected = f"be None, since {info.name} has no parts to choose from"
        raise argument_error("parts", expected, parts, "Leave parts= out")
    if not isinstance(parts, Mapping) or "train" not in parts or {*parts} - {*SPLITS}:
        expected = 'be a dict with "train", and "validation" or "test" if you like'
        raise argument_error("parts", expected, parts, f"Pass for example {dict(info.parts)}")
    split_parts = {
        split: [names] if isinstance(names, str) else _check_names("parts", names)
        for split in SPLITS
        if (names := parts.get(split)) is not None
    }
    if not all(split_parts.values()):
        remedy = "Name a part, or leave the split out"
        raise argument_error("parts", "name at least one part for each split", parts, remedy)
    every = list(itertools.chain(*split_parts.values()))
    if len({*every}) < len(every):
        remedy = "Name it for one split only"
        raise argument_error("parts", "name each part once", parts, remedy)
    return split_parts


def check_image_options(image_size: Any, color: Any) -> tuple[tuple[int, int] | None, str | None]:
    """Take the size and colour of images; None keeps the size or the colour.

    The size is a number for both sides, or a pair; it becomes (height, width).
    """
    if color is not None and not (isinstance(color, str) and color in CHANNELS):
        remedy = "Pass None to keep the colour of the images"
        raise argument_error("color", 'be "grayscale", "rgb" or None', color, remedy)
    if image_size is None:
        return None, color
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(size) != 2:
        expected = "be a whole number or a pair, (height, width)"
        raise argument_error("image_size", expected, image_size, "Pass 48 or (48, 64), say")
    height, width = (whole_number("image_size", side, 1, MAX_PIXELS) for side in size)
    if height * width > MAX_PIXELS:
        expected = f"make at most {MAX_PIXELS:,} pixels"
        raise argument_error("image_size", expected, image_size, "Pass a smaller size")
    return (height, width), color


def check_resize(resize: Any, size: tuple[int, int] | None) -> str:
    """Take the way in which images get another size, one of `RESIZES`."""
    if not is_among(resize, RESIZES):
        raise argument_error("resize", 'be "stretch" or "crop"', resize, 'Pass "crop" to cut edges')
    if resize == "crop" and size is None:
        remedy = "Pass image_size= too, or leave resize= out"
        raise argument_error("resize", 'be "stretch" without image_size', resize, remedy)
    return str(resize)


def check_on_error(on_error: Any) -> str:
    """Take what is done about damaged files, one of `ON_ERROR`."""
    if not is_among(on_error, ON_ERROR):
        remedy = 'Pass "skip" to leave damaged image files out'
        raise argument_error("on_error", 'be "raise" or "skip"', on_error, remedy)
    return str(on_error)


def check_root(info: DatasetInfo, root: str | os.PathLike[str] | None) -> Path | None:
    """Take the path of the files; None for a data set that is embedded."""
    path = None if root is None else as_path("root", root)
    if path is not None and not info.needs_root:
        expected = f"be None, since {info.name} is embedded and needs no files"
        remedy = "Leave root= out; pictures of your own are the data set 'folder'"
        raise argument_error("root", expected, root, remedy)
    return path


def check_classes(classes: Any) -> list[str] | None:
    """Take the names of two or more classes in the given order; None takes all classes."""
    if classes is None:
        return None
    classes = _check_names("classes", classes)
    for position, name in enumerate(classes):
        if name in classes[:position]:
            received, remedy = f"{name!r} twice in {classes}", "Leave out the second"
            raise data_error("classes", "name each class once", received, remedy)
    if len(classes) < 2:
        raise data_error("classes", "be at least two classes", classes, "Name another class")
    return classes


def _check_names(argument: str, names: Any) -> list[str]:
    # The order counts, so sets and dictionaries are refused.
    listed = isinstance(names, Sequence) and not isinstance(names, str)
    if not listed or not all(isinstance(name, str) for name in names):
        remedy = 'Pass for example ["first", "second"]'
        raise argument_error(argument, "be a list of names", names, remedy)
    return list(names)
