"""What the parts of a page look at: a model, labelled images, and perhaps the run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.datasets.split import Split
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.models.voting_model import VotingModel
from zoo.ensembles.provenance import provenance_of
from zoo.ensembles.reports.report import Report, make_report
from zoo.inspect.pictures.predictions import BATCH, Predictions, predict_split
from zoo.pages.frame import Section
from zoo.text import shortened

if TYPE_CHECKING:
    from markupsafe import Markup

LONGEST_NAME = 40
"""The most characters of the name of a class in a picture."""


class LeftOut(Exception):
    """The model cannot have a part of the page. The message is a sentence that says why."""


class Contents(NamedTuple):
    """What a part of a page shows.

    Attributes:
        parts: HTML, from `zoo.pages.parts`.
        summary: A few words about the part, for the terminal.
    """

    parts: Sequence[Markup]
    summary: str


@dataclass(eq=False)
class Subject:
    """A model or a committee, with the images on which it is looked at.

    Attributes:
        given: A built `keras.Model`, or a committee.
        split: The images, with labels.
        run_folder: The run folder of the training, or None.
        advance: Called with the part of the work of a part that has been done, from 0 to 1.
    """

    given: Any
    split: Split
    run_folder: Path | None = None
    advance: Callable[[float], None] = lambda share: None

    @property
    def model(self) -> Any:
        """The model; of a committee of a single member, the member."""
        if isinstance(self.given, VotingModel) and len(self.given.members) == 1:
            return self.given.members[0]
        return self.given

    @property
    def is_committee(self) -> bool:
        """Whether there are several members."""
        return isinstance(self.model, VotingModel)

    @property
    def members(self) -> dict[str, Any]:
        """Name of each member → its network; of a single model, the model."""
        if isinstance(self.given, VotingModel):
            return dict(zip(self.given.member_names, self.given.members, strict=True))
        return {self.given.name: self.given}

    @cached_property
    def predictions(self) -> Predictions:
        """The answers to all images."""
        return predict_split(self.model, self.split, BATCH)

    @cached_property
    def report(self) -> Report:
        """The report on the images."""
        if isinstance(self.given, VotingModel):
            return self.given.report(self.split)
        # A committee would refuse a model that ends in logits.
        found = self.predictions
        split = replace(self.split, class_names=found.class_names(self.split))
        overlap = provenance_of([self.given]).overlap_with(split)
        return make_report(
            split, [*self.members], found.members, rule=Rule("soft"), overlap=overlap
        )

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, short and in printable characters."""
        names = self.predictions.class_names(self.split)
        return tuple(shortened(name, LONGEST_NAME) for name in names)

    @property
    def is_right(self) -> np.ndarray:
        """Whether each image is answered as its label says, bool [n]."""
        return self.predictions.answers == self.split.labels

    def section_of_report(self, key: str) -> Section:
        """Give a section of the page of the report."""
        return next(section for section in self._sections if section.key == key)

    @cached_property
    def _sections(self) -> list[Section]:
        return self.report.html_sections()
