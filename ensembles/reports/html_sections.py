"""The sections of a report as a page: verdict, tables and pictures, in the order of reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.ensembles.reports.analysis import LONGEST_MEMBER, Analysis
from zoo.ensembles.reports.figures import PANEL, draw_accuracies, draw_classes
from zoo.ensembles.reports.leaderboard import Leaderboard, LeaderboardRow
from zoo.ensembles.reports.tables import Table
from zoo.metrics import ClassScore
from zoo.pages.frame import Section
from zoo.pages.parts import Cell, Thumbnail, figure, list_of_cells, matrix_of_cells, paragraph, row
from zoo.plots import MOST_COUNTED_CLASSES, new_figure
from zoo.text import shortened

if TYPE_CHECKING:
    from markupsafe import Markup

LONGEST_NAME = 40
"""The most characters of the name of a class in a picture of a page."""

MOST_ROWS = 40
"""The most pairs of classes in the list that takes the place of a large confusion matrix."""

MATRIX = (
    "A row for each true class, a column for each answer; the diagonal is right. The stronger the "
    "colour, the larger the part of the true class."
)


def sections_of_report(
    rows: Sequence[LeaderboardRow],
    tables: tuple[Table, Table],
    classes: Sequence[ClassScore],
    confusion: np.ndarray,
    leaderboard: Leaderboard,
    analysis: Analysis,
) -> list[Section]:
    """Give the sections of the page of a report.

    Args:
        rows: The rows of the members, and that of the committee as the last.
        tables: The table of accuracies, and that of the classes.
        classes: The score of each class.
        confusion: Counts, int [classes, classes], a row for each true class.
        leaderboard: The leaderboard, with the verdict.
        analysis: The analysis.

    Returns:
        The sections `"report"`, `"classes"`, `"confusion"`, `"leaderboard"`, `"confidence"`, and
        for a committee of several members `"members"`.
    """
    scores, class_table = tables
    is_committee = leaderboard.comparison is not None
    question = "Is the committee better than its best member?"
    accuracies = new_figure(1.3 * PANEL, 1.2 + 0.42 * len(rows))
    scores_by_name = [(shortened(row.name, LONGEST_MEMBER), row.values) for row in rows]
    draw_accuracies(accuracies.add_subplot(), scores_by_name)
    named = [replace(score, name=shortened(score.name, LONGEST_NAME)) for score in classes]
    bars = new_figure(1.3 * PANEL, 1.4 + 0.36 * len(classes))
    draw_classes(bars.add_subplot(), named, "")
    verdict = leaderboard.sentence()
    names = [score.name for score in classes]
    sections = [
        Section(
            "report",
            question if is_committee else "How good is the model?",
            [
                paragraph(verdict),
                scores.to_html(rows[-1].name if is_committee else None),
                figure(accuracies, "Accuracies with their 95 % intervals."),
            ],
        ),
        Section("classes", "Class by class", [row(class_table.to_html(), figure(bars))]),
        Section("confusion", "Confusion matrix", [confusion_part(confusion, names)]),
        Section("leaderboard", "All measures", leaderboard.html_tables()),
        Section("confidence", "Is it sure where it is right?", analysis.html_of_confidence()),
    ]
    if members := analysis.html_of_members():
        sections.append(Section("members", "How do the members differ?", members))
    return sections


def confusion_part(
    confusion: np.ndarray,
    names: Sequence[str],
    about_pictures: str = "",
    thumbnails: Callable[[int, int], Sequence[Thumbnail]] | None = None,
) -> Markup:
    """Make a confusion matrix as a part of a page; of many classes, the commonest confusions.

    Args:
        confusion: Counts, int [classes, classes], a row for each true class.
        names: The name of each class.
        about_pictures: Sentences about the pictures, for the caption; empty for none.
        thumbnails: Function from a true class and an answer to the pictures that the cell opens, or
            None.

    Returns:
        The part.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)

    def cell(true: int, answer: int) -> Cell:
        count, share = int(confusion[true, answer]), float(shares[true, answer])
        shown = thumbnails(true, answer) if thumbnails and count else ()
        which = f"{len(shown):,} of {count:,}, the most confident first"
        title = f"true {shortened(names[true], 60)}, answer {shortened(names[answer], 60)}: "
        return Cell(count, share, title + (which if len(shown) < count else f"{count:,}"), shown)

    classes = range(len(names))
    if len(names) <= MOST_COUNTED_CLASSES:
        cells = [[cell(i, j) for j in classes] for i in classes]
        return matrix_of_cells(names, cells, f"{MATRIX} {about_pictures}".strip())
    wrong = np.where(np.eye(len(names), dtype=bool), 0, confusion)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_ROWS]
    pairs = [divmod(int(index), len(names)) for index in order if wrong.flat[index]]
    if not pairs:
        return paragraph("All images are answered rightly.")
    caption = f"The commonest confusions of {len(names):,} classes. {about_pictures}".strip()
    return list_of_cells([(names[i], names[j], cell(i, j)) for i, j in pairs], caption)
