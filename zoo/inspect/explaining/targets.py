"""The classes that are explained, from the argument `labels` of `explain`."""

from typing import Any

import numpy as np

from zoo.errors import ArgumentError


def as_targets(labels: Any, count: int, classes: int) -> np.ndarray:
    """Take the classes of each image.

    Args:
        labels: A class id; class ids [n]; class ids [n, k] or [1, k]; or `"all"`.
        count: The number n of images.
        classes: The number of classes.

    Returns:
        int32 [n, k].

    Raises:
        ArgumentError: The labels are none of these, or out of range.

    Example:
        >>> as_targets(2, count=2, classes=3).tolist()
        [[2], [2]]
        >>> as_targets([[0, 1]], count=2, classes=3).tolist()
        [[0, 1], [0, 1]]
    """
    if isinstance(labels, str) and labels == "all":
        return np.tile(np.arange(classes, dtype="int32"), (count, 1))
    try:
        array = np.asarray(labels)
    except ValueError:
        array = np.empty((), object)
    fits = array.shape in ((), (count,)) or (array.ndim == 2 and len(array) in (1, count))
    if array.dtype.kind not in "iu" or not array.size or not fits:
        raise ArgumentError(
            f"labels must be a class id, {count} class ids, class ids [{count}, k] or [1, k], "
            f'"all", or None. Received: {array.dtype} of the shape {array.shape}. Pass None for '
            "the classes that the model answers."
        )
    if array.min() < 0 or array.max() >= classes:
        wrong = array.max() if array.max() >= classes else array.min()
        raise ArgumentError(
            f"labels must be class ids from 0 to {classes - 1}. Received: {wrong}. Number the "
            "classes from 0, in the order of the model's answers."
        )
    columns = array.reshape(-1, 1) if array.ndim < 2 else array
    return np.broadcast_to(columns, (count, columns.shape[1])).astype("int32")
