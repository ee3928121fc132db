"""Checks of images, labels and class names that a user hands over as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.errors import DataError

MAX_CLASSES = 100_000
"""The most classes without names. Larger labels are rather numbers of something else."""


def check_images(images: Any) -> np.ndarray:
    """Take images as an array.

    Args:
        images: Anything that NumPy takes as an array.

    Returns:
        The images, uint8 [n, height, width, channels], not copied.

    Raises:
        DataError: The dtype or the shape is another, or there is no image.

    Example:
        >>> check_images(np.zeros((3, 8, 8, 1), "uint8")).shape
        (3, 8, 8, 1)
    """
    images = np.asanyarray(images)
    if images.dtype != np.uint8:
        remedy = 'Convert them by `.astype("uint8")`.'
        if images.dtype.kind == "f" and images.size and images.max() <= 1:
            remedy = 'Multiply them by 255 and convert them by `.astype("uint8")`.'
        raise DataError(f"images must be uint8 pixels 0..255. Received: {images.dtype}. {remedy}")
    if images.ndim == 3:
        raise DataError(
            f"images must be [n, height, width, channels]. Received: the shape {images.shape}. "
            "Add a channel axis to grey images: `images[..., None]`."
        )
    if images.ndim != 4 or not images.size:
        raise DataError(
            "images must be at least one image as [n, height, width, channels]. "
            f"Received: the shape {images.shape}. Reshape the array."
        )
    return images


def check_labels(labels: Any, count: int) -> np.ndarray:
    """Take labels as an array.

    Args:
        labels: Anything that NumPy takes as an array.
        count: Number of images.

    Returns:
        The labels, integers [count], none of them negative.

    Raises:
        DataError: The labels are something else.

    Example:
        >>> check_labels([0, 1, 1], 3)
        array([0, 1, 1])
    """
    if labels is None:
        raise DataError(
            f"labels must be integers [{count}]. Received: None. Pass `labels`, or a Split."
        )
    labels = np.asarray(labels)
    if labels.ndim == 2:
        remedy = "labels.ravel()" if labels.shape[1] == 1 else "labels.argmax(-1)"
        raise DataError(f"labels must be [n]. Received: the shape {labels.shape}. Pass `{remedy}`.")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels must be integers [n]. Received: {labels.dtype} of the shape {labels.shape}. "
            "Number the classes from 0."
        )
    if len(labels) != count:
        raise DataError(
            f"labels must have one label for each of {count} images. Received: {len(labels)}. "
            "Pass images and labels of the same length."
        )
    if labels.min() < 0:
        raise DataError(
            f"labels must be 0 or more. Received: {labels.min()}. Number the classes from 0."
        )
    return labels


def check_class_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Take the names of the classes.

    Args:
        class_names: The name of each class id. None: "0", "1", … up to the highest label.
        labels: Class ids, integers [n], none of them negative.

    Returns:
        The names.

    Raises:
        DataError: The names are no list, a name occurs twice, or a label has no name.

    Example:
        >>> check_class_names(None, np.array([0, 1, 1]))
        ('0', '1')
    """
    if class_names is None:
        class_names = range(min(int(labels.max()) + 1, MAX_CLASSES))
    elif isinstance(class_names, str) or not isinstance(class_names, Iterable):
        raise DataError(
            f"class_names must be a list of names. Received: {class_names!r:.80}. "
            'Pass for example ["cat", "dog"].'
        )
    names = tuple(str(class_name) for class_name in class_names)
    if labels.max() >= len(names):
        raise DataError(
            f"labels must be below {len(names):,}, the number of classes. "
            f"Received: {labels.max()}. Number the classes from 0, or pass every class name."
        )
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(
            f"class_names must have each name once. Received: {repeated[0]!r} more than once. "
            "Rename one of the classes."
        )
    return names
