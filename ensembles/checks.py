"""What the functions over votes, probabilities and labels ask of their arguments.

Each check takes what the caller passed and gives it back as an array, or raises an `ArgumentError`
that says what was expected and what came.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.errors import ArgumentError

# The least probability whose logarithm is taken: the smallest normal number of float32, where a
# softmax in float32 underflows. Its logarithm is -87.3.
FLOOR = float(np.finfo(np.float32).tiny)
# How far a row of probabilities may be from 1: the rounding of float16 over many classes.
SUM_TOLERANCE = 1e-2


def checked_votes(votes: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """Check class ids, members first.

    Args:
        votes: int [members, n].
        num_classes: if given, ids must be from 0 to num_classes − 1.

    Returns:
        int64 [members, n].

    Raises:
        ArgumentError: unless they are that, of one member or more.

    Example:
        >>> checked_votes([[0, 1], [1, 1]], num_classes=2).shape
        (2, 2)
    """
    votes = np.asarray(votes)
    if num_classes is not None:
        whole_number("num_classes", num_classes, 1)
    if votes.ndim != 2 or len(votes) == 0 or votes.dtype.kind not in "iu":
        raise ArgumentError(
            "votes must be integers [members, n], of one member or more. "
            f"Received: {votes.dtype} of shape {votes.shape}"
        )
    if num_classes is not None:
        outside = (votes < 0) | (votes >= num_classes)
        if outside.any():
            member, index = np.argwhere(outside)[0]
            raise ArgumentError(
                f"votes must be class ids from 0 to {num_classes - 1}. "
                f"Received: {votes[member, index]} from member {member} at index {index}"
            )
    return votes.astype(np.int64, copy=False)


def checked_labels(labels: ArrayLike, n: int, num_classes: int | None = None) -> NDArray[np.int64]:
    """Check true class ids.

    Args:
        labels: int [n].
        n: how many there must be, 1 or more.
        num_classes: if given, ids must be from 0 to num_classes − 1.

    Returns:
        int64 [n].

    Raises:
        ArgumentError: unless they are that.

    Example:
        >>> checked_labels([2, 0], n=2, num_classes=3)
        array([2, 0])
    """
    labels = np.asarray(labels)
    if n == 0:
        raise ArgumentError("There must be one image or more. Received: none")
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ArgumentError(
            f"labels must be class ids, integers [n], one for each of the {n} images. "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if num_classes is not None:
        outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
        if outside.size:
            raise ArgumentError(
                f"labels must be class ids from 0 to {num_classes - 1}. "
                f"Received: {labels[outside[0]]} at index {outside[0]}"
            )
    return labels.astype(np.int64, copy=False)


def checked_probabilities(
    probabilities: ArrayLike, axes: str = "[members, n, classes]"
) -> NDArray[np.float64]:
    """Check that each row is a probability for each class.

    Args:
        probabilities: float, with these axes.
        axes: `"[members, n, classes]"` or `"[n, classes]"`.

    Returns:
        float64, the same numbers.

    Raises:
        ArgumentError: unless they are that, none of the axes empty, from 0 to 1, each row with a
            sum of 1 to within 0.01.

    Example:
        >>> checked_probabilities([[0.25, 0.75]], "[n, classes]")
        array([[0.25, 0.75]])
    """
    values = np.asarray(probabilities)
    if values.ndim != axes.count(",") + 1 or values.size == 0 or values.dtype.kind not in "fiu":
        raise ArgumentError(
            f"probabilities must be numbers {axes}, one or more of each. "
            f"Received: {values.dtype} of shape {values.shape}"
        )
    values = values.astype(np.float64, copy=False)
    # The extremes of an array with a NaN in it are NaN, and no comparison with NaN holds.
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1 + 1e-6):
        raise ArgumentError(
            "probabilities must be finite and from 0 to 1; logits need a softmax first. "
            f"Received: values from {low} to {high}"
        )
    sums = values.sum(axis=-1)
    if abs(sums - 1).max() > SUM_TOLERANCE:
        farthest = sums.flat[abs(sums - 1).argmax()]
        raise ArgumentError(
            "probabilities must have rows that sum to 1. "
            f"Received: a row that sums to {farthest:.4g}"
        )
    return values


def checked_scores(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Check one number for each image.

    Args:
        scores: float or bool [n].
        name: what to call them in an error.

    Returns:
        float64 [n].

    Raises:
        ArgumentError: unless they are that, finite, one or more.

    Example:
        >>> checked_scores([True, False], "correct")
        array([1., 0.])
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or scores.size == 0 or scores.dtype.kind not in "bfiu":
        raise ArgumentError(
            f"{name} must be numbers [n], one or more. "
            f"Received: {scores.dtype} of shape {scores.shape}"
        )
    if not np.isfinite(scores).all():
        index = np.flatnonzero(~np.isfinite(scores))[0]
        raise ArgumentError(f"{name} must be finite. Received: {scores[index]} at index {index}")
    return scores.astype(np.float64)


def checked_fraction(name: str, value: float) -> float:
    """Check a number between 0 and 1.

    Args:
        name: what to call it in an error.
        value: the number.

    Returns:
        The number.

    Raises:
        ArgumentError: unless it is above 0 and below 1.

    Example:
        >>> checked_fraction("confidence", 0.95)
        0.95
    """
    if not 0 < value < 1:
        raise ArgumentError(f"{name} must be between 0 and 1. Received: {value!r}")
    return float(value)
