"""The tables of a report as text: for the terminal, for Markdown and for the model card."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.ensembles.measures.diversity import Diversity
from zoo.ensembles.reports.measure_table import MEASURES, Place, Value
from zoo.metrics import Accuracy, ClassScore, macro_f1
from zoo.pages import parts
from zoo.text import for_picture, markdown_table, percent, rich_table

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.table import Table as RichTable

MOST_CONFUSIONS = 12
"""How many pairs of classes the table of commonest confusions holds."""

LONGEST_CLASS = 120
"""The most letters of the name of a class. JSON holds the whole name."""

NO_VALUE = "–"
"""The cell of a value that does not exist or is not known."""


FURTHER_TABLES: dict[str, Place] = {
    "Expected calibration error (ECE)": "calibration",
    "Variation of the accuracy, standard deviations": "variation",
    "Cost and worth (members that train together divide the time equally)": "cost",
}
"""Title of a table of the leaderboard → the place of the measures that are its columns."""


class Table(NamedTuple):
    """A table as text.

    Attributes:
        title: The line above the table.
        header: Names of the columns.
        rows: The cells of each row.
    """

    title: str
    header: list[str]
    rows: list[list[str]]

    def to_html(self, bold: str | None = None) -> Markup:
        """Give the table as a part of an HTML page.

        Args:
            bold: The first cell of the row that is drawn in bold, or None.
        """
        return parts.table(self.title, self.header, self.rows, bold=bold)

    def to_markdown(self) -> str:
        """Give the lines of the table, without its title, as Markdown text."""
        return markdown_table(self.header, self.rows)

    def to_rich(self, bold: str | None = None) -> RichTable:
        """Give the table for the terminal.

        Args:
            bold: The first cell of the row that is drawn in bold, or None.
        """
        return rich_table(self.header, self.rows, title=self.title, bold=bold)


def score_table(
    title: str,
    scores: Iterable[tuple[str, Mapping[str, Value]]],
    validation: Mapping[str, Accuracy | float] | None = None,
    *,
    every: bool = False,
) -> Table:
    """Tabulate accuracies with their intervals, and further measures beside them.

    Args:
        title: Title of the table.
        scores: Name of a member or committee, and the values of its measures, for each row.
        validation: Name → accuracy on validation images, where it is known.
        every: Whether all measures are columns, or only the measures whose place is `"scores"`.

    Returns:
        The table.
    """
    rows = list(scores)
    names = [
        name
        for name in _known_measures(values for _, values in rows)
        if name != "accuracy" and (every or MEASURES[name].place == "scores")
    ]
    header = ["", "accuracy", "95 % interval", "images", *(MEASURES[name].title for name in names)]
    cells = [
        [
            row,
            *_accuracy_cells(values["accuracy"]),
            *(_measure_cell(name, values) for name in names),
        ]
        for row, values in rows
    ]
    if validation:
        header.append(_validation_title(validation))
        for row in cells:
            row.append(_validation_cell(validation.get(row[0])))
    return Table(title, header, cells)


def leaderboard_tables(
    rows: Sequence[tuple[str, Mapping[str, Value], float]], n: int, best_member: str | None
) -> list[Table]:
    """Tabulate a leaderboard.

    Args:
        rows: Name of a member or committee, the values of its measures, and its p-value.
        n: The number of images.
        best_member: Name of the member that the others are compared with; None if there is none.

    Returns:
        The leaderboard, the table of calibration errors, and where values of them are known, the
        tables of variation and cost.
    """
    ranks = _measure_columns(rows, "leaderboard")
    if best_member:
        ranks[0].append("p")
        for cells, (_, _, p_value) in zip(ranks[1:], rows, strict=True):
            cells.append(NO_VALUE if math.isnan(p_value) else f"{p_value:.2g}")
    title = f"Leaderboard, n = {n:,}; p against {best_member}, after Holm"
    tables = [Table(title if best_member else f"Probabilities, n = {n:,}", ranks[0], ranks[1:])]
    for further, place in FURTHER_TABLES.items():
        header, *values = _measure_columns(rows, place)
        # Rows without any value, such as those of other rules, are left out.
        known = [row for row in values if {*row[1:]} - {NO_VALUE}]
        if known:
            tables.append(Table(further, header, known))
    return tables


def class_label(name: str) -> str:
    """Write the name of a class for a cell of a table, or for a sentence."""
    return for_picture(name, LONGEST_CLASS)


def class_table(
    classes: Sequence[ClassScore], confusion: np.ndarray, accuracy: Accuracy, name: str
) -> Table:
    """Tabulate precision, recall and F1 of each class.

    A dash stands for a score that does not exist: the precision of a class that is predicted for no
    image, the recall of a class without images, and the F1 of a class that is neither. If there is
    such a class, a row says over how many classes the macro F1 is a mean.

    Args:
        classes: The score of each class.
        confusion: Counts, int [classes, classes], a row for each true class.
        accuracy: Accuracy on all images, which is the last row.
        name: Name of the member or committee.

    Returns:
        The table.
    """
    predicted = confusion.sum(axis=0)
    occurring = (predicted + confusion.sum(axis=1) > 0).tolist()
    rows = [
        [
            class_label(score.name),
            percent(score.precision) if count else NO_VALUE,
            percent(score.recall) if score.support else NO_VALUE,
            percent(score.f1) if occurs else NO_VALUE,
            f"{score.support:,}",
        ]
        for score, count, occurs in zip(classes, predicted, occurring, strict=True)
    ]
    if not all(occurring):
        title = f"macro F1, {sum(occurring)} of {len(classes)} classes"
        rows.append([title, "", "", percent(macro_f1(confusion)), ""])
    rows.append(["classification rate", percent(accuracy.value), "", "", ""])
    return Table(f"{name}, class by class", ["", "precision", "recall", "F1", "images"], rows)


def confusion_table(confusion: np.ndarray, class_names: Sequence[str], name: str) -> Table:
    """Tabulate the whole confusion matrix.

    Args:
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: Name of each class.
        name: Name of the member or committee.

    Returns:
        The table.
    """
    labels = [*map(class_label, class_names)]
    return Table(
        f"{name}: confusion matrix, true classes in rows",
        ["", *labels],
        [
            [label, *(f"{count:,}" for count in counts)]
            for label, counts in zip(labels, confusion, strict=True)
        ],
    )


def commonest_confusions(confusion: np.ndarray, class_names: Sequence[str], name: str) -> Table:
    """Tabulate the commonest confusions, for a matrix that is too wide for a terminal.

    Args:
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: Name of each class.
        name: Name of the member or committee.

    Returns:
        The table, of `MOST_CONFUSIONS` rows at most.
    """
    wrong = np.where(np.eye(len(confusion), dtype=bool), 0, confusion)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    labels = [*map(class_label, class_names)]
    pairs = [np.unravel_index(index, wrong.shape) for index in order if wrong.flat[index]]
    return Table(
        f"{name}: commonest confusions (JSON and Markdown hold the matrix)",
        ["true", "predicted", "images"],
        [[labels[i], labels[j], f"{wrong[i, j]:,}"] for i, j in pairs],
    )


def contribution_table(
    names: Sequence[str], leave_one_out: np.ndarray, shapley: np.ndarray | None
) -> Table:
    """Tabulate what each member contributes to the accuracy.

    Args:
        names: Names of the members.
        leave_one_out: Accuracy that the committee loses without each member, float [members].
        shapley: Shapley value of each member, float [members], or None.

    Returns:
        The table.
    """
    columns = {"loss without the member": leave_one_out}
    if shapley is not None:
        columns["Shapley value"] = shapley
    return Table(
        "Contributions of the members, in points",
        ["", *columns],
        [
            [name, *(f"{100 * value:+.1f}" for value in values)]
            for name, *values in zip(names, *columns.values(), strict=True)
        ],
    )


def diversity_table(measures: Diversity) -> Table:
    """Tabulate how differently the members answer.

    Args:
        measures: The measures of diversity.

    Returns:
        The table.
    """
    means = measures.means()
    del means["ambiguity"]
    terms = measures.ambiguity
    rows = [
        [name.replace("_", " "), NO_VALUE if math.isnan(value) else f"{value:.3f}"]
        for name, value in means.items()
    ]
    rows += [
        ["mean Brier score of the members", f"{terms.members:.3f}"],
        ["less their ambiguity", f"{terms.ambiguity:.3f}"],
        ["Brier score of their mean", f"{terms.ensemble:.3f}"],
    ]
    return Table("Diversity, as means over pairs", ["", ""], rows)


def _accuracy_cells(accuracy: Value) -> list[str]:
    """Write an accuracy, its interval and the number of images."""
    assert isinstance(accuracy, Accuracy)
    return [
        percent(accuracy.value),
        f"{100 * accuracy.low:.1f} – {100 * accuracy.high:.1f}",
        f"{accuracy.n:,}",
    ]


def _validation_title(validation: Mapping[str, Accuracy | float]) -> str:
    counts = {score.n for score in validation.values() if isinstance(score, Accuracy)}
    return f"validation, n = {counts.pop():,}" if len(counts) == 1 else "validation"


def _validation_cell(score: Accuracy | float | None) -> str:
    """Write an accuracy on validation images, with its interval if it is known."""
    if score is None:
        return NO_VALUE
    if isinstance(score, Accuracy):
        return f"{percent(score.value)} [{100 * score.low:.1f}, {100 * score.high:.1f}]"
    return percent(score)


def _measure_columns(
    rows: Sequence[tuple[str, Mapping[str, Value], float]], place: Place
) -> list[list[str]]:
    """Give the header and the rows of the measures that have this place."""
    known = _known_measures(values for _, values, _ in rows)
    names = [name for name in known if MEASURES[name].place == place]
    header = ["", *(MEASURES[name].title for name in names)]
    cells = [[row, *(_measure_cell(name, values) for name in names)] for row, values, _ in rows]
    return [header, *cells]


def _known_measures(rows: Iterable[Mapping[str, Value]]) -> list[str]:
    """List the measures that some row has a value of, in the order of the table of measures."""
    known = {name for values in rows for name in values}
    return [name for name in MEASURES if name in known]


def _measure_cell(name: str, values: Mapping[str, Value]) -> str:
    """Write the value of a measure, or a dash if there is none."""
    return MEASURES[name].text(values[name]) if name in values else NO_VALUE
