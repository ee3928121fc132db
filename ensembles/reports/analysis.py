"""What makes a committee what it is: how its members differ, what each is worth, what it knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from zoo.errors import ArgumentError
from zoo.files import write_atomically
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COVERAGES = (0.5, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, eq=False)
class Analysis:
    """How a committee's members differ, what each is worth, and whether it knows when it is wrong.

    Attributes:
        member_names: one name a member.
        diversity: the measures of diversity; None for a single member.
        leave_one_out: [members], what the committee's accuracy loses without each; None for a
            single member, or stacking, which is no rule for fewer.
        shapley: [members], exact Shapley values of the accuracy; None as well for more than 12.
        reliability: confidence and accuracy of the committee, bin by bin.
        risk: its error among the images that it is surest of.
        coverage_accuracy: its accuracy on the surest part of the images, by that part.
        predictive_entropy: mean over the images, in nats.
        expected_entropy: the same of the members' own entropies.
        mutual_information: the same of what they contradict each other in.
        detection: AUROC of telling another data set's images by the predictive entropy, and by the
            mutual information; None without other images.
    """

    member_names: tuple[str, ...]
    diversity: Diversity | None
    leave_one_out: np.ndarray | None
    shapley: np.ndarray | None
    reliability: ReliabilityCurve
    risk: RiskCoverage
    coverage_accuracy: dict[float, float]
    predictive_entropy: float
    expected_entropy: float
    mutual_information: float
    detection: dict[str, Estimate] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The analysis as JSON values; what is not a number is None."""
        return _json({**asdict(self), "diversity means": self.diversity and self.diversity.means()})

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, header and rows of each table, as text."""
        tables = []
        if self.leave_one_out is not None:
            rows = [
                [name, f"{100 * without:+.1f}"]
                for name, without in zip(self.member_names, self.leave_one_out, strict=True)
            ]
            header = ["", "without it, points"]
            if self.shapley is not None:
                header.append("Shapley value, points")
                for row, value in zip(rows, self.shapley, strict=True):
                    row.append(f"{100 * value:+.1f}")
            tables.append(("What each member is worth", header, rows))
        if self.diversity is not None:
            means = self.diversity.means()
            parts = self.diversity.ambiguity
            del means["ambiguity"]
            rows = [[name.replace("_", " "), f"{value:.3f}"] for name, value in means.items()]
            rows += [
                ["members' mean Brier score", f"{parts.members:.3f}"],
                ["less their ambiguity", f"{parts.ambiguity:.3f}"],
                ["Brier score of their mean", f"{parts.ensemble:.3f}"],
            ]
            tables.append(("Diversity, means over pairs; and what it is worth", ["", ""], rows))
        rows = [
            [f"{100 * part:.0f} % surest", f"{100 * value:.1f} %"]
            for part, value in self.coverage_accuracy.items()
        ]
        rows += [
            ["area under risk–coverage", f"{self.risk.area:.4f}"],
            ["predictive entropy", f"{self.predictive_entropy:.3f} nats"],
            ["expected entropy", f"{self.expected_entropy:.3f} nats"],
            ["mutual information", f"{self.mutual_information:.3f} nats"],
        ]
        for name, area in (self.detection or {}).items():
            rows.append([f"AUROC elsewhere, {name}", str(area)])
        tables.append(("What it knows of itself", ["", ""], rows))
        return tables

    def plot(self) -> Figure:
        """Draw reliability, risk–coverage and which members disagree.

        Returns:
            A matplotlib figure.
        """
        several = self.diversity is not None
        figure = new_figure(12.6 if several else 8.4, 4.2)
        axes = figure.subplots(1, 3 if several else 2)
        self._draw_reliability(axes[0])
        self._draw_risk(axes[1])
        if self.diversity is not None:
            self._draw_pairs(axes[2], self.diversity)
        return figure

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture.

        Args:
            path: Where; it ends in `.png`.

        Returns:
            The path.

        Raises:
            ArgumentError: Another suffix.
            RunError: It could not be written.
        """
        path = Path(path)
        if path.suffix != ".png":
            raise ArgumentError(f"An analysis is drawn as .png. Received: {path.name}")
        return write_atomically(path, lambda temporary: self.plot().savefig(temporary))

    def _draw_reliability(self, axes: Axes) -> None:
        curve = self.reliability
        axes.plot([0, 100], [0, 100], color="grey", linewidth=1, linestyle="--")
        errors = 100 * np.stack([curve.accuracy - curve.low, curve.high - curve.accuracy])
        axes.errorbar(
            100 * curve.confidence, 100 * curve.accuracy, yerr=errors, fmt="o-", capsize=2
        )
        shares = axes.twinx()
        shares.bar(
            100 * curve.confidence, 100 * curve.count / curve.count.sum(), width=3, alpha=0.2
        )
        shares.set_ylim(0, 100)
        shares.set_yticks([0, 25, 50], ["0", "25", "50"], color="tab:blue", alpha=0.6)
        shares.set_ylabel("images in %", color="tab:blue", alpha=0.6)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xlabel("confidence in %")
        axes.set_ylabel("accuracy in %, with 95 % interval")
        axes.set_title("reliability")

    def _draw_risk(self, axes: Axes) -> None:
        axes.plot(100 * self.risk.coverage, 100 * (1 - self.risk.risk))
        axes.set_xlim(0, 100)
        axes.set_xlabel("images answered in %, the surest first")
        axes.set_ylabel("accuracy on these in %")
        axes.set_title(f"risk and coverage (AURC {self.risk.area:.3f})")
        axes.grid(alpha=0.3)

    def _draw_pairs(self, axes: Axes, measures: Diversity) -> None:
        shares = 100 * measures.disagreement
        axes.imshow(shares, cmap="Oranges", vmin=0, vmax=max(50, shares.max()))
        few = len(shares) <= 12
        ticks = range(len(shares)) if few else []
        axes.set_xticks(ticks, self.member_names if few else [], rotation=45, ha="right")
        axes.set_yticks(ticks, self.member_names if few else [])
        for row, column in np.ndindex(shares.shape) if few else ():
            if row != column:
                dark = shares[row, column] > 0.6 * max(50, shares.max())
                axes.text(
                    column,
                    row,
                    f"{shares[row, column]:.0f}",
                    ha="center",
                    va="center",
                    color="white" if dark else "black",
                )
        axes.set_title("pairs that disagree, in % of images")


