"""Leaving out chosen images, such as those whose labels are probably wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.arguments import argument_error, is_whole
from zoo.datasets.split import Split
from zoo.errors import DataError

LEARNED_FROM = ("train", "validation")
"""The splits of which a list of digests leaves images out. The test split stays as it is."""

_EXAMPLE = (
    'Pass digests, such as `data.train.digests[[3, 17]]`, or row numbers, such as {"train": [3]}'
)


def leave_out(
    splits: Mapping[str, Split], exclude: Any
) -> tuple[dict[str, Split], dict[str, int] | None]:
    """Leave images out of splits.

    Args:
        splits: The splits by name.
        exclude: Digests of images (`Split.digests`), whole numbers [k]; or row numbers for each
            split, such as `{"train": [3, 17]}`; or None. By digests, images are left out of the
            training and validation splits with all of their copies, and never of the test split. By
            row numbers, they are left out of the splits that are named.

    Returns:
        The splits, and how many images each has lost; None in place of the counts if `exclude` is
        None.

    Raises:
        ArgumentError: `exclude` is not as described, or a row number is out of range.
        DataError: No image has one of the digests, or a class would have no training images.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> train = as_split(np.arange(4, dtype="uint8").reshape(4, 1, 1, 1), [0, 1, 0, 1])
        >>> leave_out({"train": train}, {"train": [0]})[1]
        {'train': 1}
    """
    if exclude is None:
        return dict(splits), None
    if isinstance(exclude, Mapping):
        masks = _by_rows(splits, exclude)
    else:
        masks = _by_digests(splits, _whole_numbers("exclude", exclude, 2**64 - 1))
    kept = dict(splits)
    for name, mask in masks.items():
        kept[name] = splits[name].take(~mask)
        gone = np.setdiff1d(splits[name].labels, kept[name].labels)
        if len(gone) and (name == "train" or not len(kept[name])):
            raise DataError(
                f"exclude must leave an image of every class in {name}. Received: all images of "
                f"class {splits[name].class_names[gone[0]]!r}. Exclude fewer images."
            )
    return kept, {name: int(mask.sum()) for name, mask in masks.items() if mask.any()}


def _by_rows(splits: Mapping[str, Split], exclude: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Mark the rows of each split, bool [n]."""
    if unknown := sorted(str(name) for name in exclude.keys() - splits.keys()):
        expected = f"have row numbers for splits of the data set: {', '.join(splits)}"
        raise argument_error("exclude", expected, unknown[0], _EXAMPLE)
    masks = {}
    for name, rows in exclude.items():
        numbers = _whole_numbers(f"exclude[{name!r}]", rows, len(splits[name]) - 1)
        masks[name] = np.zeros(len(splits[name]), bool)
        masks[name][numbers.astype(np.int64)] = True
    return masks


def _by_digests(splits: Mapping[str, Split], digests: np.ndarray) -> dict[str, np.ndarray]:
    """Mark the images with these digests, bool [n], in the splits that models learn from."""
    learned = {name: splits[name] for name in LEARNED_FROM if name in splits}
    every = np.concatenate([split.digests for split in learned.values()])
    missing = len(np.setdiff1d(digests, every))
    if len(digests) and missing == len(np.unique(digests)):
        raise DataError(
            f"exclude must hold digests of images in {' or '.join(learned)}. Received: "
            f"{missing:,} digests that no image has. Load the images in the size and colour in "
            "which the digests were made."
        )
    if missing:
        warnings.warn(
            f"exclude holds {missing:,} digests that no training or validation image has. Images "
            "have other digests in another size or colour.",
            stacklevel=4,  # the caller of load
        )
    return {name: np.isin(split.digests, digests) for name, split in learned.items()}


def _whole_numbers(name: str, values: Any, most: int) -> np.ndarray:
    """Take whole numbers from 0 to `most`, as uint64 [k]."""
    is_list = isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, (str, bytes))
    if isinstance(values, np.ndarray) and values.ndim != 1:
        is_list = False
    if not is_list or not all(is_whole(value) for value in values):
        received = f"{values!r:.80}"
        raise argument_error(name, "be a list of whole numbers", received, _EXAMPLE)
    if outside := [int(value) for value in values if not 0 <= int(value) <= most]:
        raise argument_error(name, f"be numbers from 0 to {most:,}", outside[0], _EXAMPLE)
    return np.array([int(value) for value in values], np.uint64)
