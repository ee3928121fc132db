"""Figures: the parts that every figure of this project shares, and the confusion matrix."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELLED_CLASSES = 20
"""The most classes whose names and counts are legible in a confusion matrix."""


def confusion_figure(
    confusion: np.ndarray, class_names: Sequence[str], title: str = ""
) -> "Figure":
    """Draw a confusion matrix on a figure of its own.

    Args:
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: Name of each class.
        title: Title above the matrix.

    Returns:
        The figure, which is not connected to any window.

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
    """Draw a confusion matrix: the colour is the share of the true class, the numbers are counts.

    Names are drawn as text, never as mathematics: `$5_and_$10` is a name like any other. With more
    than 20 classes neither names nor counts are legible, and only the colours are drawn.

    Args:
        axes: The axes to draw into.
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: Name of each class.
        title: Title above the matrix.
    """
    from sklearn.metrics import ConfusionMatrixDisplay  # imported here because the import is slow

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    few = len(class_names) <= MOST_LABELLED_CLASSES
    display = ConfusionMatrixDisplay(shares, display_labels=class_names).plot(
        ax=axes,
        include_values=few,
        cmap="Blues",
        colorbar=False,
        im_kw={"vmin": 0, "vmax": 1},
        text_kw={"fontsize": "small"},
    )
    if few:
        for text, count, share in zip(display.text_.flat, confusion.flat, shares.flat, strict=True):
            text.set(text=f"{count:,}", color="white" if share > 0.5 else "black")
        ticks = range(len(class_names))
        axes.set_xticks(ticks, class_names, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(ticks, class_names, parse_math=False)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_xlabel("predicted" if few else f"predicted ({len(class_names)} classes, in order)")
    axes.set_ylabel("true")
    axes.set_title(title, parse_math=False)


def new_figure(width: float, height: float, dpi: int = 120) -> "Figure":
    """Make a figure without the global state of pyplot.

    Args:
        width: Width in inches.
        height: Height in inches.
        dpi: Pixels in an inch.

    Returns:
        An empty figure that arranges its parts itself, and that a notebook displays.
    """
    return _figure_class()(figsize=(width, height), dpi=dpi, layout="constrained")


@lru_cache
def _figure_class() -> type["Figure"]:
    """The class of the figures. IPython displays matplotlib's own class only after pyplot."""
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            content = io.BytesIO()
            self.savefig(content, format="png")
            return content.getvalue()

    return NotebookFigure


def figure_pixels(figure: "Figure") -> Any:
    """Render a figure.

    Args:
        figure: Any matplotlib figure.

    Returns:
        Pixels, uint8 [height, width, 4].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
