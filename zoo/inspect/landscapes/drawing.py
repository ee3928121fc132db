"""Pictures of landscapes and barriers."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#d55e00", "#ffffff", "#f0e442", "#cc79a7", "#56b4e9", "#000000")
"""Colours of paths, of different lightness, which stand out from the colours of the contours."""

LEVELS = 16
_WIDTH = 64
"""The number of characters in a line of a caption."""


def write_caption(axes: "Axes", title: str, caption: str) -> None:
    """Write a title and a caption above axes, as plain text."""
    lines = [title, *textwrap.wrap(caption, _WIDTH)]
    axes.set_title("\n".join(lines), fontsize="small", loc="left", parse_math=False)


def contour_levels(losses: np.ndarray, count: int = LEVELS) -> np.ndarray:
    """Choose the losses at which lines are drawn: by equal factors where losses differ widely.

    Args:
        losses: Finite losses, of any shape.
        count: The number of levels.

    Returns:
        Ascending levels, float64; fewer than two of them where all losses are equal.

    Example:
        >>> contour_levels(np.array([1.0, 100.0]), 3).round(3).tolist()
        [1.0, 10.0, 100.0]
        >>> contour_levels(np.array([1.0, 2.0]), 3).tolist()
        [1.0, 1.5, 2.0]
    """
    low, high = float(np.min(losses)), float(np.max(losses))
    if low > 0 and high > 3 * low:
        return np.unique(np.geomspace(low, high, count))
    return np.unique(np.linspace(low, high, count)) if high > low else np.array([low])


def draw_contours(
    axes: "Axes", x: np.ndarray, y: np.ndarray, losses: np.ndarray, label: str
) -> None:
    """Draw a landscape as filled contours with a colour bar; points without a finite loss are grey.

    Args:
        axes: The axes.
        x: Coordinates of the columns, [columns].
        y: Coordinates of the rows, [rows].
        losses: [rows, columns].
        label: Words beside the colour bar.
    """
    from matplotlib.colors import BoundaryNorm

    axes.set_facecolor("0.6")
    finite = np.ma.masked_invalid(losses)
    levels = contour_levels(finite.compressed()) if finite.count() else np.zeros(1)
    if len(levels) < 2:
        drawn: Any = axes.pcolormesh(x, y, finite, cmap="viridis", shading="nearest")
    else:
        norm = BoundaryNorm(levels, 256)
        drawn = axes.contourf(x, y, finite, levels=levels, norm=norm, cmap="viridis")
        inner = levels[1:-1]
        lines = axes.contour(x, y, finite, levels=inner, colors="white", linewidths=0.4)
        axes.clabel(lines, inner[::3], fmt="%.3g", fontsize="x-small")
    axes.tick_params(labelsize="small")
    bar = axes.figure.colorbar(drawn, ax=axes, label=label, format="%.3g")
    bar.ax.tick_params(labelsize="small")


def draw_paths(axes: "Axes", paths: Mapping[str, np.ndarray]) -> None:
    """Draw paths with a dot for each step, a square at the start and a star at the end.

    Args:
        axes: The axes.
        paths: Name → coordinates [steps, 2].
    """
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.6, foreground="black")]
    for number, (name, points) in enumerate(paths.items()):
        colour = COLOURS[number % len(COLOURS)]
        x, y = np.asarray(points).T
        (drawn,) = axes.plot(x, y, color=colour, linewidth=1.2, path_effects=outline)
        drawn.set_label(name if name[:1] != "_" else f" {name}")  # matplotlib hides such names
        axes.plot(x, y, ".", color=colour, markersize=6, markeredgecolor="black", mew=0.5)
        axes.plot(x[0], y[0], "s", color=colour, markeredgecolor="black", markersize=7)
        axes.plot(x[-1], y[-1], "*", color=colour, markeredgecolor="black", markersize=12)
    if paths:
        legend = axes.legend(fontsize="small", loc="best", framealpha=0.85, facecolor="0.75")
        for text in legend.get_texts():
            text.set_parse_math(False)


def draw_marks(axes: "Axes", marks: Mapping[str, Sequence[float]]) -> None:
    """Draw named points.

    Args:
        axes: The axes.
        marks: Name → coordinates [2].
    """
    from matplotlib.patheffects import withStroke

    for name, (x, y) in marks.items():
        axes.plot(x, y, "X", color="white", markeredgecolor="black", markersize=9)
        text = axes.annotate(
            name, (x, y), (6, 6), textcoords="offset points", color="white", fontsize="small",
            path_effects=[withStroke(linewidth=2, foreground="black")],
        )  # fmt: skip
        text.set_parse_math(False)
