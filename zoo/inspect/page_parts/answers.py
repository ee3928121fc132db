"""Parts about the answers: report, curves, confusion matrix, confidence, and the members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.ensembles.reports.html_sections import MOST_ROWS, confusion_part
from zoo.errors import ZooError
from zoo.inspect.curves.learning import learning_curves
from zoo.inspect.curves.reliability import reliability
from zoo.inspect.curves.risk import risk_coverage
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.inspect.pictures.mistakes import ranked_disputes
from zoo.metrics import confusion_matrix
from zoo.pages.parts import Thumbnail, figure, paragraph, row, table
from zoo.plots import MOST_COUNTED_CLASSES
from zoo.text import percent

if TYPE_CHECKING:
    from markupsafe import Markup

CURVES = ("accuracy", "loss")
"""The scores whose curves over the epochs are drawn."""

MOST_IN_CELL = 24
"""The most pictures that a cell of the confusion matrix opens."""

MOST_IN_MATRIX = 1200
"""The most pictures in all cells together, so that a page of many classes stays small."""

MOST_DISPUTED = 12
"""The number of disputed images for which the answer of each member is listed."""


CAPTIONS = (
    "Of the answers with a confidence, the part that is right. On the dashed line, the confidence "
    "is that part. Thin lines are the members of a committee.",
    "The accuracy, if only the most confident images are answered. Thin lines are the members of a "
    "committee.",
)
"""The text below the two pictures of confidence."""


def show_report(subject: Subject) -> Contents:
    """Show accuracies with intervals, the verdict, and the scores of each class."""
    parts = [
        *subject.section_of_report("report").parts,
        *subject.section_of_report("classes").parts,
    ]
    return Contents(parts, f"accuracy {subject.report.scores[-1].accuracy}")


def show_curves(subject: Subject) -> Contents:
    """Show accuracy and loss over the epochs of the training."""
    if subject.run_folder is None:
        raise LeftOut("There is no run folder of the training here, which holds the curves.")
    try:
        curves = [learning_curves(subject.run_folder, metric=metric) for metric in CURVES]
    except ZooError as error:
        raise LeftOut(f"The run folder has no curves. {error}") from error
    epochs = f"{len(curves[0].epochs)} epochs"
    return Contents([row(*(figure(curve.plot().figure) for curve in curves))], epochs)


def show_confusion(subject: Subject) -> Contents:
    """Show the confusion matrix, whose cells open their pictures."""
    labels, answers = subject.split.labels, subject.predictions.answers
    confidences = subject.predictions.confidences
    confusion = confusion_matrix(labels, answers, len(subject.class_names))
    is_list = len(confusion) > MOST_COUNTED_CLASSES
    cells = MOST_ROWS if is_list else int((confusion > 0).sum())
    most = min(MOST_IN_CELL, max(4, MOST_IN_MATRIX // cells))

    def thumbnails(true: int, answer: int) -> list[Thumbnail]:
        rows = np.flatnonzero((labels == true) & (answers == answer))
        chosen = rows[np.argsort(-confidences[rows], kind="stable")[:most]]
        return [
            Thumbnail(image, [f"#{number}", f"{confidences[number]:.2f}"])
            for number, image in zip(chosen, subject.split.take(chosen).images, strict=True)
        ]

    about_pictures = (
        f"A number opens its pictures, {most} at most, the most confident first; below each "
        "picture are its number in the split and the probability of the answer."
    )
    part = confusion_part(confusion, subject.class_names, about_pictures, thumbnails)
    wrong = int((~subject.is_right).sum())
    return Contents([part], f"{wrong:,} of {len(labels):,} images are answered wrongly")


def show_confidence(subject: Subject) -> Contents:
    """Show whether the confidence can be trusted; of a single model, all measures too."""
    curves = [show(subject.given, subject.split).plot() for show in (reliability, risk_coverage)]
    drawn = [figure(axes, caption) for axes, caption in zip(curves, CAPTIONS, strict=True)]
    parts = [row(*drawn), subject.report.analysis.confidence_table().to_html()]
    if not subject.is_committee:
        parts += subject.section_of_report("leaderboard").parts
    return Contents(parts, "reliability, risk and coverage")


def show_members(subject: Subject) -> Contents:
    """Show the members side by side: measures, diversity, and answers to disputed images."""
    if not subject.is_committee:
        raise LeftOut("A single model has no other members to compare it with.")
    parts = [
        *subject.section_of_report("leaderboard").parts,
        *subject.section_of_report("members").parts,
        *_answers_to_disputed(subject),
    ]
    return Contents(parts, ", ".join(subject.members))


def _answers_to_disputed(subject: Subject) -> list[Markup]:
    """List the answers of each member to the most disputed images."""
    rows = ranked_disputes(subject.predictions, subject.split, MOST_DISPUTED).indices
    members = subject.predictions.members[:, rows]  # [members, k, classes]
    names = subject.class_names
    cells = [
        [
            f"#{number}",
            names[subject.split.labels[number]],
            names[subject.predictions.answers[number]],
            *(f"{names[best]} {percent(member[k, best])}" for member, best in
              zip(members, members[:, k].argmax(axis=-1), strict=True)),
        ]
        for k, number in enumerate(rows)
    ]  # fmt: skip
    header = ["image", "label", "committee", *subject.members]
    images = list(subject.split.take(rows).images)
    title = "Answers to the most disputed images"
    return [
        table(title, header, cells, numbers=False, images=images),
        paragraph("The percentage is the probability that the member gives its answer."),
    ]
