"""Parts about single images: labels that may be wrong, confident mistakes, disputed images."""

import numpy as np

from zoo.ensembles.provenance import provenance_of
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.inspect.pictures.label_suspects import LabelSuspects
from zoo.inspect.pictures.mistakes import ranked_disputes, ranked_mistakes
from zoo.pages.parts import image_sheet, note, paragraph
from zoo.text import percent

MOST_SHOWN = 24
"""The most images in a sheet."""

MOST_WRONG = 0.2
"""Where more of the answers are wrong, confident learning takes far too many labels for wrong."""


def show_suspects(subject: Subject) -> Contents:
    """Show images whose labels may be wrong, by the answers to images that were held out."""
    known = np.isin(subject.split.digests, provenance_of([subject.given]).trained_on)
    if known.mean() > 0.5:
        raise LeftOut(
            "The model was trained on most of these images, and has learned their labels, also "
            "those that are wrong. zoo.inspect.label_suspects trains members for this."
        )
    new = np.flatnonzero(~known)
    found = LabelSuspects.from_probabilities(
        subject.predictions.members[:, new], subject.split.labels[new],
        data=subject.split.take(new), class_names=subject.class_names,
    )  # fmt: skip
    count = int(found.issues.sum())
    thumbnails = [
        thumbnail._replace(lines=[f"#{row}", *thumbnail.lines[1:]])  # its number in the whole split
        for row, thumbnail in zip(new[found.indices], found.thumbnails(MOST_SHOWN), strict=False)
    ]
    wrong = float((~subject.is_right).mean())
    trust = (
        f". That is far too many where {percent(wrong)} of the answers are wrong, as here: the "
        "order counts, and not the number."
        if wrong > MOST_WRONG
        else "."
    )
    who = "members contradict" if subject.is_committee else "model contradicts"
    parts = [
        paragraph(
            f"The {who} these labels most, by answers to images that were held out of the "
            "training. An image that is only hard stands here too: look at it before you change a "
            f"label. Confident learning takes {count:,} of {len(found):,} labels for wrong{trust}"
        ),
        image_sheet(thumbnails, _counted(len(thumbnails), len(found), "suspect")),
    ]
    if known.any():
        parts.insert(
            0, note(f"{known.sum():,} images are left out: the model was trained on them.")
        )
    return Contents(parts, f"the {len(thumbnails)} most suspect labels")


def show_mistakes(subject: Subject) -> Contents:
    """Show the wrong answers in which the model is most confident."""
    found = ranked_mistakes(subject.predictions, subject.split)
    if not len(found):
        raise LeftOut("No image is answered wrongly.")
    thumbnails = found.thumbnails(MOST_SHOWN)
    text = (
        "A mistake with a high probability is worth a look: the label may be wrong, or the image "
        "may show what the training images never showed."
    )
    sheet = image_sheet(thumbnails, _counted(len(thumbnails), len(found), "confident"))
    return Contents([paragraph(text), sheet], f"{len(found):,} wrong answers")


def show_disputed(subject: Subject) -> Contents:
    """Show the images on which members that are sure contradict each other."""
    if not subject.is_committee:
        raise LeftOut("A single model has no members that can disagree.")
    found = ranked_disputes(subject.predictions, subject.split)
    thumbnails = [
        thumbnail._replace(lines=[*thumbnail.lines, f"{nats:.2f} nats"])
        for thumbnail, nats in zip(
            found.thumbnails(MOST_SHOWN), found.measures["mutual_information"], strict=False
        )
    ]
    text = (
        "On these images the members contradict each other most. The last line is the mutual "
        "information between the answer and the member: high where members are sure of different "
        "classes, 0 where all give the same probabilities."
    )
    sheet = image_sheet(thumbnails, _counted(len(thumbnails), len(found), "disputed"))
    return Contents([paragraph(text), sheet], f"the {len(thumbnails)} most disputed images")


def _counted(shown: int, count: int, word: str) -> str:
    """Say how many of the images are shown."""
    which = f"{shown:,} of {count:,} images" if shown < count else f"{shown:,} images"
    return (
        f"{which}, the most {word} first. Below each image: its number in the split, its label, "
        "and the answer with its probability."
    )
