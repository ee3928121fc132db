"""Checks of images, labels and class names that a user hands over as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.datasets.files.checks import data_error

# The most classes without names. Larger labels are rather numbers of something else.
MAX_CLASSES = 100_000


def check_images(images: Any) -> np.ndarray:
    """Take images as an array, uint8 [n, height, width, channels], without a copy."""
    images = np.asanyarray(images)
    if images.dtype != np.uint8:
        is_share = images.dtype.kind == "f" and images.size and images.max() <= 1
        remedy = "Multiply them by 255 and convert" if is_share else "Convert"
        remedy += ' them by `.astype("uint8")`'
        raise data_error("images", "be uint8 pixels 0..255", images.dtype, remedy)
    expected = "be at least one image as [n, height, width, channels]"
    received = f"the shape {images.shape}"
    if images.ndim == 3:
        remedy = "Add a channel axis to grey images: `images[..., None]`"
        raise data_error("images", expected, received, remedy)
    if images.ndim != 4 or not images.size:
        raise data_error("images", expected, received, "Reshape the array")
    return images


def check_labels(labels: Any, count: int) -> np.ndarray:
    """Take labels as an array of integers [count], none of them negative."""
    if labels is None:
        raise data_error("labels", f"be integers [{count}]", None, "Pass `labels`, or a Split")
    labels = np.asarray(labels)
    received = f"{labels.dtype} of the shape {labels.shape}"
    if labels.ndim == 2:
        remedy = "labels.ravel()" if labels.shape[1] == 1 else "labels.argmax(-1)"
        raise data_error("labels", "be integers [n]", received, f"Pass `{remedy}`")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise data_error("labels", "be integers [n]", received, "Number the classes from 0")
    if len(labels) != count:
        expected, remedy = f"have one label for each of {count} images", "Pass as many labels"
        raise data_error("labels", expected, len(labels), remedy)
    if labels.min() < 0:
        raise data_error("labels", "be 0 or more", labels.min(), "Number the classes from 0")
    return labels


def check_class_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Take the name of each class id. None: "0", "1", … up to the highest label.

    Raises a DataError if the names are no list, a name occurs twice, or a label has no name.
    """
    if class_names is None:
        class_names = range(min(int(labels.max()) + 1, MAX_CLASSES))
    elif isinstance(class_names, str) or not isinstance(class_names, Iterable):
        remedy = 'Pass for example ["cat", "dog"]'
        raise data_error("class_names", "be a list of names", f"{class_names!r:.80}", remedy)
    names = tuple(str(class_name) for class_name in class_names)
    if labels.max() >= len(names):
        remedy = "Number the classes from 0, or pass every class name"
        expected = f"be below {len(names):,}, the number of classes"
        raise data_error("labels", expected, labels.max(), remedy)
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        received = f"{repeated[0]!r} more than once"
        remedy = "Rename one of the classes"
        raise data_error("class_names", "have each name once", received, remedy)
    return names
