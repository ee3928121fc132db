"""Confusion matrices of trained members: counting the answers, and measures with their noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.datasets import ImageData
from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.experiments.published.values import COMMITTEE
from zoo.metrics import accuracy_interval, confusion_matrix
from zoo.text import did_you_mean

RESAMPLES = 2000


def confusions(
    committee: Committee, data: ImageData, splits: Sequence[str], *, votes: bool = False
) -> dict[str, dict[str, list[list[int]]]]:
    """Count the answers of each member.

    Args:
        committee: The trained members.
        data: The images.
        splits: The names of the splits to judge on; those that `data` does not have are left out.
        votes: Whether to count the answers of the members together, too.

    Returns:
        Name of the member, or `"committee"` → name of the split → confusion matrix, counts with a
        row for each true class.
    """
    names = [*committee.member_names, *([COMMITTEE] if votes else [])]
    counted: dict[str, dict[str, list[list[int]]]] = {name: {} for name in names}
    for split_name in splits:
        if split_name not in data.splits:
            continue
        split = data.splits[split_name]
        probabilities = committee.member_probabilities(split)
        answers = [*probabilities, *([committee.rule(probabilities)] if votes else [])]
        for name, answer in zip(names, answers, strict=True):
            matrix = confusion_matrix(split.labels, answer.argmax(-1), len(data.class_names))
            counted[name][split_name] = matrix.tolist()
    return counted


def measure_confusion(confusion: ArrayLike, measure: str, of: int | None = None) -> Any:
    """Compute a measure of confusion matrices.

    Args:
        confusion: Counts, [..., classes, classes], a row for each true class.
        measure: `"accuracy"`, `"precision"`, `"recall"` or `"f1"`.
        of: The id of the class. None takes the mean over the classes that occur, as a true or as a
            predicted class.

    Returns:
        The measure, float64 [...], a fraction. A quotient 0 / 0 counts as 0.

    Example:
        >>> confusion = [[3, 1], [0, 4]]
        >>> float(measure_confusion(confusion, "precision", of=1))
        0.8
        >>> float(measure_confusion(confusion, "accuracy"))
        0.875
    """
    counts = np.asarray(confusion, np.float64)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    if measure == "accuracy":
        return _ratio(right.sum(axis=-1), counts.sum(axis=(-2, -1)))
    wholes = {"precision": predicted, "recall": true, "f1": (true + predicted) / 2}
    values = _ratio(right, wholes[measure])
    if of is not None:
        return values[..., of]
    return _ratio(values.sum(axis=-1), ((true + predicted) > 0).sum(axis=-1))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Any:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)


def class_id(name: str, class_names: Sequence[str]) -> int | None:
    """Give the id of a class; None for an empty name.

    Raises:
        ArgumentError: There is no such class.

    Example:
        >>> class_id("happy", ["angry", "happy"])
        1
    """
    if not name:
        return None
    if name not in class_names:
        raise ArgumentError(
            f"published.of must be one of the classes {', '.join(class_names)}. Received: {name!r}"
            f"{did_you_mean(name, class_names)} Correct the file."
        )
    return [*class_names].index(name)


def image_noise(
    confusion: ArrayLike, measure: str, of: int | None = None
) -> tuple[float, float, float]:
    """Tell how much a measure would differ on other images of the same kind.

    For the accuracy this is Wilson's interval and the binomial variance. For other measures,
    matrices of as many images are drawn from the shares of the cells (a parametric bootstrap).

    Args:
        confusion: Counts, [classes, classes]. The mean over seeds need not be whole numbers.
        measure: As for `measure_confusion`.
        of: As for `measure_confusion`.

    Returns:
        The ends of the 95 % interval, and the variance of the measure times the number of images.
    """
    counts = np.asarray(confusion, np.float64)
    n = round(counts.sum())
    value = float(measure_confusion(counts, measure, of))
    if measure == "accuracy":
        return *accuracy_interval(round(value * n), n), value * (1 - value)
    drawn = np.random.default_rng(0).multinomial(n, (counts / counts.sum()).ravel(), RESAMPLES)
    values = measure_confusion(drawn.reshape(RESAMPLES, *counts.shape), measure, of)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high), float(values.var(ddof=1)) * n
