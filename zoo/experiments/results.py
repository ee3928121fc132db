"""The results of an experiment: accuracies of all seeds beside the published values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from zoo.experiments import measuring
from zoo.experiments.definition import Experiment, Published
from zoo.experiments.measuring import Measurement
from zoo.experiments.verdict import Verdict, judge
from zoo.metrics import accuracy_interval
from zoo.text import markdown_table, rich_table, wrapped

HEADER = ("", "split", "published", "here, in %", "n", "seeds", "seconds", "verdict")


@dataclass(frozen=True)
class SeedResult:
    """The result of the training with one seed.

    Attributes:
        seed: The seed.
        seconds: How long the training of all members together took. If the training was stopped in
            between, only the time since then.
        is_resumed: Whether the training was stopped in between.
        correct: Name of a member, or `"committee"` → name of a split → number of images that are
            classified correctly.
        images: Name of a split → number of images.
        fingerprint: Name of a split → checksum of the images.
    """

    seed: int
    seconds: float
    is_resumed: bool
    correct: dict[str, dict[str, int]]
    images: dict[str, int]
    fingerprint: dict[str, str]


@dataclass(frozen=True)
class Row:
    """A row of the table: a member on a split, with the published value if there is one.

    Attributes:
        member: The name of the member, or `"committee"`.
        split: The name of the split.
        accuracies: The accuracy of each seed, fractions.
        n: The number of images of the split, also where each seed holds out other images: the same
            images occur in several splits, so the splits are not independent.
        published: The published value, or None.
        verdict: How the two compare, or None.
    """

    member: str
    split: str
    accuracies: tuple[float, ...]
    n: int
    published: Published | None
    verdict: Verdict | None

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval: Wilson's for the images, widened by the variance over the seeds."""
        low, high = accuracy_interval(round(self.accuracy * self.n), self.n)
        k = len(self.accuracies)
        if k == 1:
            return low, high
        spread = sum((value - self.accuracy) ** 2 for value in self.accuracies) / (k - 1) / k
        down, up = (math.hypot(end - self.accuracy, 1.96 * spread**0.5) for end in (low, high))
        return max(self.accuracy - down, 0.0), min(self.accuracy + up, 1.0)


@dataclass(frozen=True)
class Reproduction:
    """An experiment that was run again.

    Attributes:
        experiment: The experiment.
        seeds: The result of each seed.
        folder: The run folder.
        quick: Whether the run was a trial on a few images, which says nothing about the report.
        figures: The pictures that were drawn.
        measured: What else was measured, on the networks of the first seed.
    """

    experiment: Experiment
    seeds: tuple[SeedResult, ...]
    folder: Path
    quick: bool = False
    figures: tuple[Path, ...] = ()
    measured: tuple[Measurement, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """The rows of the table: the published values first, then what else was measured."""
        experiment = self.experiment
        rows = [
            self._row(value.member, value.split, value)
            for value in experiment.published
            if value.split in self.seeds[0].images
        ]
        named = {(row.member, row.split) for row in rows}
        for member in self.seeds[0].correct:
            for split in experiment.judged_splits:
                if split in self.seeds[0].images and (member, split) not in named:
                    rows.append(self._row(member, split, None))
        order = [*self.seeds[0].correct]
        return sorted(rows, key=lambda row: order.index(row.member))

    def _row(self, member: str, split: str, published: Published | None) -> Row:
        accuracies = tuple(
            result.correct[member][split] / result.images[split] for result in self.seeds
        )
        n = self.seeds[0].images[split]
        verdict = None
        if published is not None and not self.quick:
            tolerance = self.experiment.protocol.tolerance / 100
            verdict = judge(accuracies, n, published.range, published.n, tolerance)
        return Row(member, split, accuracies, n, published, verdict)

    def notes(self) -> list[str]:
        """Say what a reader must know about the table."""
        experiment = self.experiment
        notes = []
        if self.quick:
            notes.append(
                "A trial on a few images and one epoch: it shows that the experiment runs, and "
                "says nothing about the report."
            )
        known = experiment.data.fingerprint if experiment.data else {}
        if (
            not self.quick
            and known
            and any(
                result.fingerprint != known
                for result in (self.seeds[:1] if experiment.protocol.new_splits else self.seeds)
            )
        ):
            notes.append(
                "The images are not those of the experiment's file, by their checksums: the files "
                "differ, or another decoder read them."
            )
        if any(value.n is None for value in experiment.published):
            notes.append(
                "Published values without n: the report does not give the number of images. The "
                "test takes as many as here."
            )
        if any(value.chosen_on_test for value in experiment.published):
            notes.append(
                "The report chose settings or epochs on the test images, so its values are too "
                "high."
            )
        if any(result.is_resumed for result in self.seeds):
            notes.append("A training was stopped in between: its seconds count from then on.")
        if experiment.members and len(self.seeds) == 1:
            notes.append(
                "One seed: the interval is for other test images, and not for another training."
            )
        return [*notes, *experiment.differs]

    def table_rows(self) -> list[list[str]]:
        """Write the cells of the table, below the columns `HEADER`."""
        # The members train together, so the seconds are those of all.
        seconds = f"{sum(result.seconds for result in self.seeds):,.0f}"
        cells = []
        for row in self.rows:
            published = "–"
            if row.published:
                count = f"n = {row.published.n:,}" if row.published.n else "n not given"
                published = f"{row.published}, {count}"
            low, high = row.interval
            here = f"{100 * row.accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
            told = str(row.verdict or "–")
            n, seeds = f"{row.n:,}", str(len(self.seeds))
            cells.append([row.member, row.split, published, here, n, seeds, seconds, told])
            seconds = "″"
        return cells

    def to_markdown(self) -> str:
        """Give the title, the table and the notes as Markdown text."""
        notes = "".join(f"- {note}\n" for note in self.notes())
        tables = [markdown_table(header, rows) for header, rows in self._tables()]
        return "\n\n".join([f"## {self._title()}", *tables, notes])

    def to_dict(self) -> dict[str, Any]:
        """Give the results as JSON values; accuracies are fractions."""
        return {
            "experiment": self.experiment.name,
            "quick": self.quick,
            "rows": [
                {
                    "member": row.member,
                    "split": row.split,
                    "accuracy": row.accuracy,
                    "interval": list(row.interval),
                    "accuracies": list(row.accuracies),
                    "n": row.n,
                    "published": row.published and asdict(row.published),
                    "verdict": row.verdict and {"text": str(row.verdict), **asdict(row.verdict)},
                }
                for row in self.rows
            ],
            "measured": [asdict(measurement) for measurement in self.measured],
            "seeds": [asdict(result) for result in self.seeds],
            "notes": self.notes(),
        }

    def _tables(self) -> list[tuple[Sequence[str], list[list[str]]]]:
        """The tables that have rows: accuracies, and other measurements."""
        others = [measurement.cells for measurement in self.measured]
        tables = [(HEADER, self.table_rows()), (measuring.HEADER, others)]
        return [(header, rows) for header, rows in tables if rows]

    def _title(self) -> str:
        return f"{self.experiment.report}: {self.experiment.title}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print the table and the notes."""
        for number, (header, rows) in enumerate(self._tables()):
            title = None if number else self._title()
            yield rich_table(header, rows, title=title, right=False)
        for note in self.notes():
            yield Text(wrapped(note, options.max_width), overflow="ignore")
