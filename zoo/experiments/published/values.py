"""The values that a report published, as they stand in the file of an experiment."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.text import did_you_mean

SPLITS = ("train", "validation", "test")
MEASURES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
"""Name of a measure in the file of an experiment → its name in the table of results."""

COMMITTEE = "committee"
"""The name of the members together, where they vote."""

UNKNOWN = "unknown"
"""The value of a number that the report has, and that is not known here."""


@dataclass(frozen=True)
class Published:
    """A value that the report published.

    Args:
        member: The name of the member, or `"committee"`.
        split: The split that the value is for.
        value: The value in percent, with the decimals that the report gives: `"46.9"`.
            `"unknown"`: the report has a value, which is not known here.
        source: Where the value stands, and how it was read.
        n: The number of images; None if the report does not give it.
        or_more: Whether the report only says that the accuracy is above the value.
        chosen_on_test: Whether the report chose settings or epochs on the test images, so that its
            value is too high.
        at: Name of each setting that the sweep varies → the value for which the report published
            the accuracy. Empty for the best trial, and for members without a sweep.
        measure: `"accuracy"`, `"precision"`, `"recall"` or `"f1"`.
        of: The name of the class that the measure is of. Empty for the mean over the classes.
    """

    member: str
    split: str
    value: str
    source: str
    n: int | None = None
    or_more: bool = False
    chosen_on_test: bool = False
    at: Mapping[str, Any] = field(default_factory=dict)
    measure: str = "accuracy"
    of: str = ""

    def __post_init__(self) -> None:
        for name, known in (("split", SPLITS), ("measure", [*MEASURES])):
            value = getattr(self, name)
            if value not in known:
                raise ArgumentError(
                    f"published.{name} must be one of {', '.join(known)}. Received: {value!r}"
                    f"{did_you_mean(str(value), known)}"
                )
        if self.of and self.measure == "accuracy":
            raise ArgumentError(
                "published.of must come with a measure of a single class. Received: "
                f'{self.of!r}, with the accuracy. Write measure = "recall".'
            )
        if self.n is not None:
            whole_number("published.n", self.n, 1)
        if self.is_known and not 0 <= self._percentage() <= 100:
            raise ArgumentError(
                "published.value must be a text with a number of percent, from 0 to 100, or "
                f'"unknown". Received: {self.value!r}. Write "46.9", with the decimals of the '
                "report."
            )

    def _percentage(self) -> float:
        try:
            return float(self.value) if isinstance(self.value, str) else math.nan
        except ValueError:
            return math.nan

    @property
    def is_known(self) -> bool:
        """Whether the value is known here."""
        return self.value != UNKNOWN

    @property
    def result(self) -> str:
        """The name of the result that is compared with the value: that of a member or a trial."""
        return result_name(self.member, self.at)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value that are written so, as fractions.

        Example:
            >>> Published("mlp", "test", "46.9", "the report").range
            (0.4685, 0.4695)
        """
        half = 0.5 * 10.0 ** -len(self.value.partition(".")[2])
        high = 100.0 if self.or_more else float(self.value) + half
        low = float(self.value) if self.or_more else float(self.value) - half
        return round(max(low, 0) / 100, 9), round(min(high, 100) / 100, 9)

    def __str__(self) -> str:
        if not self.is_known:
            return "not known here"
        return f"{'> ' if self.or_more else ''}{self.value} %"


def result_name(member: str, settings: Mapping[str, Any]) -> str:
    """Give the name of the result of a member, or of the trial of a sweep with these settings.

    Example:
        >>> result_name("mlp", {"learning_rate": 5e-4, "hidden": [512, 64]})
        'mlp, learning_rate=0.0005, hidden=512-64'
    """
    words = (f"{name}={value_word(value)}" for name, value in settings.items())
    return ", ".join([member, *words])


def value_word(value: Any) -> str:
    """Write the value of a setting as a word; a drawn number of many digits gets three of them.

    Example:
        >>> value_word([512, 64]), value_word(0.5), value_word(0.00011977759384712295)
        ('512-64', '0.5', '0.00012')
    """
    if isinstance(value, list):
        return "-".join(map(str, value))
    word = str(value)
    return f"{value:.3g}" if isinstance(value, float) and len(word) > 10 else word
