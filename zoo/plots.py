"""Figures: the parts that every figure of this project shares, and the confusion matrix."""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.text import for_picture
from zoo.text.outside import LONGEST_IN_PICTURE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COUNTED_CLASSES = 20
"""The most classes whose counts are drawn into a confusion matrix."""

MOST_NAMES = 150
"""The most classes or members that are named beside a picture."""

FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei"),
    *("Yu Gothic", "Malgun Gothic", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
    *("Noto Sans Thai", "Arial Unicode MS", "Segoe UI", "Segoe UI Symbol"),
)
"""Fonts of some systems with letters that matplotlib's own font does not have."""

LONGEST_LINE = 300
"""The most characters of a line of a title or of another text in a picture."""

ROW = 0.19
"""The height of a row in inches at which its name is legible."""


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
    side = confusion_side(confusion, class_names)
    figure = new_figure(side, side)
    draw_confusion(figure.add_subplot(), confusion, class_names, title)
    return figure


def confusion_side(confusion: np.ndarray, class_names: Sequence[str]) -> float:
    """Give the side in inches of the picture in which names and counts are legible.

    Args:
        confusion: Counts, int [classes, classes].
        class_names: Name of each class.

    Example:
        >>> confusion_side(np.eye(2, dtype=int), ["cat", "dog"])
        3.6
    """
    if len(class_names) > MOST_COUNTED_CLASSES:
        return matrix_side(class_names, ROW)
    return matrix_side(class_names, max(0.32, 0.12 + 0.075 * len(f"{confusion.max():,}")))


def matrix_side(names: Sequence[str], cell: float) -> float:
    """Give the side in inches of a picture of a square matrix with names at two sides.

    Args:
        names: Name of each row, which is also the name of a column.
        cell: The side of a cell in inches.

    Example:
        >>> matrix_side(["a", "b"], 0.3), matrix_side(["a"] * 100, 0.2)
        (3.6, 21.0)
    """
    if len(names) > MOST_NAMES:
        return 12.0
    longest = longest_name(names)
    return float(max(3.6, round(len(names) * cell + 0.075 * longest + 0.9, 1)))


def longest_name(names: Sequence[str]) -> int:
    """Count the characters of the longest name as a picture shows the names: cut off.

    Example:
        >>> longest_name(["cat", "mouse"]), longest_name(["a" * 3000])
        (5, 40)
    """
    return max(len(for_picture(name)) for name in names)


def name_matrix(axes: "Axes", names: Sequence[str]) -> None:
    """Write names beside the rows and below the columns of a square matrix.

    Names are drawn as text, never as mathematics: `$5_and_$10` is a name like any other. Of more
    than 150 rows, no name is legible, and none is drawn.

    Args:
        axes: The axes with the matrix.
        names: Name of each row, which is also the name of a column.
    """
    shown = names if len(names) <= MOST_NAMES else ()
    # Beside narrow columns, slanted names would cover one another.
    slant: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        if len(names) <= 12
        else {"rotation": 90}
    )
    axes.set_xticks(range(len(shown)), shown, fontsize="small", parse_math=False, **slant)
    axes.set_yticks(range(len(shown)), shown, fontsize="small", parse_math=False)


def draw_confusion(
    axes: "Axes", confusion: np.ndarray, class_names: Sequence[str], title: str = ""
) -> None:
    """Draw a confusion matrix: the colour is the share of the true class, the numbers are counts.

    With more than 20 classes only the colours are drawn, since counts are not legible. The colours
    of small shares then differ more from white, so that each confusion is visible.

    Args:
        axes: The axes to draw into.
        confusion: Counts, int [classes, classes], a row for each true class.
        class_names: Name of each class.
        title: Title above the matrix.
    """
    # Imported here because the imports are slow.
    from matplotlib.colors import PowerNorm
    from sklearn.metrics import ConfusionMatrixDisplay

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    classes = len(class_names)
    counted = classes <= MOST_COUNTED_CLASSES
    display = ConfusionMatrixDisplay(shares, display_labels=class_names).plot(
        ax=axes,
        include_values=counted,
        cmap="Blues",
        colorbar=False,
        im_kw={"norm": PowerNorm(1 if counted else 0.5, vmin=0, vmax=1)},
        text_kw={"fontsize": "small"},
    )
    if counted:
        for text, count, share in zip(display.text_.flat, confusion.flat, shares.flat, strict=True):
            text.set(text=f"{count:,}", color="white" if share > 0.5 else "black")
    name_matrix(axes, class_names)
    axes.set_xlabel("predicted" if classes <= MOST_NAMES else f"predicted ({classes} classes)")
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


def take_axes(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Take the axes that a user gives, or make axes on a figure of their own.

    Args:
        ax: The axes, or None.
        width: Width of a new figure in inches.
        height: Height of a new figure in inches.

    Returns:
        The axes.

    Example:
        >>> axes = take_axes(None, 6, 4)
        >>> take_axes(axes, 2, 2) is axes, axes.figure.get_size_inches().tolist()
        (True, [6.0, 4.0])
    """
    return ax if ax is not None else new_figure(width, height).add_subplot()


@lru_cache
def _figure_class() -> type["Figure"]:
    """The class of the figures. IPython displays matplotlib's own class only after pyplot."""
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            content = io.BytesIO()
            self.savefig(content, format="png")
            return content.getvalue()

        def draw(self, renderer: Any) -> None:
            """Draw all letters that a font of this computer has, and warn of the others once.

            Long names are cut off, and characters that cannot be shown are left out.
            """
            _make_texts_safe(self)
            _choose_fonts(self)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                super().draw(renderer)
            codes = {
                int(number[1])
                for warning in caught
                if (number := re.match(r"Glyph (\d+) .* missing", str(warning.message)))
            }
            for warning in caught:
                if not re.match(r"Glyph \d+ .* missing", str(warning.message)):
                    warnings.warn_explicit(
                        warning.message, warning.category, warning.filename, warning.lineno
                    )
            if codes:
                letters = "".join(map(chr, sorted(codes)))
                warnings.warn(
                    f"No font that pictures are drawn with has the letters {letters!r}. Boxes are "
                    "drawn in place of them. Install a font that has them, such as Noto Sans.",
                    UserWarning,
                    stacklevel=2,
                )

    return NotebookFigure


def _make_texts_safe(figure: "Figure") -> None:
    """Cut names beside axes and in legends off, and leave out what no picture can show."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_text(_safe_lines(text.get_text(), LONGEST_LINE))
    for axes in figure.axes:
        legend = axes.get_legend()
        for text in legend.get_texts() if legend else ():
            text.set_text(_safe_lines(text.get_text(), LONGEST_IN_PICTURE))
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if "format_ticks" not in vars(formatter):  # not drawn before
                safe = _with_safe_names(formatter.format_ticks)
                formatter.format_ticks = safe  # type: ignore[method-assign, assignment]


def _with_safe_names(format_ticks: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    return lambda ticks: [_safe_lines(text, LONGEST_IN_PICTURE) for text in format_ticks(ticks)]


def _safe_lines(text: str, most: int) -> str:
    """Make each line of a text safe for a picture."""
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    return "\n".join(for_picture(line, most) for line in text.split("\n"))


def _choose_fonts(figure: "Figure") -> None:
    """Let texts with foreign letters also take letters from the `FONTS` that are installed."""
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if not text.get_text().isascii()]
    if texts:
        names = {font.name for font in fontManager.ttflist}
        installed = [name for name in FONTS if name in names]
        for text in texts:
            text.set_fontfamily(["sans-serif", *installed])


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
