"""The results of an experiment: accuracies of all seeds beside the published values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult

from zoo.experiments.definition import Experiment
from zoo.experiments.published.confusion import class_id, image_noise, measure_confusion
from zoo.experiments.published.values import MEASURES, Published
from zoo.experiments.published.verdict import Verdict, judge
from zoo.experiments.sweeps.trials import SweepResult
from zoo.experiments.views import measuring
from zoo.experiments.views.measuring import Measurement
from zoo.text import for_markdown, markdown_table, rich_table, terminal_text, wrapped

SWEEP_NOTE = (
    "In the table of trials, the accuracy on the training images is the mean over the last epoch, "
    "while the weights change; above, the trained weights are judged."
)
HEADER = ("", "split", "published", "here, in %", "n", "seeds", "seconds", "verdict")


@dataclass(frozen=True)
class SeedResult:
    """The result of the training with one seed.

    Attributes:
        seed: The seed.
        seconds: How long the training of all members together took. If the training was stopped in
            between, only the time since then.
        is_resumed: Whether the training was stopped in between.
        confusion: Name of a result: of a member, of `"committee"`, or of a trial of a sweep → name
            of a split → confusion matrix, counts with a row for each true class.
        class_names: Name of each class.
        fingerprint: Name of a split → checksum of the images.
    """

    seed: int
    seconds: float
    is_resumed: bool
    confusion: dict[str, dict[str, list[list[int]]]]
    class_names: list[str]
    fingerprint: dict[str, str]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SeedResult:
        """Make the result of the values of `dataclasses.asdict`."""
        classes = len(values["class_names"])
        confusion = {
            result: {split: _counts(matrix, classes) for split, matrix in splits.items()}
            for result, splits in values["confusion"].items()
        }
        if len({frozenset(splits) for splits in confusion.values()}) > 1:
            raise ValueError("its results are of different splits")
        seconds = float(values["seconds"])
        return cls(**{**values, "seconds": seconds, "confusion": confusion})

    def joined_with(self, other: SeedResult) -> SeedResult:
        """Add the results of other members with the same seed."""
        return replace(
            self,
            seconds=self.seconds + other.seconds,
            is_resumed=self.is_resumed or other.is_resumed,
            confusion={**self.confusion, **other.confusion},
        )


def _counts(matrix: Any, classes: int) -> list[list[int]]:
    """Take a confusion matrix from a file."""
    counts = np.array(matrix).reshape(classes, classes)
    if counts.dtype.kind != "i" or (counts < 0).any():
        raise ValueError("a confusion matrix has other values than counts")
    return counts.tolist()


@dataclass(frozen=True)
class Row:
    """A row of the table: a measure of a member on a split, with the published value if known.

    Attributes:
        result: The name of the member, of `"committee"`, or of a trial of the sweep.
        split: The name of the split.
        values: The measure with each seed, fractions.
        image_interval: The 95 % interval of the mean over the seeds, for other images.
        n: The number of images of the split, also where each seed holds out other images: the same
            images occur in several splits, so the splits are not independent.
        measure: The name of the measure.
        of: The class that the measure is of; empty for the mean over the classes.
        published: The published value, or None.
        verdict: How the two compare, or None.
    """

    result: str
    split: str
    values: tuple[float, ...]
    image_interval: tuple[float, float]
    n: int
    measure: str = "accuracy"
    of: str = ""
    published: Published | None = None
    verdict: Verdict | None = None

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return sum(self.values) / len(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval: that for other images, widened by the variance over the seeds."""
        low, high = self.image_interval
        k = len(self.values)
        if k == 1:
            return low, high
        spread = sum((value - self.mean) ** 2 for value in self.values) / (k - 1) / k
        down, up = (math.hypot(end - self.mean, 1.96 * spread**0.5) for end in (low, high))
        return max(self.mean - down, 0.0), min(self.mean + up, 1.0)

    def label(self, remarks: Mapping[str, str]) -> str:
        """Name the result and its measure, such as `"mlp, F1 of happy"`.

        Args:
            remarks: Name of a result → what is said of it in parentheses.
        """
        name = self.result + (f" ({remarks[self.result]})" if self.result in remarks else "")
        if self.measure == "accuracy":
            return name
        return f"{name}, {MEASURES[self.measure]} of {self.of or 'the classes, mean'}"


