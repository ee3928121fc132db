"""The trials of a sweep, as the results of an experiment hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from zoo.experiments.published.values import value_word
from zoo.text import markdown_table, rich_table

SHOWN_TRIALS = 20
"""The number of trials in the table."""

SHOWN_NEAR = 6
"""The number of trials that a sentence names."""


@dataclass(frozen=True)
class TrialResult:
    """A trial of a sweep. Accuracies are means over the seeds, deviations those over the seeds.

    Attributes:
        settings: Name of each setting that varies → value.
        train: The accuracy on the training images, the mean over the last epoch.
        validation: The accuracy on the validation images.
        train_deviation: Its standard deviation; 0 of a single seed.
        validation_deviation: Its standard deviation; 0 of a single seed.
        remark: How the training ended early; empty if it did not.
    """

    settings: dict[str, Any]
    train: float
    validation: float
    train_deviation: float
    validation_deviation: float
    remark: str = ""

    @property
    def words(self) -> str:
        """The settings in words, such as `"l2=0.5, hidden=512-64"`."""
        return ", ".join(f"{name}={value_word(value)}" for name, value in self.settings.items())


@dataclass(frozen=True)
class SweepResult:
    """A sweep that was run. Print it for the table of its trials.

    Attributes:
        member: The name of the member whose settings vary. The result of this name is that of the
            best trial.
        trials: The trials, the best first.
        n: The number of validation images, which chose.
        near: The settings, in words, of the other trials that are not worse beyond chance.
    """

    member: str
    trials: tuple[TrialResult, ...]
    n: int
    near: list[str]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SweepResult:
        """Make the result of the values of `dataclasses.asdict`."""
        trials = tuple(TrialResult(**trial) for trial in values["trials"])
        return cls(values["member"], trials, values["n"], values["near"])

    def sentence(self) -> str:
        """Say which trial is the best, and how much of that is chance."""
        shown = "; ".join(self.near[:SHOWN_NEAR])
        hidden = len(self.near) - SHOWN_NEAR
        more = f" and {hidden} more" if hidden > 0 else ""
        return (
            f"{self.n:,} validation images chose the best of {len(self.trials)} trials, "
            f"{self.trials[0].words}, so its accuracy on them is too high. "
            f"Not worse beyond chance: {shown or 'no other trial'}{more}."
        )

    def remarks(self) -> dict[str, str]:
        """Say which trial stands for the member: name of the result → remark."""
        return {self.member: f"best of {len(self.trials)}: {self.trials[0].words}"}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Give the header and the rows of the table: the best trials, by their settings."""
        names = [*self.trials[0].settings]
        shown = sorted(self.trials[:SHOWN_TRIALS], key=_order)
        header = [*names, "training, in %", "validation, in %", ""]
        rows = []
        for trial in shown:
            remark = "best" if trial is self.trials[0] else trial.remark
            rows.append(
                [
                    *(value_word(trial.settings[name]) for name in names),
                    _score(trial.train, trial.train_deviation),
                    _score(trial.validation, trial.validation_deviation),
                    remark,
                ]
            )
        return header, rows

    def to_markdown(self) -> str:
        """Give the table as Markdown text."""
        header, rows = self.table()
        return "\n" + markdown_table(header, rows)

    def __rich__(self) -> RenderableType:
        header, rows = self.table()
        hidden = len(self.trials) - len(rows)
        title = f"{len(self.trials)} trials" + (f", {hidden} more are not shown" if hidden else "")
        return rich_table(header, rows, title=title, right=False)


def _order(trial: TrialResult) -> tuple[Any, ...]:
    """Sort by the settings: numbers by their size, other values by their words."""
    return tuple(
        (False, value, "") if isinstance(value, (int, float)) else (True, 0, value_word(value))
        for value in trial.settings.values()
    )


def _score(mean: float, deviation: float) -> str:
    """Write an accuracy in percent, with its deviation over the seeds."""
    if not math.isfinite(mean):
        return "–"
    return f"{100 * mean:.1f}" + (f" ± {100 * deviation:.1f}" if deviation else "")
