"""Checks of labels, class names, weights and label shares that a user hands over as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.datasets.files.checks import data_error
from zoo.text import visible

NUMBER_THEM = (
    "Number the classes from 0: `class_names, labels = numpy.unique(labels, return_inverse=True)`, "
    "and pass both; a Committee takes class_names= itself"
)


def check_labels(labels: Any, count: int, *, named: bool = False) -> np.ndarray:
    """Take labels as an array of integers [count], none of them negative.

    Args:
        labels: Class ids, integers [count] or [count, 1]: an array, a list or a pandas Series.
        count: The number of images.
        named: Whether the classes have names, so that labels in words have a place among them.

    Returns:
        Integers [count].

    Raises:
        DataError: The labels are not as described. The message says how to convert them.
    """
    if labels is None:
        raise data_error("labels", f"be integers [{count}]", None, "Pass `labels`, or a Split")
    labels = _as_array(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    received = f"{labels.dtype} of the shape {labels.shape}"
    if not labels.ndim:
        remedy = "Pass a list or an array, with a label for each image"
        kind = type(labels.item()).__name__
        raise data_error("labels", "be integers [n]", f"a single object of the type {kind}", remedy)
    if labels.ndim == 2:
        raise data_error("labels", "be integers [n]", received, _advice_for_table(labels))
    if labels.ndim != 1:
        raise data_error("labels", "be integers [n]", received, "Pass a single axis")
    if labels.dtype.kind not in "iu":
        raise data_error("labels", "be integers [n]", received, _advice_for_kind(labels, named))
    if len(labels) != count:
        expected, remedy = f"have one label for each of {count} images", "Pass as many labels"
        raise data_error("labels", expected, len(labels), remedy)
    if labels.min() < 0:
        raise data_error("labels", "be 0 or more", labels.min(), NUMBER_THEM)
    return labels


def check_any_label(labels: np.ndarray, name: str) -> None:
    """Check that a split has at least one image.

    Args:
        labels: The labels of the split, int [n].
        name: The name of the split, for the message.

    Raises:
        DataError: There is no image.
    """
    if not len(labels):
        received = f"{name!r}, an empty split"
        remedy = "Choose other rows, or load the data with another share"
        raise data_error("Labelled images", "be at least one image", received, remedy)


def check_class_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Take the name of each class id. None: "0", "1", … up to the highest label.

    Args:
        class_names: The names; None only for labels 0, 1, … of which each occurs.
        labels: Integers [n], 0 or more.

    Returns:
        The names as texts in one line: see `zoo.text.visible`.

    Raises:
        DataError: The names are no list, a name occurs twice, a label has no name, or labels
            without names have a gap.
    """
    if class_names is None:
        class_names = map(str, range(_count_without_gap(labels)))
    elif isinstance(class_names, str) or not isinstance(class_names, Iterable):
        remedy = 'Pass for example ["cat", "dog"]'
        raise data_error("class_names", "be a list of names", f"{class_names!r:.80}", remedy)
    # A name with a line break or an escape sequence is written with a backslash everywhere.
    names = tuple(visible(class_name) for class_name in class_names)
    if labels.max() >= len(names):
        remedy = "Number the classes from 0, or pass every class name"
        expected = f"be below {len(names):,}, the number of classes"
        raise data_error("labels", expected, labels.max(), remedy)
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        received = f"{repeated[0]!r} more than once"
        remedy = "Rename one of the classes"
        raise data_error("class_names", "have each name once", received, remedy)
    return names


def check_sample_weight(sample_weight: Any, count: int) -> np.ndarray:
    """Take the weight of each image.

    Args:
        sample_weight: Numbers [count], finite, 0 or more, and not all 0.
        count: The number of images.

    Returns:
        float32 [count].

    Raises:
        DataError: The weights are not as described.

    Example:
        >>> check_sample_weight([1, 0.5, 0], 3)
        array([1. , 0.5, 0. ], dtype=float32)
    """
    weights = _as_array(sample_weight)
    received = f"{weights.dtype} of the shape {weights.shape}"
    expected = f"be numbers [{count}], one for each image"
    if weights.shape == (count, 1):
        weights = weights[:, 0]
    if weights.shape != (count,) or weights.dtype.kind not in "biuf":
        raise data_error("sample_weight", expected, received, "Pass one number for each image")
    given = weights
    with np.errstate(over="ignore"):
        weights = given.astype(np.float32)
    if not np.isfinite(weights).all():
        index = np.flatnonzero(~np.isfinite(weights))[0]
        expected, remedy = "be finite", "Leave out this image, or pass 0 as its weight"
        if np.isfinite(given[index]):
            expected, remedy = "be below 3.4e38", "Divide all weights by their mean"
        raise data_error("sample_weight", expected, f"{given[index]} at index {index}", remedy)
    if weights.min() < 0:
        remedy = "Pass 0 for an image that does not count"
        raise data_error("sample_weight", "be 0 or more", weights.min(), remedy)
    if not weights.any():
        remedy = "Leave sample_weight out, with which all images count alike"
        raise data_error("sample_weight", "be above 0 for some image", "only zeros", remedy)
    return weights