@dataclass(frozen=True)
class Reproduction:
    """An experiment that was run again.

    Attributes:
        experiment: The experiment.
        seeds: The result of each seed.
        folder: The run folder.
        quick: Whether the run was a trial on a few images, which says nothing about the report.
        figures: The pictures that were drawn.
        sweep: The trials of the sweep, if the experiment has a sweep.
        measured: What else was measured, on the networks of the first seed.
    """

    experiment: Experiment
    seeds: tuple[SeedResult, ...]
    folder: Path
    quick: bool = False
    figures: tuple[Path, ...] = ()
    sweep: SweepResult | None = None
    measured: tuple[Measurement, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """The rows of the table: the published values first, then what else was measured."""
        results, experiment = self.seeds[0].confusion, self.experiment
        rows = [
            self._row(value.result, value.split, value)
            for value in experiment.published
            if value.split in results[value.result]
        ]
        named = {(row.result, row.split) for row in rows}
        for result, splits in results.items():
            rows += [self._row(result, split) for split in splits if (result, split) not in named]
        order = [*results]
        return sorted(rows, key=lambda row: order.index(row.result))

    def _row(self, result: str, split: str, published: Published | None = None) -> Row:
        measure = published.measure if published else "accuracy"
        of = published.of if published else ""
        position = class_id(of, self.seeds[0].class_names)
        matrices = np.array([seed.confusion[result][split] for seed in self.seeds])
        values = tuple(measure_confusion(matrices, measure, position).tolist())
        n = int(matrices[0].sum())
        low, high, variance = image_noise(matrices.mean(axis=0), measure, position)
        verdict = None
        if published is not None and published.is_known and not self.quick:
            verdict = judge(
                values,
                n,
                published.range,
                published.n,
                self.experiment.protocol.tolerance / 100,
                None if measure == "accuracy" else variance,
            )
        return Row(result, split, values, (low, high), n, measure, of, published, verdict)

    def notes(self) -> list[str]:
        """Say what a reader must know about the table."""
        experiment = self.experiment
        notes = []
        if self.quick:
            notes.append(
                "A trial on a few images and one epoch: it shows that the experiment runs, and its "
                "accuracies mean nothing."
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
        if any(value.n is None and value.is_known for value in experiment.published):
            notes.append(
                "Published values without n: the report does not give the number of images. The "
                "test takes as many as here."
            )
        if any(not value.is_known for value in experiment.published):
            notes.append(
                "Where a published value is not known here, the report has it, but only its tables "
                "would tell; so there is no verdict."
            )
        if any(row.verdict and row.measure != "accuracy" for row in self.rows):
            notes.append(
                "For precision, recall and F1 the test takes the report's value to vary over "
                "images as much as the value here."
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
        if self.sweep:
            notes += [self.sweep.sentence(), SWEEP_NOTE]
        return [*notes, *self.comparisons(), *experiment.differs]

    def comparisons(self) -> list[str]:
        """Compare the member that the experiment names with each of the others, seed by seed.

        Returns:
            A sentence for each other member, with the mean difference of the accuracies on the test
            images and its 95 % interval by Student's t of the differences within each seed. Nothing
            if the experiment names no member.
        """
        name, confusion = self.experiment.compared, self.seeds[0].confusion
        if not name or len(self.seeds) == 1 or "test" not in confusion[name]:
            return []
        from scipy.stats import ttest_rel  # imported here, since the import is slow

        points = {
            result: [100 * value for value in self._row(result, "test").values]
            for result in confusion
        }
        sentences = []
        for other in [result for result in points if result != name]:
            differences = np.subtract(points[name], points[other])
            low, high = ttest_rel(points[name], points[other]).confidence_interval()
            better = int((differences > 0).sum())
            sentences.append(
                f"{name} against {other} on the test images: {differences.mean():+.1f} points "
                f"[{low:+.1f}, {high:+.1f}] for other seeds (paired, Student's t), better "
                f"with {better} of {len(self.seeds)} seeds."
            )
        return sentences

    def table_rows(self) -> list[list[str]]:
        """Write the cells of the table, below the columns `HEADER`."""
        # The members train together, so the seconds are those of all.
        seconds = f"{sum(result.seconds for result in self.seeds):,.0f}"
        cells = []
        remarks = self.sweep.remarks() if self.sweep else {}
        for row in self.rows:
            published = "–"
            if row.published and not row.published.is_known:
                published = str(row.published)
            elif row.published:
                count = f"n = {row.published.n:,}" if row.published.n else "n not given"
                published = f"{row.published}, {count}"
            low, high = row.interval
            here = f"{100 * row.mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
            told = str(row.verdict or "–")
            n, seeds = f"{row.n:,}", str(len(self.seeds))
            cells.append([row.label(remarks), row.split, published, here, n, seeds, seconds, told])
            seconds = "″"
        return cells

    def to_markdown(self) -> str:
        """Give the title, the table and the notes as Markdown text."""
        notes = "".join(f"- {note}\n" for note in self.notes())
        tables = [markdown_table(header, rows) for header, rows in self._tables()]
        if self.sweep:
            tables.append(self.sweep.to_markdown().strip())
        return for_markdown("\n\n".join([f"## {self._title()}", *tables, notes]))

    def to_dict(self) -> dict[str, Any]:
        """Give the results as JSON values; accuracies are fractions."""
        return {
            "experiment": self.experiment.name,
            "quick": self.quick,
            "rows": [
                {
                    "result": row.result,
                    "split": row.split,
                    "measure": row.measure,
                    "of": row.of,
                    "value": row.mean,
                    "interval": list(row.interval),
                    "values": list(row.values),
                    "n": row.n,
                    "published": row.published and asdict(row.published),
                    "verdict": row.verdict and {"text": str(row.verdict), **asdict(row.verdict)},
                }
                for row in self.rows
            ],
            "sweep": self.sweep and asdict(self.sweep),
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
        tables = self._tables()
        if not tables:
            yield terminal_text(self._title())
        for number, (header, rows) in enumerate(tables):
            title = None if number else self._title()
            yield rich_table(header, rows, title=title, right=False)
        if self.sweep:
            yield self.sweep
        for note in self.notes():
            yield terminal_text(wrapped(note, options.max_width), overflow="ignore")
