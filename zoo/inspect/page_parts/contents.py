"""The parts of the page of a model, in their order.

A new part is a function from a `Subject` to its `Contents`, and a line in `PARTS`.
"""

from collections.abc import Callable
from typing import NamedTuple

from zoo.inspect.page_parts.answers import (
    show_confidence,
    show_confusion,
    show_curves,
    show_members,
    show_report,
)
from zoo.inspect.page_parts.images import show_disputed, show_mistakes, show_suspects
from zoo.inspect.page_parts.networks import show_dead_units, show_saliency, show_weights
from zoo.inspect.page_parts.subject import Contents, Subject


class PagePart(NamedTuple):
    """A part of the page.

    Attributes:
        key: Its identifier in the page.
        title: Its heading, which is also its name in the terminal.
        show: The function that makes the part. It raises `LeftOut` where a model cannot have it.
        work: About how long the part takes, in comparison with the others, for the progress bar.
    """

    key: str
    title: str
    show: Callable[[Subject], Contents]
    work: float = 1


PARTS = (
    PagePart("report", "Report", show_report, 4),
    PagePart("curves", "Learning curves", show_curves),
    PagePart("confusion", "Confusion matrix", show_confusion, 3),
    PagePart("confidence", "Confidence", show_confidence, 2),
    PagePart("saliency", "Where it looks", show_saliency, 10),
    PagePart("weights", "First layer", show_weights, 2),
    PagePart("dead-units", "Dead units", show_dead_units, 3),
    PagePart("suspects", "Labels that may be wrong", show_suspects),
    PagePart("mistakes", "Most confident mistakes", show_mistakes),
    PagePart("disputed", "Disputed images", show_disputed),
    PagePart("members", "Members side by side", show_members),
)
"""The parts of the page in their order."""
