"""Pictures: confusion matrices and accuracies with their intervals."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def confusion_figure(
    confusion: np.ndarray, class_names: Sequence[str], title: str = ""
) -> "Figure":
    """Draw a confusion matrix on a figure of its own.

    Args:
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: One name a class.
        title: What stands above it.

    Returns:
        The figure, not connected to any window.

    Example:
        >>> confusion_figure(np.eye(2, dtype=int), ["cat", "dog"]).axes[0].get_xlabel()
        'predicted'
    """
    side = float(np.clip(1.5 + 0.55 * len(class_names), 4, 12))
    figure = new_figure(side, side)
    draw_confusion(figure.add_subplot(), confusion, class_names, title)
    return figure


def draw_confusion(
    axes: "Axes", confusion: np.ndarray, class_names: Sequence[str], title: str = ""
) -> None:
    """Draw a confusion matrix: colour is the share of the true class, numbers are counts.

    Args:
        axes: Where to draw.
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: One name a class.
        title: What stands above it.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    few = len(class_names) <= 20
    ticks = range(len(class_names)) if few else []
    axes.set_xticks(ticks, class_names if few else [], rotation=45, ha="right")
    axes.set_yticks(ticks, class_names if few else [])
    axes.set_xlabel("predicted" if few else f"predicted ({len(class_names)} classes, in order)")
    axes.set_ylabel("true")
    axes.set_title(title)
    if few:
        for row, column in np.ndindex(confusion.shape):
            axes.text(
                column,
                row,
                f"{confusion[row, column]:,}",
                ha="center",
                va="center",
                fontsize="small",
                color="white" if shares[row, column] > 0.5 else "black",
            )


def new_figure(width: float, height: float, dpi: int = 120) -> "Figure":
    """Make a figure without pyplot's global state.

    Args:
        width: Inches.
        height: Inches.
        dpi: Pixels an inch.

    Returns:
        An empty figure that lays itself out, and that a notebook displays.
    """
    return _picture()(figsize=(width, height), dpi=dpi, layout="constrained")


@lru_cache
def _picture() -> type["Figure"]:
    """The class of the figures: IPython displays matplotlib's own only once pyplot is imported."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_png_(self) -> bytes:
            content = io.BytesIO()
            self.savefig(content, format="png")
            return content.getvalue()

    return Picture


def figure_pixels(figure: "Figure") -> Any:
    """Render a figure.

    Args:
        figure: Any matplotlib figure.

    Returns:
        uint8 [height, width, 4].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
