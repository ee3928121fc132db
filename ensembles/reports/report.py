"""The report: how good members and committee are, and whether the difference is luck."""

import json
import math
import os
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.significance import PairedTest, images_to_tell, mcnemar
from zoo.ensembles.reports.analysis import Analysis, analyse
from zoo.ensembles.reports.leaderboard import Leaderboard, answers_like, caution, make_leaderboard
from zoo.errors import ArgumentError, DataError
from zoo.files import write_atomically
from zoo.metrics import Accuracy, ClassScore, accuracy, confusion_matrix, macro_f1, per_class
from zoo.plots import confusion_figure, draw_confusion, new_figure
from zoo.tensorboard import TensorBoardLog
from zoo.text import as_plain_text, markdown_table, percent, rich_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.datasets.split import Split

FORMATS = (".json", ".md", ".png")
WIDE = 12
"""Classes from which on a confusion matrix is too wide for a terminal."""


@dataclass(frozen=True)
class Score:
    """How good one member, or the committee, is.

    Attributes:
        name: Who.
        accuracy: With its 95 % Wilson interval and the number of images.
        macro_f1: Mean of the classes' F1.
    """

    name: str
    accuracy: Accuracy
    macro_f1: float


@dataclass(frozen=True)
class Report:
    """What a committee and its members reach on images that none of them was trained on.

    Attributes:
        split: Name of the split.
        voting: The committee's rule.
        members: A `Score` for each member.
        committee: The committee's `Score`.
        class_names: One name a class.
        confusion: The committee's confusion matrix, int64 [classes, classes], a row a true class.
        classes: Precision, recall and F1 of the committee for each class.
        best_member: The member that the committee is held against.
        chosen_on: Where that member is the best: `"validation"`, or `"these images"`.
        comparison: McNemar's exact test of the committee against it; None for a single member.
        leaderboard: Members, the committee and other rules, with log loss, Brier score and
            calibration error.
        analysis: How members differ, what each is worth, and what the committee knows of itself.
        trained_on: How many of the images the members were trained on, pixel for pixel.
        tuned_on: How many of them chose when to stop, members, weights or a temperature.

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
    members: tuple[Score, ...]
    committee: Score
    class_names: tuple[str, ...]
    confusion: np.ndarray
    classes: tuple[ClassScore, ...]
    best_member: str
    chosen_on: str
    comparison: PairedTest | None
    leaderboard: Leaderboard
    analysis: Analysis
    trained_on: int = 0
    tuned_on: int = 0

    def verdict(self) -> str:
        """Say whether the committee is better than its best member, and whether that is luck.

        Returns:
            A few plain sentences.
        """
        known = caution(self.committee.accuracy.n, self.trained_on, self.tuned_on)
        return known + self._comparison()

    def _comparison(self) -> str:
        if self.comparison is None:
            return f"{self.members[0].name} is alone: there is no committee to compare it with."
        where = (
            "its best member on the validation split"
            if self.chosen_on == "validation"
            else f"its best member on these very images ({self.split}), which favours the member"
        )
        beyond = "beyond" if self.comparison.beyond_chance else "not beyond"
        return (
            f"Against {self.best_member}, {where}, the committee is {self.comparison.sentence()}. "
            f"At the 5 % level this is {beyond} chance (McNemar's exact test, "
            f"p = {self.comparison.p_value:.2g}, n = {self.comparison.n:,}).{self._enough()}"
            f"{self._members_differ()}"
        )

    def _members_differ(self) -> str:
        test = self.leaderboard.cochran
        if test is None:
            return ""
        beyond = "beyond" if test.p_value < 0.05 else "not beyond"
        return (
            f" The {test.members} members differ in accuracy {beyond} chance (Cochran's Q = "
            f"{test.statistic:.1f}, p = {test.p_value:.2g})."
        )

    def _enough(self) -> str:
        """How many images would do, where these do not."""
        test = self.comparison
        if test is None or test.beyond_chance:
            return ""
        enough = images_to_tell(test.only_first / test.n, test.only_second / test.n)
        if not math.isfinite(enough):
            return ""
        return (
            f" A difference of this size would be found beyond chance in 4 of 5 test sets of "
            f"{enough:,.0f} images."
        )

    @property
    def scores(self) -> tuple[Score, ...]:
        """The members' scores, and the committee's after them where there are several."""
        return (*self.members, self.committee) if self.comparison else self.members

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values; fractions are from 0 to 1."""
        values = asdict(self)
        values["confusion"] = self.confusion.tolist()
        values["verdict"] = self.verdict()
        values["leaderboard"] = self.leaderboard.to_dict()
        values["analysis"] = self.analysis.to_dict()
        if self.comparison:
            values["comparison"]["beyond_chance"] = self.comparison.beyond_chance
        return values

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_markdown(self) -> str:
        """The report as Markdown text."""
        lines = [f"# Committee report: {self.split}", "", self.verdict(), ""]
        for title, header, rows in self._tables():
            lines += [f"## {title}", "", markdown_table(header, rows), ""]
        return "\n".join(lines)

    def plot(self) -> "Figure":
        """Draw accuracies with intervals, the confusion matrix, and the classes' scores.

        Returns:
            A matplotlib figure.
        """
        side = float(np.clip(0.6 * len(self.class_names), 3.6, 9))
        width = 2.2 * side + 4.2
        figure = new_figure(width, side + 1.2)
        verdict = textwrap.wrap(self.verdict(), int(13 * width))
        figure.suptitle("\n".join(verdict), fontsize="small")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
        self._draw_accuracies(left)
        title = f"{self.scores[-1].name}, {self.split} (n = {self.committee.accuracy.n:,})"
        draw_confusion(middle, self.confusion, self.class_names, title)
        self._draw_classes(right)
        return figure

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report.

        Args:
            path: Where; the suffix says how: `.json`, `.md` or `.png`.

        Returns:
            The path.

        Raises:
            ArgumentError: Another suffix.
            RunError: It could not be written.
        """
        path = Path(path)
        if path.suffix == ".png":
            return write_atomically(path, lambda temporary: self.plot().savefig(temporary))
        if path.suffix not in FORMATS:
            raise ArgumentError(
                f"A report is written as {', '.join(FORMATS)}. Received: {path.name}"
            )
        text = self.to_json() + "\n" if path.suffix == ".json" else self.to_markdown()
        return write_atomically(path, lambda temporary: temporary.write_text(text, "utf-8"))

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = []
        tables = self._tables()
        if len(self.class_names) > WIDE:
            tables[2] = self._confusions()
        for title, header, rows in tables:
            parts += [rich_table(header, rows, title=title, bold="committee"), Text()]
        return Group(*parts, Text(self.verdict()))

    def __str__(self) -> str:
        return as_plain_text(self)

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, header and rows of each table, as text."""
        scores = [
            [
                score.name,
                percent(score.accuracy.value),
                f"{100 * score.accuracy.low:.1f} – {100 * score.accuracy.high:.1f}",
                f"{score.accuracy.n:,}",
                percent(score.macro_f1),
            ]
            for score in self.scores
        ]
        classes = [
            [one.name, *map(percent, (one.precision, one.recall, one.f1)), f"{one.support:,}"]
            for one in self.classes
        ]
        rate = [["classification rate", percent(self.committee.accuracy.value), "", "", ""]]
        confusion = [
            [name, *(f"{count:,}" for count in row)]
            for name, row in zip(self.class_names, self.confusion, strict=True)
        ]
        who = self.scores[-1].name
        rule = f" ({self.voting} vote)" if self.comparison else ""
        return [
            (
                f"Accuracy on {self.split}{rule}",
                ["", "accuracy", "95 % interval", "images", "macro F1"],
                scores,
            ),
            (
                f"{who}, class by class",
                ["", "precision", "recall", "F1", "images"],
                classes + rate,
            ),
            (
                f"{who}: confusion matrix, a row a true class, a column a predicted one",
                ["", *self.class_names],
                confusion,
            ),
            *self.leaderboard.tables(),
            *self.analysis.tables(),
        ]

    def _confusions(self) -> tuple[str, list[str], list[list[str]]]:
        """The commonest confusions, where the whole matrix is too wide for a terminal."""
        wrong = np.where(np.eye(len(self.confusion), dtype=bool), 0, self.confusion)
        order = np.argsort(-wrong, axis=None, kind="stable")[:WIDE]
        places = [np.unravel_index(place, wrong.shape) for place in order if wrong.flat[place]]
        rows = [[self.class_names[i], self.class_names[j], f"{wrong[i, j]:,}"] for i, j in places]
        title = f"{self.scores[-1].name}: commonest confusions (JSON and Markdown hold the matrix)"
        return title, ["true", "predicted", "images"], rows

    def _draw_accuracies(self, axes: "Axes") -> None:
        scores = tuple(reversed(self.scores))
        for height, score in enumerate(scores):
            value, low, high = (
                100 * x for x in (score.accuracy.value, score.accuracy.low, score.accuracy.high)
            )
            colour = "tab:orange" if score is self.committee else "tab:blue"
            axes.errorbar(
                value,
                height,
                xerr=[[value - low], [high - value]],
                fmt="o",
                color=colour,
                capsize=3,
            )
            label = f"{value:.1f} (macro F1 {100 * score.macro_f1:.1f})"
            axes.annotate(label, (value, height), (0, 6), textcoords="offset points", ha="center")
        axes.set_yticks(range(len(scores)), [score.name for score in scores])
        axes.set_ylim(-0.6, len(scores) - 0.4)
        axes.margins(x=0.35)  # room for the labels
        axes.set_xlabel("accuracy in %, with 95 % interval")
        axes.set_title("members and committee" if self.comparison else "")
        axes.grid(axis="x", alpha=0.3)

    def _draw_classes(self, axes: "Axes") -> None:
        places = np.arange(len(self.classes))[::-1]
        for offset, key in ((0.25, "precision"), (0.0, "recall"), (-0.25, "f1")):
            values = [100 * getattr(one, key) for one in self.classes]
            label = "F1" if key == "f1" else key
            axes.barh(places + offset, values, height=0.25, label=label)
        axes.set_yticks(places, [one.name for one in self.classes])
        axes.set_xlim(0, 100)
        axes.set_xlabel("%")
        axes.set_title(f"{self.scores[-1].name}, class by class")
        axes.figure.legend(loc="outside lower right", ncols=3, frameon=False)


