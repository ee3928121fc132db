"""Parts about the networks: where they look, their first layers, and their dead units."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ArgumentError
from zoo.inspect.explaining.explain import explain
from zoo.inspect.judging.faithfulness import Faithfulness, faithfulness
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.inspect.units.dead import dead_units
from zoo.inspect.units.kernels import weights
from zoo.inspect.units.unit_outputs import RECTIFIERS
from zoo.pages.parts import figure, note, paragraph, row

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_EXPLAINED = 8
"""The number of images that are explained: half of them right answers, half mistakes."""

MOST_MEMBERS = 4
"""The most members whose first layers are drawn."""

MOST_KERNELS = 48
"""The most units of a first layer that are drawn."""

METHODS = ("integrated_gradients", "grad_cam")
"""The methods of the maps."""

NO_GRAD_CAM = (
    "Grad-CAM is left out: it needs a convolution whose output has more than one position, in each "
    "network."
)


def show_saliency(subject: Subject) -> Contents:
    """Show on which pixels answers rest, with the numbers that say how far to trust the maps."""
    rows, right = _rows_to_explain(subject)
    images = subject.split.take(rows).images
    parts: list[Markup] = [
        paragraph(
            "Red pixels speak for the answer, which stands above the map; blue pixels speak "
            f"against it. {right} images are answered "
            f"rightly{_mistakes_in_words(subject, rows[right:])}."
        )
    ]
    summary = []
    explanation = None
    for done, method in enumerate(METHODS):
        try:
            explanation = explain(
                subject.model, images, method=method, class_names=subject.class_names, verbose=0
            ).with_sanity()
        except ArgumentError:
            if method != "grad_cam":
                raise
            parts.append(note(NO_GRAD_CAM))
            continue
        judged = faithfulness(subject.model, method=explanation, verbose=0)
        drawn = figure(explanation.plot(), _in_words(judged), explanation.caption)
        parts.append(drawn)
        passes = explanation.sanity is not None and explanation.sanity.passes
        summary.append(f"{method.replace('_', ' ')} {'passed' if passes else 'failed'}")
        subject.advance((done + 1) / len(METHODS))
    parts.append(
        paragraph(
            "The sanity check gives layer after layer random weights: a map that stays similar "
            "(rank correlation of 0.5 or more) shows the image rather than what was learned."
        )
    )
    if subject.is_committee and explanation is not None:
        votes = subject.predictions.members.argmax(axis=-1)
        caption = (
            "Whether members look at the same places on these images, beside how often their votes "
            f"differ on all {len(subject.split):,} images."
        )
        parts.append(figure(replace(explanation, votes=votes).plot_members(), caption))
    return Contents(parts, f"sanity check: {', '.join(summary)}")


def _rows_to_explain(subject: Subject) -> tuple[np.ndarray, int]:
    """Choose images: right answers of different classes, and the most confident mistakes.

    Returns:
        The rows in the split, and how many of them, the first, are right answers.
    """
    order = np.argsort(-subject.predictions.confidences, kind="stable")
    wrong = order[~subject.is_right[order]][: MOST_EXPLAINED // 2]
    right = order[subject.is_right[order]]
    # The most confident image of each class, the most confident class first; then the others.
    _, first = np.unique(subject.split.labels[right], return_index=True)
    of_classes = right[np.sort(first)]
    others = right[~np.isin(right, of_classes)]
    kept = np.concatenate([of_classes, others])[: MOST_EXPLAINED - len(wrong)]
    return np.concatenate([kept, wrong]), len(kept)


def _mistakes_in_words(subject: Subject, rows: np.ndarray) -> str:
    """Say which of the images are mistakes, and what their labels are."""
    labels = ", ".join(subject.class_names[label] for label in subject.split.labels[rows])
    if not len(rows):
        return ""
    return f"; the last {len(rows)} are the most confident mistakes, with the labels {labels}"


def _in_words(judged: Faithfulness) -> str:
    """Say how faithful the maps are."""
    area, random = judged.area("deletion"), judged.area("deletion", "random")
    return (
        f"Deletion: while the most important pixels of the map are taken away, the mean "
        f"probability of the answer is {area.value:.2f} [{area.low:.2f}, {area.high:.2f}]; in "
        f"random order it is {random.value:.2f}. Lower is better. 95 % intervals, "
        f"{len(judged.labels)} images."
    )


def show_weights(subject: Subject) -> Contents:
    """Show the kernels of the first layer of each member."""
    members = subject.members
    drawn, faults = [], []
    for name, model in list(members.items())[:MOST_MEMBERS]:
        try:
            kernels = weights(model)
        except ArgumentError as error:
            faults.append(f"{name}: {error}")
            continue
        units = len(kernels.units)
        if units > MOST_KERNELS:
            kernels = weights(model, units=range(MOST_KERNELS))
        shown = f"the first {MOST_KERNELS} of {units:,}" if units > MOST_KERNELS else f"all {units}"
        drawn.append(figure(kernels.plot(), f"{name}: {shown} units of the layer."))
    if not drawn:
        raise LeftOut(f"No first layer can be shown as images. {faults[0]}")
    parts: list[Markup] = [
        paragraph(
            "Each picture is the kernel of a unit of the first layer, which is what the unit looks "
            "for. In grey kernels, light on red pixels makes the unit more active, light on blue "
            "pixels less. In kernels with colours, grey is 0."
        ),
        row(*drawn),
        *map(note, faults),
    ]
    if len(members) > MOST_MEMBERS:
        parts.append(paragraph(f"The first {MOST_MEMBERS} of {len(members)} members are shown."))
    return Contents(parts, f"first layers of {len(drawn)} of {len(members)} networks")


def show_dead_units(subject: Subject) -> Contents:
    """Count the units that no image makes active."""
    parts: list[Markup] = []
    total = units = rectified = 0
    for done, (name, model) in enumerate(subject.members.items()):
        counted = dead_units(model, subject.split, verbose=0)
        parts.append(replace(counted, model=name).to_html())
        total += counted.total
        units += sum(len(layer.dead) for layer in counted.layers)
        rectified += sum(layer.activation in RECTIFIERS for layer in counted.layers)
        subject.advance((done + 1) / len(subject.members))
    text = (
        "A unit is dead if no image makes it active, and rarely active if less than 1 % of the "
        "images do. Where the activation is no ReLU or the like, a unit is dead if its output "
        "never changes."
    )
    if not rectified:
        text += " No layer of this model has a ReLU."
    return Contents([paragraph(text), *parts], f"{total:,} of {units:,} units are dead")
