"""The analysis of a committee: diversity, contributions of the members, and uncertainty."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.calibration import BINS, ReliabilityCurve, reliability_curve
from zoo.ensembles.measures.contributions import MOST_MEMBERS, leave_one_out, shapley_values
from zoo.ensembles.measures.diversity import Diversity, diversity
from zoo.ensembles.measures.uncertainty import (
    RiskCoverage,
    accuracy_at_coverage,
    detection_auroc,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    risk_coverage,
)
from zoo.ensembles.reports.figures import (
    PANEL,
    disagreement_side,
    draw_disagreement,
    draw_reliability,
    draw_risk,
)
from zoo.ensembles.reports.saving import as_json, save_as
from zoo.ensembles.reports.tables import Table, contribution_table, diversity_table
from zoo.pages import parts
from zoo.pages.frame import fragment
from zoo.plots import new_figure
from zoo.text import percent, shortened

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIRS = "pairs that disagree"
"""The title of the picture that lists the members."""

LONGEST_MEMBER = 30
"""The most characters of the name of a member in a picture of an HTML page."""

COVERAGES = (0.5, 0.7, 0.8, 0.9, 1.0)
"""The parts of the images, the most confident first, on which the accuracy is given."""

UNCERTAINTIES: dict[str, Callable[..., np.ndarray]] = {
    "predictive_entropy": predictive_entropy,
    "expected_entropy": expected_entropy,
    "mutual_information": mutual_information,
}
"""Name of a measure of uncertainty → function from the probabilities of the members and their
weights to nats, float64 [n]. The analysis holds the means over the images."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """How members differ, what each contributes, and whether the committee knows its mistakes.

    Attributes:
        member_names: Names of the members.
        diversity: The measures of diversity; None for a single member.
        leave_one_out: Accuracy that the committee loses without each member, float [members]; None
            for a single member, and for a rule that is not defined for fewer members (stacking).
        shapley: Exact Shapley value of each member, float [members]; None in the same cases, and
            for more than 12 members.
        reliability: Confidence and accuracy of the committee in bins of confidence.
        risk: Error of the committee among its most confident answers.
        coverage_accuracy: Part of the images → accuracy of the committee on this part, the most
            confident images first.
        uncertainty: Name of a measure in `UNCERTAINTIES` → its mean over the images, in nats. Each
            is an attribute, too: `analysis.mutual_information`.
        detection: Name of a measure of uncertainty → AUROC with which it tells out-of-distribution
            images from these images; None without such images.
    """

    member_names: tuple[str, ...]
    diversity: Diversity | None
    leave_one_out: np.ndarray | None
    shapley: np.ndarray | None
    reliability: ReliabilityCurve
    risk: RiskCoverage
    coverage_accuracy: dict[float, float]
    uncertainty: dict[str, float]
    detection: dict[str, Estimate] | None = None

    def __getattr__(self, name: str) -> float:
        """Give the mean of a measure of uncertainty."""
        try:
            return self.__dict__["uncertainty"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def to_dict(self) -> dict[str, Any]:
        """Give the analysis as JSON values; a number that is nan or infinite becomes None."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= values.pop("uncertainty")
        means = self.diversity and self.diversity.means()
        return as_json({**values, "diversity means": means})

    def tables(self) -> list[Table]:
        """Give the tables as text."""
        return [*self.member_tables(), self.confidence_table()]

    def member_tables(self) -> list[Table]:
        """Give the tables of what each member contributes, and of how the members differ."""
        tables = []
        if self.leave_one_out is not None:
            tables.append(contribution_table(self.member_names, self.leave_one_out, self.shapley))
        if self.diversity is not None:
            tables.append(diversity_table(self.diversity))
        return tables

    def confidence_table(self) -> Table:
        """Give the table of how sure the committee is, and of how right it is where it is sure."""
        rows = [
            [f"accuracy on the most confident {100 * part:.0f} %", percent(value)]
            for part, value in self.coverage_accuracy.items()
        ]
        rows.append(["area under risk–coverage", f"{self.risk.area:.4f}"])
        for name, mean in self.uncertainty.items():
            if self.diversity is None and name != "predictive_entropy":
                continue  # of a single model, the one is the same and the other is 0
            rows.append([name.replace("_", " "), f"{mean:.3f} nats"])
        for name, area in (self.detection or {}).items():
            rows.append([f"AUROC of out-of-distribution images, {name}", str(area)])
        return Table("Confidence and uncertainty", ["", ""], rows)

    def plot(self) -> Figure:
        """Draw the reliability, the risk–coverage curve, and which members disagree.

        Returns:
            A matplotlib figure. The pairs of many members take as much room as they need, and the
            other pictures then stand above each other.
        """
        draw = list(self._pictures().values())
        if len(draw) == 2:
            figure = new_figure(2 * PANEL, PANEL)
            axes = [*figure.subplots(1, 2)]
        elif (side := disagreement_side(self.member_names)) < 1.5 * PANEL:
            figure = new_figure(2 * PANEL + side, side)
            axes = [*figure.subplots(1, 3, width_ratios=(PANEL, PANEL, side))]
        else:
            figure = new_figure(1.2 * PANEL + side, max(2 * PANEL, side))
            grid = figure.add_gridspec(2, 2, width_ratios=(1.2 * PANEL, side))
            axes = [figure.add_subplot(grid[row]) for row in ((0, 0), (1, 0), (slice(0, 2), 1))]
        for draw_into, part in zip(draw, axes, strict=True):
            draw_into(part)
        return figure

    def plot_parts(self) -> dict[str, Callable[[], Figure]]:
        """Give each picture of `plot` alone, for places that show pictures small.

        Returns:
            Title of the picture → a function that draws the picture as a matplotlib figure.
        """
        sides = {PAIRS: disagreement_side(self.member_names)}

        def draw_alone(title: str, draw: Callable[[Axes], None]) -> Figure:
            figure = new_figure(sides.get(title, PANEL), sides.get(title, PANEL))
            draw(figure.add_subplot())
            return figure

        return {title: partial(draw_alone, title, draw) for title, draw in self._pictures().items()}

    def _pictures(self) -> dict[str, Callable[[Axes], None]]:
        """Title of each picture → the function that draws it into axes."""
        pictures: dict[str, Callable[[Axes], None]] = {
            "reliability": partial(draw_reliability, curve=self.reliability),
            "risk and coverage": partial(draw_risk, curve=self.risk),
        }
        if self.diversity is not None:
            pictures[PAIRS] = partial(
                draw_disagreement,
                disagreement=self.diversity.disagreement,
                names=self.member_names,
            )
        return pictures

    def html_of_members(self) -> list[Markup]:
        """Give how the members differ, as parts of an HTML page; empty for a single member."""
        if self.diversity is None:
            return []
        caption = "How often each two members give different answers."
        names = tuple(shortened(name, LONGEST_MEMBER) for name in self.member_names)
        drawn = parts.figure(replace(self, member_names=names).plot_parts()[PAIRS](), caption)
        return [*(table.to_html() for table in self.member_tables()), drawn]

    def html_of_confidence(self) -> list[Markup]:
        """Give how sure and how right the committee is, as parts of an HTML page."""
        captions = {
            "reliability": "Of the answers with a confidence, the part that is right. On the "
            "dashed line, the confidence is that part.",
            "risk and coverage": "The accuracy, if only the most confident images are answered.",
        }
        draw = self.plot_parts()
        drawn = (parts.figure(draw[title](), caption) for title, caption in captions.items())
        return [parts.row(*drawn), self.confidence_table().to_html()]

    def _repr_html_(self) -> str:
        """Show the analysis in a notebook."""
        return fragment(*self.html_of_members(), *self.html_of_confidence())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture.

        Args:
            path: Path of the file; it ends in `.png`.

        Returns:
            The path.

        Raises:
            ArgumentError: The path ends in another suffix.
            RunError: The file could not be written.
        """
        return save_as(path, {".png": lambda file: self.plot().savefig(file)})


def analyse(
    labels: np.ndarray,
    probabilities: np.ndarray,
    member_names: Sequence[str],
    rule: Rule | None = None,
    elsewhere: np.ndarray | None = None,
) -> Analysis:
    """Analyse a committee by the probabilities of its members.

    Args:
        labels: True class ids, int [n].
        probabilities: Probabilities of the members, float [members, n, classes].
        member_names: Name of each member.
        rule: Rule that combines the members; None for a majority vote.
        elsewhere: Probabilities of the members on out-of-distribution images, those of another
            data set, float [members, m, classes].

    Returns:
        The analysis.

    Raises:
        ArgumentError: The arrays do not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> members = rng.dirichlet(np.ones(3), (2, 50))
        >>> analysis = analyse(np.arange(50) % 3, members, ["a", "b"])
        >>> len(analysis.shapley), 0 <= analysis.mutual_information <= analysis.predictive_entropy
        (2, True)
    """
    rule = rule or Rule()
    combined = rule(probabilities)
    correct = combined.argmax(axis=1) == labels
    # Shares of the vote are equal for many images; the part of mean probability in them decides.
    confidence = combined.max(axis=1).astype(float)
    coverage = accuracy_at_coverage(confidence, correct, COVERAGES).tolist()
    members = len(probabilities)
    divisible = members > 1 and rule.defined_for_fewer
    return Analysis(
        member_names=tuple(member_names),
        diversity=diversity(probabilities, labels, rule.weights) if members > 1 else None,
        leave_one_out=leave_one_out(probabilities, labels, rule) if divisible else None,
        shapley=(
            shapley_values(probabilities, labels, rule)
            if divisible and members <= MOST_MEMBERS
            else None
        ),
        reliability=reliability_curve(combined, labels, BINS),
        risk=risk_coverage(confidence, correct),
        coverage_accuracy=dict(zip(COVERAGES, coverage, strict=True)),
        uncertainty={
            name: float(uncertainty(probabilities, rule.weights).mean())
            for name, uncertainty in UNCERTAINTIES.items()
        },
        detection=None if elsewhere is None else _detection(probabilities, elsewhere, rule),
    )


def _detection(probabilities: np.ndarray, elsewhere: np.ndarray, rule: Rule) -> dict[str, Estimate]:
    """Measure how well uncertainty tells out-of-distribution images from these images."""
    return {
        uncertainty.__name__.replace("_", " "): detection_auroc(
            uncertainty(probabilities, rule.weights), uncertainty(elsewhere, rule.weights)
        )
        for uncertainty in (predictive_entropy, mutual_information)
    }