def analyse(
    labels: np.ndarray,
    probabilities: np.ndarray,
    member_names: Sequence[str],
    rule: Rule | None = None,
    elsewhere: np.ndarray | None = None,
) -> Analysis:
    """Analyse a committee by its members' probabilities.

    Args:
        labels: int [n], the true class ids.
        probabilities: float [members, n, classes].
        member_names: one name a member.
        rule: how members become one answer; None for a majority vote.
        elsewhere: the members' probabilities of another data set's images, [members, m, classes].

    Returns:
        The analysis.

    Raises:
        ArgumentError: arrays that do not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> members = rng.dirichlet(np.ones(3), (2, 50))
        >>> found = analyse(np.arange(50) % 3, members, ["a", "b"])
        >>> len(found.shapley), 0 <= found.mutual_information <= found.predictive_entropy
        (2, True)
    """
    rule = rule or Rule()
    combined = rule(probabilities)
    correct = combined.argmax(axis=1) == labels
    # The votes of few members have many ties, which their mean probabilities break.
    sure = combined.max(axis=1).astype(float)
    known = None
    if elsewhere is not None:
        known = {
            name: detection_auroc(
                measure(probabilities, rule.weights), measure(elsewhere, rule.weights)
            )
            for name, measure in (
                ("predictive entropy", predictive_entropy),
                ("mutual information", mutual_information),
            )
        }
    several = len(probabilities) > 1
    named: Any = rule.voting if several and rule.coefficients is None else None
    worth = (labels, named, rule.weights)
    return Analysis(
        member_names=tuple(member_names),
        diversity=diversity(probabilities, labels, rule.weights) if several else None,
        leave_one_out=leave_one_out(probabilities, *worth) if named else None,
        shapley=(
            shapley_values(probabilities, *worth)
            if named and len(probabilities) <= MOST_MEMBERS
            else None
        ),
        reliability=reliability_curve(combined, labels, BINS),
        risk=risk_coverage(sure, correct),
        coverage_accuracy=dict(
            zip(COVERAGES, accuracy_at_coverage(sure, correct, COVERAGES).tolist(), strict=True)
        ),
        predictive_entropy=float(predictive_entropy(probabilities, rule.weights).mean()),
        expected_entropy=float(expected_entropy(probabilities, rule.weights).mean()),
        mutual_information=float(mutual_information(probabilities, rule.weights).mean()),
        detection=known,
    )


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_json(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
