"""Confusion matrix, precision, recall, F1, and accuracy with its interval.

The functions import scikit-learn and SciPy when they are first called, since the import takes a
second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.text import percent

LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""The least probability whose logarithm is taken: the smallest normal number of float32, below
which a softmax in float32 underflows. Its logarithm is -87.3."""

SUM_TOLERANCE = 1e-2
"""How far the sum of a row of probabilities may be from 1: the rounding of float16 over many
classes."""


@dataclass(frozen=True)
class Accuracy:
    """The fraction of images classified correctly, with its 95 % interval.

    Attributes:
        value: The fraction.
        low: Lower end of the interval, a fraction.
        high: Upper end of the interval, a fraction.
        n: Number of images.

    Example:
        >>> print(Accuracy(value=0.471, low=0.452, high=0.491, n=2513))
        47.1 % [45.2, 49.1], n = 2,513
    """

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Accuracy":
        """Make the accuracy of the JSON values of `dataclasses.asdict`, which a file may hold.

        Example:
            >>> print(Accuracy.from_values({"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}))
            50.0 % [25.0, 75.0], n = 4
        """
        value, low, high = (float(values[key]) for key in ("value", "low", "high"))
        return cls(value, low, high, int(values["n"]))

    def __str__(self) -> str:
        return (
            f"{percent(self.value)} [{100 * self.low:.1f}, {100 * self.high:.1f}], n = {self.n:,}"
        )


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised.

    Attributes:
        name: Name of the class.
        precision: Of the images that are predicted as this class, the fraction that belongs to it;
            0 if no image is predicted as this class.
        recall: Of the images of this class, the fraction that is predicted as it; 0 if there are no
            such images.
        f1: Harmonic mean of precision and recall; 0 if both are 0.
        support: Number of images of this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def sums_to_1(outputs: ArrayLike) -> NDArray[np.bool_]:
    """Tell for each row of numbers whether the sum is 1, to within `SUM_TOLERANCE`.

    Args:
        outputs: float [..., classes].

    Returns:
        bool [...]. A row with a NaN has no sum.

    Example:
        >>> sums_to_1([[0.2, 0.8], [0.9, 0.8]])
        array([ True, False])
    """
    return abs(np.asarray(outputs, np.float64).sum(axis=-1) - 1) <= SUM_TOLERANCE