def make_report(
    split: "Split",
    member_names: Sequence[str],
    probabilities: np.ndarray,
    *,
    rule: Rule | None = None,
    validation_accuracy: Sequence[float] | None = None,
    elsewhere: np.ndarray | None = None,
    trained_on: np.ndarray | None = None,
    tuned_on: np.ndarray | None = None,
) -> Report:
    """Judge members and committee by their probabilities.

    Args:
        split: The images' labels and class names.
        member_names: One name a member.
        probabilities: float [members, n, classes].
        rule: How members become one answer; None for a majority vote.
        validation_accuracy: Each member's accuracy on validation images, which says who the best
            one is; without it the split itself has to.
        elsewhere: The members' probabilities of another data set's images, [members, m, classes].
        trained_on: Digests (`Split.digests`) of the images the members were trained on, if known.
        tuned_on: Digests of the images that chose anything, if known.

    Returns:
        The report.

    Raises:
        DataError: A member's probabilities are not numbers, as after a diverged training.
    """
    for name, values in zip(member_names, probabilities, strict=True):
        if not np.isfinite(values).all():
            raise DataError(
                f"{name} gives probabilities that are not numbers: its training has diverged. "
                "Train it again with a lower learning rate, or leave it out."
            )
    rule = rule or Rule()
    labels, num_classes = split.labels, split.num_classes
    votes = probabilities.argmax(axis=-1)
    decision = rule(probabilities).argmax(axis=-1)
    members = tuple(
        _score(name, labels, vote, num_classes)
        for name, vote in zip(member_names, votes, strict=True)
    )
    chosen_by = validation_accuracy or [score.accuracy.value for score in members]
    best = int(np.argmax(chosen_by))
    confusion = confusion_matrix(labels, decision, num_classes)
    return Report(
        split=split.name,
        voting=rule.voting,
        members=members,
        committee=_score("committee", labels, decision, num_classes),
        class_names=tuple(split.class_names),
        confusion=confusion,
        classes=tuple(per_class(confusion, split.class_names)),
        best_member=members[best].name,
        chosen_on="validation" if validation_accuracy else "these images",
        comparison=mcnemar(labels, decision, votes[best]) if len(members) > 1 else None,
        leaderboard=make_leaderboard(
            labels,
            dict(zip(member_names, probabilities, strict=True)),
            answers_like(rule, probabilities),
            validation_accuracy,
        ),
        analysis=analyse(labels, probabilities, member_names, rule, elsewhere),
        trained_on=0 if trained_on is None else split.count_among(trained_on),
        tuned_on=0 if tuned_on is None else split.count_among(tuned_on),
    )


def log_report(report: Report, run: str | os.PathLike[str], step: int) -> None:
    """Write a report for TensorBoard, beside the curves of its run.

    Args:
        report: The report.
        run: The run folder. Scores go to `<member>/<split>`, the committee's picture to
            `committee/<split>`.
        step: The last epoch.
    """
    log = TensorBoardLog(Path(run))
    for score in report.scores:
        scores = {"accuracy": score.accuracy.value, "macro_f1": score.macro_f1}
        log.scalars(f"{score.name}/{report.split}", scores, step)
    who = report.scores[-1].name
    where = f"{who}/{report.split}"
    figure = confusion_figure(report.confusion, report.class_names, f"{who}, {report.split}")
    log.figure(where, "confusion matrix", figure, step)
    log.figure(where, "analysis", report.analysis.plot(), step)
    log.text(where, "report", report.to_markdown())
    log.close()


def _score(name: str, labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> Score:
    confusion = confusion_matrix(labels, predictions, num_classes)
    return Score(name, accuracy(labels, predictions), macro_f1(confusion))
