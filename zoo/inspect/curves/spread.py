"""Scores of several runs as arrays, with their mean and standard deviation."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArgumentError
from zoo.inspect.curves.histories import ModelHistory
from zoo.text import did_you_mean, percent
from zoo.training.scores import SCORES

PARTS = ("train", "validation")
"""The images that scores are measured on."""

PART_NAMES = {"train": "training images", "validation": "validation images"}


class RunScores(NamedTuple):
    """A score of one run after each epoch: lists of the same length, or an empty list.

    Attributes:
        train: The values on the training images; empty if the score was not measured on them.
        validation: The values on the validation images; empty if it was not measured on them.
    """

    train: list[float]
    validation: list[float]

    def __len__(self) -> int:
        return max(map(len, self))


def scores_of_all(histories: Sequence[ModelHistory], metric: str) -> list[RunScores]:
    """Take a score of several runs, measured on the same kinds of images.

    Args:
        histories: The histories of models.
        metric: The name of the score, such as `"accuracy"`.

    Returns:
        The values of each run.

    Raises:
        ArgumentError: A run has no such score, or not after each epoch, or some runs alone were
            validated.
    """
    scores = [scores_of(history, metric) for history in histories]
    for number, part in enumerate(PARTS):
        without = [history.name for history, values in zip(histories, scores, strict=True)
                   if not tuple(values)[number]]  # fmt: skip
        if 0 < len(without) < len(scores):
            raise ArgumentError(
                f"{metric} must be known on the {PART_NAMES[part]} for all runs, or for none. "
                f"Received: none of {without[0]}, and {len(scores) - len(without)} other runs with "
                "it. Leave out the runs without it."
            )
    return scores


def scores_of(history: ModelHistory, metric: str) -> RunScores:
    """Take a score of a run.

    Args:
        history: The history of a model.
        metric: The name of the score, such as `"accuracy"`.

    Returns:
        The values, epoch by epoch.

    Raises:
        ArgumentError: The history has no such score, or not after each epoch.

    Example:
        >>> scores_of(ModelHistory("a", {"loss": [2.0], "val_loss": [3.0]}), "loss")
        RunScores(train=[2.0], validation=[3.0])
    """
    train, validation = history.scores.get(metric, []), history.scores.get(f"val_{metric}", [])
    if metric.startswith("val_") or not (train or validation):
        known = sorted(
            {key.removeprefix("val_") for key, values in history.scores.items() if values}
        )
        plain = metric.removeprefix("val_").partition("/")[0]
        hint = f"; did you mean {plain!r}?" if plain in known else did_you_mean(metric, known)
        raise ArgumentError(
            f"metric must be a score of {history.name}: {', '.join(known)}. Received: {metric!r}"
            f"{hint} The scores on training and on validation images are both taken."
        )
    if train and validation and len(train) != len(validation):
        raise ArgumentError(
            f"{metric} must be known after each epoch, on training and on validation images. "
            f"Received: {len(train)} and {len(validation)} values of {history.name}. Validate "
            "after each epoch (validation_freq=1)."
        )
    return RunScores(train, validation)


def padded(
    rows: Sequence[Sequence[float]], starts: Sequence[int], width: int
) -> NDArray[np.float64]:
    """Write rows of different lengths into an array, with NaN where a row has no value.

    Args:
        rows: The values of each row.
        starts: The column of the first value of each row.
        width: The number of columns.

    Returns:
        float64 [rows, width].

    Example:
        >>> padded([[1, 2], [3]], starts=[0, 1], width=2)
        array([[ 1.,  2.],
               [nan,  3.]])
    """
    array = np.full((len(rows), width), np.nan)
    for row, values, start in zip(array, rows, starts, strict=True):
        row[start : start + len(values)] = values
    return array


def mean_over_runs(
    values: NDArray[np.float64], is_measured: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Average over the runs that have a value.

    Args:
        values: float64 [runs, columns].
        is_measured: Whether a run has a value, bool [runs, columns]. A measured value may be NaN,
            as the loss of a training that diverged; then the mean is NaN.

    Returns:
        float64 [columns]; NaN where no run has a value.

    Example:
        >>> values = np.array([[1.0, 2.0], [3.0, np.nan]])
        >>> mean_over_runs(values, np.array([[True, True], [True, False]]))
        array([2., 2.])
    """
    counts = is_measured.sum(axis=0)
    sums = np.where(is_measured, values, 0.0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def deviation_over_runs(
    values: NDArray[np.float64], is_measured: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compute the standard deviation of the runs that have a value, with n − 1 in the denominator.

    Args:
        values: As for `mean_over_runs`.
        is_measured: As for `mean_over_runs`.

    Returns:
        float64 [columns]; NaN where fewer than two runs have a value.

    Example:
        >>> values = np.array([[1.0, 2.0], [3.0, np.nan]])
        >>> deviation_over_runs(values, np.array([[True, True], [True, False]])).round(3)
        array([1.414,   nan])
    """
    counts = is_measured.sum(axis=0)
    with np.errstate(invalid="ignore"):  # the loss of a training that diverged may be infinite
        squares = (values - mean_over_runs(values, is_measured)) ** 2
    sums = np.where(is_measured, squares, 0.0).sum(axis=0)
    variance = np.divide(sums, counts - 1, out=np.full(len(counts), np.nan), where=counts > 1)
    return np.sqrt(variance)


def unit_of(metric: str) -> tuple[str, float]:
    """Give the label of an axis for a score, with its unit, and the factor to that unit.

    Args:
        metric: The name of a score.

    Example:
        >>> unit_of("accuracy"), unit_of("loss"), unit_of("top_5_accuracy")
        (('accuracy in %', 100.0), ('loss in nats', 1.0), ('top_5_accuracy in %', 100.0))
    """
    score = metric if metric in SCORES else metric.rpartition("_")[2]
    if score in SCORES and SCORES[score].write is percent:
        return f"{metric} in %", 100.0
    return ("loss in nats" if metric == "loss" else metric), 1.0


def is_better_high(metric: str, best: Any = None) -> bool:
    """Whether a high value of a score is better than a low value.

    Args:
        metric: The name of a score.
        best: `"max"` or `"min"` for a score that Zoo does not know; None for those it knows.

    Raises:
        ArgumentError: The score is not known, and `best` does not say.

    Example:
        >>> is_better_high("accuracy"), is_better_high("loss"), is_better_high("auc", "max")
        (True, False, True)
    """
    if best is None:
        score = metric if metric in SCORES else metric.rpartition("_")[2]
        best = SCORES[score].best if score in SCORES else None
    if best not in ("max", "min"):
        raise ArgumentError(
            f'best must be "max" or "min" for the metric {metric!r}. Received: {best!r}. Pass '
            'best="max" if a high value is better.'
        )
    return best == "max"
