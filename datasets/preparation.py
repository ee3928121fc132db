"""From the images of a data set's files to the splits that `zoo.datasets.load` returns."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zoo.datasets.files.checks import data_error
from zoo.datasets.load_arguments import SPLITS
from zoo.datasets.looking.duplicates import without_duplicates
from zoo.datasets.sampling import check_class_sizes, count_after, stratified_split
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError
from zoo.text import did_you_mean


def prepare_splits(
    splits: Mapping[str, Split],
    *,
    classes: Sequence[str] | None,
    shares: Mapping[str, float | int],
    drop_duplicates: bool,
    leave_out_small_classes: bool,
    seed: int,
) -> dict[str, Split]:
    """Choose classes, drop duplicates, and hold images out for the splits that are missing.

    `shares` has the splits that may be missing in the order in which they are held out.
    `leave_out_small_classes` leaves classes out with a warning that have too few images to hold
    some out, if `classes` is None; otherwise they raise a DataError.
    """
    prepared = dict(splits)
    ids = None
    if classes is not None:
        ids = _class_ids(classes, prepared["train"].class_names)
        prepared = _with_classes(prepared, ids)
    if drop_duplicates:
        prepared = _drop_duplicates({name: prepared[name] for name in SPLITS if name in prepared})
    missing = {name: share for name, share in shares.items() if name not in prepared and share}
    if leave_out_small_classes and classes is None:
        ids = _large_enough(prepared["train"], [*missing.values()])
        prepared = _with_classes(prepared, ids)
    train = prepared["train"]
    check_class_sizes(train.labels, [*missing.values()], train.class_names)
    for name, share in missing.items():
        train = prepared["train"]
        kept, held_out = stratified_split(train.labels, share, seed, train.class_names)
        prepared["train"], prepared[name] = train.take(kept), train.take(held_out, name=name)
    if ids is not None:
        prepared = {name: _renumber(split, ids) for name, split in prepared.items()}
    return prepared


def hold_out_like(
    splits: Mapping[str, Split], others: Mapping[str, Split], other: str
) -> dict[str, Split]:
    """Hold out for validation the images that another data set holds out.

    Args:
        splits: The splits, without a validation split.
        others: The splits of the other data set, which has the same images with other labels.
        other: The name of the other data set.

    Returns:
        The splits. Images that the other data set tests on are not in the training split.

    Raises:
        ArgumentError: There is a validation split already.
        DataError: Fewer than half of the images are in the other data set, it holds none of them
            out, or all images of a class.
    """
    if "validation" in splits:
        raise ArgumentError(
            "validation must be a share where the data set or parts= name a validation split. "
            f"Received: {other!r}. Leave validation out."
        )
    train = splits["train"]
    inside = {part: np.isin(train.digests, split.digests) for part, split in others.items()}
    nowhere = np.zeros(len(train), bool)
    held_out = inside.get("validation", nowhere)
    kept = train.take(~held_out & ~inside.get("test", nowhere))
    known = np.logical_or.reduce([*inside.values()])
    if 2 * known.sum() < len(train) or not held_out.any() or {*kept.labels} != {*train.labels}:
        raise DataError(
            f"validation={other!r} must name a data set of the same images that holds some of them "
            f"out, and leaves images of every class. Received: {known.sum():,} of {len(train):,} "
            f"training images are in it, and {held_out.sum():,} are held out. Pass a share, "
            "such as 0.1, or load both in the same size and colour."
        )
    if "test" in splits:
        shared = int(np.isin(splits["test"].digests, others["train"].digests).sum())
        if shared:
            warnings.warn(
                f"Test images that are training images of {other}: {shared:,}. A network that "
                "learns both is tested on images that it has learned. drop_duplicates=True may "
                "help.",
                stacklevel=3,  # the caller of load
            )
    return {**splits, "train": kept, "validation": train.take(held_out, name="validation")}


def _class_ids(classes: Sequence[str], class_names: tuple[str, ...]) -> list[int]:
    if unknown := [name for name in classes if name not in class_names]:
        raise DataError(
            f"classes must be names of the data set's classes. Received: {unknown[0]!r}"
            f"{did_you_mean(unknown[0], class_names)} Choose among {', '.join(class_names)}."
        )
    return [class_names.index(name) for name in classes]


def _with_classes(splits: dict[str, Split], ids: list[int]) -> dict[str, Split]:
    return {name: split.take(np.isin(split.labels, ids)) for name, split in splits.items()}


def _drop_duplicates(splits: dict[str, Split]) -> dict[str, Split]:
    kept = without_duplicates(splits)
    for name, split in kept.items():
        gone = np.setdiff1d(splits[name].labels, split.labels)
        if len(gone) and (name == "train" or not len(split)):
            raise data_error(
                "Every class",
                f"have an image in {name} that occurs in no other split",
                f"none of class {split.class_names[gone[0]]!r}, so drop_duplicates=True would "
                "leave the class empty",
                "Look at `data.duplicates()`, or load without drop_duplicates",
            )
    return kept


def _large_enough(train: Split, shares: Sequence[float | int]) -> list[int]:
    """Find the classes with enough images to hold some out; warn of those with too few."""
    present = {name: count for name, count in train.class_counts.items() if count}
    small = {name: count for name, count in present.items() if not count_after(count, shares)}
    names = [name for name in present if name not in small]
    if small:
        some = ", ".join(f"{name} ({count})" for name, count in itertools.islice(small.items(), 5))
        few = (
            f"{len(small):,} of {len(present):,} classes have too few images to hold some out: "
            f"{some}{', …' if len(small) > 5 else ''}"
        )
        if len(names) < 2:
            expected = "have enough images to hold some out"
            remedy = "Add images, or hold out fewer by validation= and test="
            raise data_error("At least two classes", expected, few, remedy)
        warnings.warn(f"{few}; they are left out", stacklevel=4)  # the caller of load
    return _class_ids(names, train.class_names)


def _renumber(split: Split, ids: list[int]) -> Split:
    """Give the classes `ids` the numbers 0, 1, … in that order."""
    new_ids = np.zeros(split.num_classes, np.int64)
    new_ids[ids] = np.arange(len(ids))
    labels = new_ids[split.labels]
    names = tuple(split.class_names[old] for old in ids)
    shares = split.label_shares
    if shares is not None:  # among the classes that are left
        shares = shares[:, ids]
        sums = shares.sum(1, keepdims=True)
        one_hot = np.eye(len(ids), dtype=np.float32)[labels]  # where nobody votes for these classes
        shares = np.where(sums > 0, shares / np.where(sums > 0, sums, 1), one_hot)
    return replace(split, labels=labels, class_names=names, label_shares=shares)
