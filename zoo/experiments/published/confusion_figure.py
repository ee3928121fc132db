"""The picture of a published confusion matrix beside the matrix of the same experiment here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import ArgumentError
from zoo.plots import matrix_side, name_matrix, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.42
"""The side of a cell in inches."""


def draw_beside(published: ArrayLike, measured: ArrayLike, class_names: Sequence[str]) -> "Figure":
    """Draw a published confusion matrix, the matrix here, and their difference.

    All three are in percent of the images of the true class, so that test sets of different sizes
    compare.

    Args:
        published: Counts, or percent of each true class, [classes, classes], a row for each true
            class in the order of `class_names`. An empty list draws the matrix here alone.
        measured: Counts here, [classes, classes].
        class_names: Name of each class.

    Returns:
        The figure.

    Raises:
        ArgumentError: The published matrix has another shape, or a value below 0.

    Example:
        >>> figure = draw_beside([[9, 1], [4, 6]], [[80, 20], [30, 70]], ["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes]
        ['the report', 'here', 'here less the report, in points']
    """
    here = _percent(np.asarray(measured, np.float64))
    panels: list[tuple[str, NDArray[np.float64], dict[str, Any]]] = [
        ("here", here, {"cmap": "Blues", "vmin": 0, "vmax": 100})
    ]
    given = np.asarray(published, np.float64)
    if given.size:
        if given.shape != here.shape or (given < 0).any():
            raise ArgumentError(
                f"published must be a matrix of {len(here)} × {len(here)} counts or percentages. "
                f"Received: shape {given.shape}. Write a row for each true class, in the order "
                f"{', '.join(class_names)}."
            )
        difference = here - _percent(given)
        most = max(float(np.abs(difference).max()), 1.0)
        panels.insert(0, ("the report", _percent(given), panels[0][2]))
        style = {"cmap": "RdBu", "vmin": -most, "vmax": most}
        panels.append(("here less the report, in points", difference, style))
    side = matrix_side(class_names, CELL)
    figure = new_figure(side * len(panels), side + 0.4)
    for k, (title, matrix, style) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), k + 1)
        _draw_panel(axes, matrix, style, "{:+.0f}" if k == 2 else "{:.0f}")
        name_matrix(axes, class_names)
        axes.set_xlabel("predicted")
        axes.set_title(title, fontsize="medium")
    figure.axes[0].set_ylabel("true, rows in percent")
    return figure


def _percent(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the percent of the images of each true class."""
    sums = counts.sum(axis=1, keepdims=True)
    return 100 * np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)


def _draw_panel(
    axes: "Axes", matrix: NDArray[np.float64], style: dict[str, Any], number_format: str
) -> None:
    """Draw the colours of a matrix, and the number in each cell."""
    image = axes.imshow(matrix, **style)
    for (row, column), value in np.ndenumerate(matrix):
        shade = float(image.to_rgba(np.array([value]))[0, :3].mean())
        text = number_format.format(value + 0.0)
        color = "white" if shade < 0.45 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize="small", color=color)
