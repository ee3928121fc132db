"""The report: how good members and committee are, and whether the difference is luck."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult

from zoo.augmentation.views import Views
from zoo.datasets.split import Split
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.precision_recall import ThresholdCounts, threshold_counts
from zoo.ensembles.measures.significance import PairedTest
from zoo.ensembles.provenance import Overlap, Provenance
from zoo.ensembles.reports.analysis import Analysis, analyse
from zoo.ensembles.reports.figures import PANEL, draw_accuracies, draw_classes, figure_of_lists
from zoo.ensembles.reports.html_sections import sections_of_report
from zoo.ensembles.reports.leaderboard import (
    Leaderboard,
    LeaderboardRow,
    answers_by_rule,
    make_leaderboard,
)
from zoo.ensembles.reports.leaks import LeakSearch, search_leaks
from zoo.ensembles.reports.measure_table import Answers, check_are_numbers, measure, number
from zoo.ensembles.reports.saving import as_json, save_as
from zoo.ensembles.reports.tables import (
    MOST_CONFUSIONS,
    Table,
    class_table,
    commonest_confusions,
    confusion_table,
    score_table,
)
from zoo.ensembles.reports.training_record import TrainingRecord
from zoo.metrics import Accuracy, ClassScore, confusion_matrix, per_class
from zoo.pages.frame import Section, fragment, whole_page
from zoo.plots import confusion_figure, confusion_side, draw_confusion
from zoo.tensorboard import TensorBoardLog, run_folder
from zoo.text import as_plain_text, for_markdown, for_picture, json_text, terminal_text, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Score = LeaderboardRow
"""The earlier name of `LeaderboardRow`."""


@dataclass(frozen=True)
class Report:
    """The results of a committee and its members on images that no member was trained on.

    Attributes:
        split: Name of the split.
        voting: Name of the rule of the committee.
        members: Row of each member on the leaderboard, in the order of the members.
        committee: Row of the committee.
        class_names: Name of each class.
        confusion: Confusion matrix of the committee, int64 [classes, classes], a row for each true
            class.
        classes: Precision, recall and F1 of the committee for each class.
        leaderboard: Members, the committee and other rules, with all measures, and the verdict.
        analysis: How the members differ, what each contributes, and how sure the committee is.
        validation: Name of a member, or `"committee"` → accuracy on the validation images of the
            training, where it is known; a plain number if the number of images is not known.
        leak_search: Accuracy with and without images that nearly stand among the training images.
        threshold_counts: Name of a member, or `"committee"` → how many images each class is found
            in, at many thresholds of its probability: the curves of precision and recall.

    Example:
        >>> import numpy as np
        >>> from zoo.datasets.split import as_split
        >>> split = as_split(np.zeros((4, 8, 8, 1), "uint8"), [0, 0, 1, 1], name="test")
        >>> votes = np.eye(2)[[[0, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 1]]]
        >>> report = make_report(split, ["a", "b", "c"], votes)
        >>> print(report.committee.accuracy)
        100.0 % [51.0, 100.0], n = 4
        >>> report.best_member, report.comparison.p_value
        ('a', 1.0)
    """

    split: str
    voting: str
    members: tuple[LeaderboardRow, ...]
    committee: LeaderboardRow
    class_names: tuple[str, ...]
    confusion: np.ndarray
    classes: tuple[ClassScore, ...]
    leaderboard: Leaderboard
    analysis: Analysis
    validation: Mapping[str, Accuracy | float] = field(default_factory=dict, hash=False)
    leak_search: LeakSearch = field(default_factory=LeakSearch, hash=False)
    threshold_counts: Mapping[str, ThresholdCounts] = field(
        default_factory=dict, hash=False, repr=False
    )

    @property
    def best_member(self) -> str:
        """The name of the member that the committee is compared with."""
        return self.leaderboard.best_member

    @property
    def chosen_on(self) -> str:
        """The images on which this member is the best: `"validation"` or `"these images"`."""
        return self.leaderboard.chosen_on

    @property
    def comparison(self) -> PairedTest | None:
        """McNemar's exact test of the committee against this member; None for a single member."""
        return self.leaderboard.comparison

    @property
    def trained_on(self) -> int:
        """The number of images that some member was trained on, pixel for pixel."""
        return self.leaderboard.trained_on

    @property
    def tuned_on(self) -> int:
        """The number of images that chose when to stop, members, weights or a temperature."""
        return self.leaderboard.tuned_on

    @property
    def scores(self) -> tuple[LeaderboardRow, ...]:
        """The rows of the members, and that of the committee after them if there are several."""
        return (*self.members, self.committee) if self.comparison else self.members

    def verdict(self) -> str:
        """Say whether the committee is better than its best member, and whether this is luck.

        For a single model, say how good the model is.

        Returns:
            A few plain sentences.
        """
        return self.leaderboard.sentence()

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON values; fractions are from 0 to 1."""
        board = self.leaderboard.to_dict()
        return {
            "split": self.split,
            "voting": self.voting,
            "members": [as_json({"name": row.name, **row.values}) for row in self.members],
            "committee": as_json({"name": self.committee.name, **self.committee.values}),
            "class_names": list(self.class_names),
            "confusion": self.confusion.tolist(),
            "classes": as_json(self.classes),
            **{key: board[key] for key in SHARED},
            "leaderboard": board,
            "analysis": self.analysis.to_dict(),
            "validation": as_json(dict(self.validation)),
            "verdict": self.verdict(),
            "leaks": self.leak_search.to_dict(),
        }

    def to_json(self) -> str:
        """Give the report as JSON text."""
        return json_text(self.to_dict(), indent=2)

    def to_markdown(self) -> str:
        """Give the report as Markdown text."""
        title = "Committee report" if self.comparison else "Report"
        lines = [f"# {title}: {self.split}", "", self.verdict(), ""]
        lines += [self.leak_search.sentence(), ""]
        for table in self._tables():
            lines += [f"## {table.title}", "", table.to_markdown(), ""]
        return for_markdown("\n".join(lines))

    def to_html(self) -> str:
        """Give the report as an HTML page: one file that loads nothing else.

        Returns:
            The text of the file, with tables, pictures and the verdict.
        """
        title = "Committee report" if self.comparison else "Report"
        return whole_page(f"{title}: {self.split}", self.html_sections())

    def html_sections(self) -> list[Section]:
        """Give the sections of an HTML page: see `sections_of_report`."""
        scores, classes, _ = self._own_tables()
        return sections_of_report(
            self.scores,
            (scores, classes),
            self.classes,
            self.confusion,
            self.leaderboard,
            self.analysis,
        )

    def plot(self) -> Figure:
        """Draw accuracies with intervals, the confusion matrix, and the scores of the classes.

        Returns:
            A matplotlib figure.
        """
        matrix = max(PANEL, confusion_side(self.confusion, self.class_names))
        names = [for_picture(row.name) for row in self.scores]
        widths = (PANEL + 0.075 * max(map(len, names))) / matrix, 1, max(0.9 * PANEL / matrix, 0.4)
        verdict = textwrap.wrap(self.verdict(), int(13 * matrix * sum(widths)))
        header = 0.4 + 0.16 * len(verdict)
        figure, (left, middle, right) = figure_of_lists(
            1 + 0.42 * len(names), matrix, header, widths
        )
        figure.suptitle("\n".join(verdict), fontsize="small", parse_math=False)
        name = names[-1]
        title = f"{name}, {self.split} (n = {self.leaderboard.n:,})"
        draw_accuracies(left, [(row.name, row.values) for row in self.scores])
        draw_confusion(middle, self.confusion, self.class_names, title)
        draw_classes(right, self.classes, f"{name}, class by class")
        return figure

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report.

        Args:
            path: Path of the file; the suffix decides the format: `.json`, `.md`, `.html` or
                `.png`.

        Returns:
            The path.

        Raises:
            ArgumentError: The path ends in another suffix.
            RunError: The file could not be written.
        """
        return save_as(
            path,
            {
                ".json": lambda file: file.write_text(self.to_json() + "\n", "utf-8"),
                ".md": lambda file: file.write_text(self.to_markdown(), "utf-8"),
                ".html": lambda file: file.write_text(self.to_html(), "utf-8"),
                ".png": lambda file: self.plot().savefig(file),
            },
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in self._tables(wide=len(self.class_names) <= MOST_CONFUSIONS):
            yield table.to_rich(bold="committee")
            yield ""
        for sentences in (self.verdict(), self.leak_search.sentence()):
            yield terminal_text(wrapped(sentences, options.max_width), overflow="ignore")

    def __str__(self) -> str:
        return as_plain_text(self)

    def _repr_html_(self) -> str:
        """Show the report in a notebook."""
        return fragment(*(part for section in self.html_sections() for part in section.parts))

    def _tables(self, wide: bool = True) -> list[Table]:
        """Give all tables; without `wide`, the list of confusions instead of the matrix."""
        return [*self._own_tables(wide), *self.leaderboard.tables(), *self.analysis.tables()]

    def _own_tables(self, wide: bool = False) -> list[Table]:
        """Give the tables of scores, of classes and of confusions."""
        name = self.scores[-1].name
        rule = f" ({self.voting} vote)" if self.comparison else ""
        scores = [(row.name, row.values) for row in self.scores]
        confusions = confusion_table if wide else commonest_confusions
        return [
            score_table(f"Accuracy on {self.split}{rule}", scores, self.validation),
            class_table(self.classes, self.confusion, self.committee.accuracy, name),
            confusions(self.confusion, self.class_names, name),
        ]


SHARED = ("best_member", "chosen_on", "comparison", "trained_on", "tuned_on", "views")
"""Keys of the leaderboard's JSON that the report's JSON holds too."""


def make_report(
    split: Split,
    member_names: Sequence[str],
    probabilities: np.ndarray,
    *,
    rule: Rule | None = None,
    validation_accuracy: Sequence[float] | None = None,
    validation: Mapping[str, Accuracy] | None = None,
    elsewhere: np.ndarray | None = None,
    overlap: Overlap | None = None,
    training: Split | None = None,
    provenance: Provenance | None = None,
    search_always: bool = True,
    record: TrainingRecord | None = None,
    views: Views | None = None,
) -> Report:
    """Judge members and committee by the probabilities of the members.

    Args:
        split: The images with their labels and class names.
        member_names: Name of each member.
        probabilities: Probabilities of the members, float [members, n, classes].
        rule: Rule that combines the members; None for a majority vote.
        validation_accuracy: Accuracy of each member on validation images, which decides which
            member is the best; with None the accuracy on the split itself decides.
        validation: Name of a member, or `"committee"` → accuracy on validation images; with None
            `validation_accuracy` is shown, without intervals.
        elsewhere: Probabilities of the members on out-of-distribution images, those of another
            data set, float [members, m, classes].
        overlap: How many of the images the committee knows already; with None, no image.
        training: Images among which the training images are, to look for near-copies of them; None
            if they are not at hand.
        provenance: The images that the committee knows; None if they are not known.
        search_always: Whether to look for near-copies however long it takes.
        record: What is known of the training: which members are copies of one recipe, and times.
        views: The views of an image of which the probabilities are means; None without views.

    Returns:
        The report.

    Raises:
        DataError: Probabilities of a member are not numbers, as after a training that diverged.
    """
    check_are_numbers(member_names, probabilities)
    rule = rule or Rule()
    combined = rule(probabilities)
    confusion = confusion_matrix(split.labels, combined.argmax(axis=-1), split.num_classes)
    answers = answers_by_rule(rule, probabilities)
    record = record or TrainingRecord()
    known = {name: record.values("committee") for name in answers}
    board = make_leaderboard(
        split.labels,
        dict(zip(member_names, probabilities, strict=True)),
        answers,
        validation_accuracy,
        overlap,
        copies=record.copies,
        rule=rule,
        known=known | {name: record.values(name) for name in member_names},
        views=views,
    )
    trained_on = (provenance or Provenance()).trained_on
    leak_search = search_leaks(
        split, combined.argmax(axis=-1), training, trained_on, always=search_always
    )
    committee = board[board.committee]
    if committee.kind == "member":  # a single member, whose probabilities the rule does not change
        values = measure(Answers(split.labels, combined))
        committee = LeaderboardRow("committee", "committee", values)
    by_name = {**dict(zip(member_names, probabilities, strict=True)), committee.name: combined}
    return Report(
        split=split.name,
        voting=rule.voting,
        members=tuple(board[name] for name in member_names),
        committee=committee,
        class_names=tuple(split.class_names),
        confusion=confusion,
        classes=tuple(per_class(confusion, split.class_names)),
        leaderboard=board,
        analysis=analyse(split.labels, probabilities, member_names, rule, elsewhere),
        validation=validation or dict(zip(member_names, validation_accuracy or (), strict=False)),
        leak_search=leak_search,
        threshold_counts={
            name: threshold_counts(values, split.labels) for name, values in by_name.items()
        },
    )


def log_report(report: Report, run: str | os.PathLike[str], step: int) -> None:
    """Write a report for TensorBoard, beside the curves of its run.

    Args:
        report: The report.
        run: The run folder. The measures of each member and of the committee become scalars
            `<split>/…`, beside the curves of each, and each gets a curve of precision and recall
            for each class. The committee also gets its mean uncertainty, its pictures and the
            whole report.
        step: The last epoch.
    """
    log = TensorBoardLog(Path(run))
    part = report.split
    log.forget(f"{part}/", step)
    for row in report.scores:
        scalars = {f"{part}/{name}": number(value) for name, value in row.values.items()}
        log.scalars(run_folder(row.name), scalars, step)
        if counts := report.threshold_counts.get(row.name):
            title = f"{part}/precision and recall"
            log.precision_recall(run_folder(row.name), title, report.class_names, *counts, step)
    name = report.scores[-1].name
    folder = run_folder(name)
    uncertainty = {f"{part}/{key}": mean for key, mean in report.analysis.uncertainty.items()}
    log.scalars(folder, uncertainty, step)
    heading = f"{name}, {part}"
    pictures: dict[str, Callable[[], Figure]] = {
        "confusion matrix": partial(
            confusion_figure, report.confusion, report.class_names, heading
        ),
        **report.analysis.plot_parts(),
    }
    for title, draw in pictures.items():
        log.figure(folder, f"{part}/{title}", draw, step)
    log.text(folder, f"{part}/report", report.to_markdown())
    log.close()
