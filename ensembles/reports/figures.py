"""The pictures of a report and of an analysis.

Each function named `draw_…` draws one picture into axes of a matplotlib figure. Names of members
and classes are drawn as text, never as mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ensembles.measures.calibration import ReliabilityCurve
from zoo.ensembles.measures.uncertainty import RiskCoverage
from zoo.ensembles.reports.measure_table import Value
from zoo.metrics import Accuracy, ClassScore
from zoo.plots import MOST_NAMES, ROW, matrix_side, name_matrix, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COUNTED_MEMBERS = 40
"""The most members whose pairs are written as numbers into the picture of pairs."""

PANEL = 4.2
"""The side in inches of a picture that lists neither classes nor members."""


def figure_of_lists(
    listed: float, matrix: float, header: float, width_ratios: Sequence[float]
) -> tuple[Figure, list[Axes]]:
    """Make a figure for three pictures side by side, of which the last two have the same height.

    The shorter pictures stand at the top, so that no picture is stretched.

    Args:
        listed: The height in inches that the first picture needs.
        matrix: The height in inches that the other pictures need; also the width of the second.
        header: The height in inches of the text above the pictures.
        width_ratios: The widths of the pictures, as multiples of `matrix`.

    Returns:
        The figure, and the axes from left to right.
    """
    height, rest = max(listed, matrix), abs(listed - matrix)
    figure = new_figure(matrix * sum(width_ratios), height + header)
    if rest < 1:
        return figure, list(figure.subplots(1, 3, width_ratios=width_ratios))
    grid = figure.add_gridspec(2, 3, width_ratios=width_ratios, height_ratios=(height - rest, rest))
    first, others = (slice(0, 2), 0) if listed > matrix else (0, slice(0, 2))
    return figure, [
        figure.add_subplot(grid[first, 0]),
        figure.add_subplot(grid[others, 1]),
        figure.add_subplot(grid[others, 2]),
    ]


def draw_accuracies(axes: Axes, scores: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
    """Draw accuracies with their intervals, from top to bottom.

    Args:
        axes: The axes to draw into.
        scores: Name of a member or committee, and the values of its measures. The last is the
            committee, in another colour.
    """
    heights = range(len(scores))[::-1]
    for height, (_, values) in zip(heights, scores, strict=True):
        accuracy = values["accuracy"]
        assert isinstance(accuracy, Accuracy)
        value, low, high = (100 * end for end in (accuracy.value, accuracy.low, accuracy.high))
        axes.errorbar(
            value,
            height,
            xerr=[[value - low], [high - value]],
            fmt="o",
            color="tab:orange" if len(scores) > 1 and not height else "tab:blue",
            capsize=3,
        )
        label = f"{value:.1f} (macro F1 {100 * float(values['macro_f1']):.1f})"  # type: ignore[arg-type]
        axes.annotate(label, (value, height), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(heights, [name for name, _ in scores], parse_math=False)
    axes.set_ylim(-0.6, len(scores) - 0.4)
    axes.margins(x=0.35)  # room for the labels
    axes.set_xlabel("accuracy in %, with 95 % interval")
    axes.set_title("members and committee" if len(scores) > 1 else "")
    axes.grid(axis="x", alpha=0.3)


def draw_classes(axes: Axes, classes: Sequence[ClassScore], title: str) -> None:
    """Draw precision, recall and F1 of each class as bars.

    Args:
        axes: The axes to draw into.
        classes: The score of each class.
        title: Title of the picture.
    """
    heights = np.arange(len(classes))[::-1]
    for offset, key in ((0.25, "precision"), (0.0, "recall"), (-0.25, "f1")):
        values = [100 * getattr(score, key) for score in classes]
        label = "F1" if key == "f1" else key
        axes.barh(heights + offset, values, height=0.25, label=label)
    named = len(classes) <= MOST_NAMES
    names = [
        score.name if score.support else f"{score.name} (no images)"
        for score in (classes if named else ())
    ]
    axes.set_yticks(heights if named else [], names, fontsize="small", parse_math=False)
    axes.set_ylim(-0.6, len(classes) - 0.4)
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    axes.set_title(title, parse_math=False)
    # Below the label of the axis; the distance is in units of the font size.
    corner: dict[str, Any] = {"loc": "upper right", "bbox_to_anchor": (1, 0), "borderaxespad": 3.5}
    axes.legend(ncols=3, frameon=False, **corner)


def draw_reliability(axes: Axes, curve: ReliabilityCurve) -> None:
    """Draw accuracy over confidence, and how many images have each confidence.

    Args:
        axes: The axes to draw into.
        curve: The reliability curve.
    """
    confidence, accuracy = 100 * curve.confidence, 100 * curve.accuracy
    errors = np.stack([accuracy - 100 * curve.low, 100 * curve.high - accuracy])
    axes.plot([0, 100], [0, 100], color="grey", linewidth=1, linestyle="--")
    axes.errorbar(confidence, accuracy, yerr=errors, fmt="o-", capsize=2)
    shares = axes.twinx()
    shares.bar(confidence, 100 * curve.count / curve.count.sum(), width=3, alpha=0.2)
    shares.set_ylim(0, 100)
    shares.set_yticks([0, 25, 50], ["0", "25", "50"], color="tab:blue", alpha=0.6)
    shares.set_ylabel("images in %", color="tab:blue", alpha=0.6)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("confidence in %")
    axes.set_ylabel("accuracy in %, with 95 % interval")
    axes.set_title("reliability")


def draw_risk(axes: Axes, curve: RiskCoverage) -> None:
    """Draw the accuracy on the most confident images, over how many of them are answered.

    Args:
        axes: The axes to draw into.
        curve: The risk–coverage curve.
    """
    axes.plot(100 * curve.coverage, 100 * (1 - curve.risk))
    axes.set_xlim(0, 100)
    axes.set_xlabel("images answered in %, the most confident first")
    axes.set_ylabel("accuracy on these in %")
    axes.set_title(f"risk and coverage (AURC {curve.area:.3f})")
    axes.grid(alpha=0.3)


def disagreement_side(names: Sequence[str]) -> float:
    """Give the side in inches of the picture of pairs in which names and numbers are legible.

    Args:
        names: Names of the members.
    """
    cell = 0.3 if len(names) <= MOST_COUNTED_MEMBERS else ROW
    return max(PANEL, matrix_side(names, cell))


def draw_disagreement(axes: Axes, disagreement: np.ndarray, names: Sequence[str]) -> None:
    """Draw how often each pair of members disagrees.

    Args:
        axes: The axes to draw into.
        disagreement: Fraction of the images, float [members, members].
        names: Names of the members.
    """
    shares = 100 * disagreement
    most = max(50, shares.max())
    axes.imshow(shares, cmap="Oranges", vmin=0, vmax=most)
    name_matrix(axes, names)
    for row, column in np.ndindex(shares.shape) if len(shares) <= MOST_COUNTED_MEMBERS else ():
        if row != column:
            share = shares[row, column]
            colour = "white" if share > 0.6 * most else "black"
            text = f"{share:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    axes.set_title("pairs that disagree, in % of images")