def check_label_shares(label_shares: Any, count: int, num_classes: int) -> np.ndarray:
    """Take the shares of the classes in the votes of several people for each image.

    Args:
        label_shares: Numbers [count, num_classes], 0 or more; rows sum to 1.
        count: The number of images.
        num_classes: The number of classes.

    Returns:
        float32 [count, num_classes].

    Raises:
        DataError: The shares are not as described.

    Example:
        >>> check_label_shares([[0.75, 0.25]], 1, 2)
        array([[0.75, 0.25]], dtype=float32)
    """
    shares = _as_array(label_shares)
    if shares.shape != (count, num_classes) or shares.dtype.kind not in "iuf":
        expected = f"be numbers [{count}, {num_classes}], a row for each image"
        received = f"{shares.dtype} of the shape {shares.shape}"
        raise data_error("label_shares", expected, received, "Pass a column for each class")
    sums = shares.sum(axis=1)
    wrong = ~(np.isclose(sums, 1, atol=1e-3) & (shares >= 0).all(axis=1))
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        expected = "be 0 or more, in rows that sum to 1"
        received = f"{shares[row].tolist()!s:.60} in row {row}"
        raise data_error("label_shares", expected, received, "Divide the votes by their sum")
    return shares.astype(np.float32, copy=False)


def _count_without_gap(labels: np.ndarray) -> int:
    """Count the classes of labels 0, 1, … without names; refuse labels with a gap."""
    present = np.unique(labels)
    if present[-1] == len(present) - 1:
        return len(present)
    listed = ", ".join(map(str, present[:10])) + (", …" if len(present) > 10 else "")
    raise data_error(
        "labels without class_names",
        f"be numbers without a gap from 0 on, here 0 to {len(present) - 1:,}",
        listed,
        f"{NUMBER_THEM}. If some of the classes have no image here, pass class_names= for all",
    )


def _as_array(values: Any) -> np.ndarray:
    """Make an array of labels or weights."""
    try:
        return np.asarray(values)
    except Exception:
        # Lists of different lengths, for example. An array of objects fits no check.
        array = np.empty((), object)
        array[()] = values
        return array


def _advice_for_table(labels: np.ndarray) -> str:
    """Say how labels [n, k] become integers [n]."""
    if labels.dtype.kind not in "biuf" or not labels.size:
        return "Pass the column of the labels alone"
    sums = labels.sum(axis=-1)
    if labels.min() >= 0 and np.allclose(sums, 1, atol=1e-3):
        if labels.max() > 1 - 1e-3:
            return "For one-hot labels, pass `numpy.argmax(labels, axis=-1)`"
        return (
            "Pass `numpy.argmax(labels, axis=-1)` as the labels, and shares of votes as "
            "label_shares= of zoo.datasets.as_split"
        )
    return "Pass the column of the labels alone; an image has a single class here"


def _advice_for_kind(labels: np.ndarray, named: bool) -> str:
    """Say how labels that are no integers become integers."""
    if labels.dtype.kind in "US" or (
        labels.dtype == object and all(isinstance(label, (str, bytes)) for label in labels)
    ):
        if named:
            return "Pass positions: `[class_names.index(label) for label in labels]`"
        return NUMBER_THEM
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        count = int(np.count_nonzero(~np.isfinite(labels)))
        return f"Leave out the {count:,} images whose label is not finite (NaN or infinite)"
    if labels.dtype.kind == "b" or (labels.dtype.kind == "f" and (labels == labels.round()).all()):
        return 'Pass `numpy.asarray(labels).astype("int64")`'
    if labels.dtype == object and all(hasattr(label, "__index__") for label in labels):
        return 'Pass `numpy.asarray(labels).astype("int64")`'
    return "Pass class ids, as numbers from 0"
