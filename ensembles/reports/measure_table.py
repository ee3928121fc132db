"""The table of measures: every number that says how good a member or a committee is.

JSON, the terminal, Markdown, TensorBoard and the model card draw their numbers from `MEASURES`, so
a new measure is one more line there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.calibration import BINS
from zoo.ensembles.measures.scores import Scores, scores
from zoo.errors import ArgumentError, DataError
from zoo.metrics import Accuracy, accuracy, confusion_matrix, macro_f1
from zoo.text import percent

Value: TypeAlias = Accuracy | Estimate | float
"""The value of a measure: a number, with an interval where the measure has one."""

Place: TypeAlias = Literal["scores", "leaderboard", "calibration", "variation", "cost"]
"""The table in which a measure is a column: the scores of members and committee, the leaderboard,
or one of the leaderboard's further tables: calibration errors, variation of the accuracy, cost."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The probabilities that a member or a committee gives, and values that several measures share.

    Attributes:
        labels: True class ids, int [n].
        probabilities: Probabilities, float [n, classes].
        known: Values that do not follow from these answers alone: name of a measure → value.

    Example:
        >>> Answers(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])).predictions
        array([0, 0])
    """

    labels: np.ndarray
    probabilities: np.ndarray
    known: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def predictions(self) -> np.ndarray:
        """The most probable class of each image, int [n]."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confusion(self) -> np.ndarray:
        """The confusion matrix, int64 [classes, classes], a row for each true class."""
        return confusion_matrix(self.labels, self.predictions, self.probabilities.shape[1])

    @cached_property
    def scores(self) -> Scores:
        """Log loss, Brier score and calibration error, the last in bins of equal width."""
        return scores(self.probabilities, self.labels, bins=BINS)

    @cached_property
    def scores_equal_mass(self) -> Scores:
        """The same scores, with the calibration error in bins of equally many images."""
        return scores(self.probabilities, self.labels, bins=BINS, binning="mass")


@dataclass(frozen=True)
class Measure:
    """A measure of how good answers are.

    Args:
        title: Heading of the measure's column, with the unit. For numbers with an interval that
            are fractions, the unit is %.
        compute: Function from `Answers` to the value, or to None if the value is not known.
        place: Table in which the measure is a column. JSON, TensorBoard and the model card hold
            the measures of all tables.
        fraction: Whether the value is a fraction from 0 to 1, which is shown in %.
        digits: How a plain number is written, as in `format`.

    Raises:
        ArgumentError: There is no such table.

    Example:
        >>> Measure("error", lambda answers: 1 - answers.scores.accuracy.value).text(0.25)
        '25.0 %'
    """

    title: str
    compute: Callable[[Answers], Value | None]
    place: Place = "scores"
    fraction: bool = True
    digits: str = ".2f"

    def __post_init__(self) -> None:
        if self.place not in get_args(Place):
            raise ArgumentError(
                f"place must be one of {', '.join(get_args(Place))}. Received: {self.place!r}."
            )

    def text(self, value: Value) -> str:
        """Write a value of this measure, with its interval if there is one."""
        if isinstance(value, (Accuracy, Estimate)):
            numbers = value.value, value.low, value.high
            middle, low, high = (
                f"{100 * number:.1f}" if self.fraction else f"{number:.2f}" for number in numbers
            )
            return f"{middle} [{low}, {high}]"
        return percent(value) if self.fraction else f"{value:{self.digits}}"


def _known(name: str) -> Callable[[Answers], Value | None]:
    """Give the function that reads a value which does not come from the answers."""
    return lambda answers: answers.known.get(name)


MEASURES: dict[str, Measure] = {
    "accuracy": Measure(
        "accuracy in %",
        lambda answers: accuracy(answers.labels, answers.predictions),
        "leaderboard",
    ),
    "macro_f1": Measure("macro F1", lambda answers: macro_f1(answers.confusion)),
    "negative_log_likelihood": Measure(
        "NLL in nats",
        lambda answers: answers.scores.negative_log_likelihood,
        "leaderboard",
        fraction=False,
    ),
    "brier": Measure(
        "Brier score", lambda answers: answers.scores.brier, "leaderboard", fraction=False
    ),
    "calibration_error": Measure(
        "ECE in %, bins of equal width",
        lambda answers: answers.scores.calibration_error,
        "calibration",
    ),
    "calibration_error_mass": Measure(
        "ECE in %, bins of equal mass",
        lambda answers: answers.scores_equal_mass.calibration_error,
        "calibration",
    ),
    "training_deviation": Measure("by another training", _known("training_deviation"), "variation"),
    "image_deviation": Measure("by other test images", _known("image_deviation"), "variation"),
    "total_deviation": Measure("by both", _known("total_deviation"), "variation"),
    "training_seconds": Measure(
        "training in s",
        _known("training_seconds"),
        "cost",
        fraction=False,
        digits=",.1f",
    ),
    "milliseconds_an_image": Measure(
        "predicting in ms an image",
        _known("milliseconds_an_image"),
        "cost",
        fraction=False,
        digits=".2g",
    ),
    "worth": Measure(
        "worth in independent members",
        _known("worth"),
        "cost",
        fraction=False,
        digits=".1f",
    ),
}
"""Name of a measure, which is its key in JSON and its tag in TensorBoard → the measure."""


def measure(answers: Answers) -> dict[str, Value]:
    """Compute every measure of the table whose value is known.

    Args:
        answers: The answers of a member or a committee.

    Returns:
        Name of the measure → its value.

    Example:
        >>> values = measure(Answers(np.array([0, 1]), np.eye(2)))
        >>> values["macro_f1"], values["accuracy"].n
        (1.0, 2)
    """
    values = {name: entry.compute(answers) for name, entry in MEASURES.items()}
    return {name: value for name, value in values.items() if value is not None}


def number(value: Value) -> float:
    """Take the number itself from a value, without its interval.

    Example:
        >>> number(Estimate(0.5, 0.4, 0.6)), number(0.25)
        (0.5, 0.25)
    """
    return float(value.value if isinstance(value, (Accuracy, Estimate)) else value)


def check_are_numbers(names: Sequence[str], probabilities: np.ndarray) -> None:
    """Refuse members whose probabilities are no numbers, as after a training that diverged.

    Args:
        names: Name of each member.
        probabilities: float [members, n, classes].

    Raises:
        DataError: Probabilities of a member are not numbers.
    """
    for name, values in zip(names, probabilities, strict=True):
        if not np.isfinite(values).all():
            raise DataError(
                f"Probabilities of members must be numbers. Received: nan or inf from {name}, as "
                "after a training that diverged. Train this member again with a lower learning "
                "rate, or leave it out."
            )