def are_probabilities(outputs: ArrayLike) -> bool:
    """Tell whether the outputs of a model can be probabilities of several classes.

    Args:
        outputs: float [..., classes].

    Returns:
        Whether no number is below 0, and each row sums to 1.

    Example:
        >>> are_probabilities([[0.2, 0.8]]), are_probabilities([[-1.0, 2.0]])
        (True, False)
    """
    return bool((np.asarray(outputs) >= 0).all() and sums_to_1(outputs).all())


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int
) -> NDArray[np.int64]:
    """Count how often each class is predicted for the images of each class.

    Args:
        labels: True class ids, int [n].
        predictions: Predicted class ids, int [n].
        num_classes: Number of classes, 2 or more.

    Returns:
        Numbers of images, int64 [classes, classes]: a row for each true class, a column for each
        predicted class.

    Raises:
        ArgumentError: The arguments are not class ids from 0 to num_classes − 1, of the same
            length.

    Example:
        >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1], num_classes=3)
        array([[1, 1, 0],
               [0, 1, 0],
               [0, 1, 0]])
    """
    from sklearn.metrics import confusion_matrix as count

    labels, predictions = checked_ids(labels=labels, predictions=predictions)
    num_classes = whole_number("num_classes", num_classes, 2)
    # scikit-learn would leave out other class ids without a warning.
    check_range_of_ids("labels", labels, num_classes)
    check_range_of_ids("predictions", predictions, num_classes)
    return count(labels, predictions, labels=range(num_classes))


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> Accuracy:
    """Measure accuracy, with its 95 % Wilson interval.

    Args:
        labels: True class ids, int [n].
        predictions: Predicted class ids, int [n].

    Returns:
        The fraction of correct predictions, its interval, and n.

    Raises:
        ArgumentError: The arguments are not integers [n] of the same length, 1 or more.

    Example:
        >>> print(accuracy([0, 1, 1, 2], [0, 1, 1, 1]))
        75.0 % [30.1, 95.4], n = 4
    """
    labels, predictions = checked_ids(labels=labels, predictions=predictions)
    correct, n = int((labels == predictions).sum()), len(labels)
    low, high = accuracy_interval(correct, n)
    return Accuracy(correct / n, low, high, n)


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bound the true accuracy, given a count of correct answers: the Wilson score interval.

    With p = correct / total and z the normal quantile of the confidence, the ends are
    (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n) (Wilson, 1927).

    Args:
        correct: Number of correct answers.
        total: Number of answers, 1 or more.
        confidence: How often such intervals contain the true accuracy, between 0 and 1.

    Returns:
        The lower and the upper end, fractions.

    Raises:
        ArgumentError: Not 0 ≤ correct ≤ total, 1 ≤ total and 0 < confidence < 1.

    Example:
        >>> low, high = accuracy_interval(90, 100)
        >>> f"{low:.3f} to {high:.3f}"
        '0.826 to 0.945'
    """
    from scipy.stats import binomtest

    if not (0 <= correct <= total and total >= 1):
        raise ArgumentError(
            "correct must be from 0 to total, and total 1 or more. "
            f"Received: correct={correct}, total={total}. Pass the numbers of right and of all "
            "predictions."
        )
    if not 0 < confidence < 1:
        raise ArgumentError(
            f"confidence must be between 0 and 1. Received: {confidence}. Pass 0.95 for 95 %."
        )
    interval = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def per_class(confusion: ArrayLike, class_names: Sequence[str]) -> list[ClassScore]:
    """Score each class.

    Args:
        confusion: Confusion matrix, int [classes, classes], as from `confusion_matrix`.
        class_names: Name of each class, in the order of the class ids.

    Returns:
        A score for each class, in this order. A quotient 0 / 0 is given as 0.

    Raises:
        ArgumentError: The matrix is not a confusion matrix, or there is another number of names.

    Example:
        >>> per_class([[3, 1], [0, 4]], ["cat", "dog"])[1]
        ClassScore(name='dog', precision=0.8, recall=1.0, f1=0.8888888888888888, support=4)
    """
    confusion = _checked_confusion(confusion)
    if len(class_names) != len(confusion):
        raise ArgumentError(
            f"class_names must be {len(confusion)} names, one for each class. "
            f"Received: {len(class_names)} names. Name the classes in the order of their ids."
        )
    support = confusion.sum(axis=1)
    precision = _ratio(confusion.diagonal(), confusion.sum(axis=0))
    recall = _ratio(confusion.diagonal(), support)
    columns = (column.tolist() for column in (precision, recall, _f1(confusion), support))
    return [ClassScore(*row) for row in zip(class_names, *columns, strict=True)]


def macro_f1(confusion: ArrayLike) -> float:
    """Average F1 over the classes that occur; each class has the same weight.

    A class occurs if it is the true or the predicted class of an image. Other classes have no F1,
    and are left out of the mean, as scikit-learn's `f1_score(average="macro")` leaves them out.

    Args:
        confusion: Confusion matrix, int [classes, classes], as from `confusion_matrix`.

    Returns:
        The mean of the classes' F1, a fraction; 0 for a matrix without images.

    Raises:
        ArgumentError: The matrix is not a confusion matrix.

    Example:
        >>> macro_f1([[2, 0], [0, 2]])
        1.0
        >>> macro_f1([[2, 0, 0], [0, 2, 0], [0, 0, 0]])
        1.0
    """
    confusion = _checked_confusion(confusion)
    occurs = (confusion.sum(axis=0) > 0) | (confusion.sum(axis=1) > 0)
    return float(_f1(confusion)[occurs].mean()) if occurs.any() else 0.0


def _f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    # Equal to 2 · precision · recall / (precision + recall), with only one division.
    return _ratio(2 * confusion.diagonal(), confusion.sum(axis=0) + confusion.sum(axis=1))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def checked_ids(**arrays: ArrayLike) -> list[NDArray]:
    """Check class ids of the same images.

    Args:
        **arrays: Class ids, int [n], 1 or more, by the name of the argument.

    Returns:
        The arrays, in the same order.

    Raises:
        ArgumentError: An array is not as described, or the arrays differ in length.

    Example:
        >>> checked_ids(labels=[0, 1], predictions=[1, 1])
        [array([0, 1]), array([1, 1])]
    """
    checked = {name: np.asarray(ids) for name, ids in arrays.items()}
    for name, ids in checked.items():
        if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
            raise ArgumentError(
                f"{name} must be class ids, integers [n], 1 or more. "
                f"Received: {ids.dtype} of shape {ids.shape}. Make class ids of probabilities with "
                "probabilities.argmax(axis=-1)."
            )
    if len({len(ids) for ids in checked.values()}) > 1:
        lengths = [f"{name} of length {len(ids)}" for name, ids in checked.items()]
        raise ArgumentError(
            f"{', '.join(checked)} must be of the same length. Received: {', '.join(lengths)}. "
            "Pass a class id for each image."
        )
    return list(checked.values())


def check_range_of_ids(name: str, ids: NDArray, num_classes: int) -> None:
    """Check that class ids are from 0 to num_classes − 1.

    Args:
        name: The name of the argument, for the message.
        ids: Class ids, int [n].
        num_classes: The number of classes.

    Raises:
        ArgumentError: An id is not in this range.

    Example:
        >>> check_range_of_ids("labels", np.array([0, 1]), num_classes=2)
    """
    outside = np.flatnonzero((ids < 0) | (ids >= num_classes))
    if outside.size:
        raise ArgumentError(
            f"{name} must be class ids from 0 to {num_classes - 1}. Received: {ids[outside[0]]} at "
            f"index {outside[0]}. Pass a larger num_classes, or number the classes from 0."
        )


def _checked_confusion(confusion: ArrayLike) -> NDArray[np.int64]:
    confusion = np.asarray(confusion)
    if (
        confusion.ndim != 2
        or confusion.shape[0] != confusion.shape[1]
        or confusion.size == 0
        or confusion.dtype.kind not in "iu"
        or confusion.min() < 0
    ):
        raise ArgumentError(
            "confusion must be counts, integers of 0 or more, [classes, classes]. "
            f"Received: {confusion.dtype} of shape {confusion.shape}:\n{confusion}\n"
            "Make the counts with zoo.metrics.confusion_matrix."
        )
    return confusion.astype(np.int64, copy=False)
