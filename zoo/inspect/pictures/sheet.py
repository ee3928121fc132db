"""A sheet: images in rows and columns, each with a few words below it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.datasets.looking.sheet import FRAME, thumbnail
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 8
"""The most images side by side by default."""

_CELL = 1.2
"""The width of an image with the space around it, in inches."""
_LINE = 0.13
"""The height of a line of text in inches."""
_SPACE = 0.1
"""The space below the text in inches."""
_LETTERS = 21
"""The most characters in a line below an image."""
_FONT_SIZE = 6.5


def new_sheet(
    images: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str],
    title: str,
    columns: int = COLUMNS,
) -> "Figure":
    """Draw a sheet on a figure of its own.

    Args:
        images: uint8 [height, width, 1 or 3] each, all of the same shape.
        captions: The text below each image, which may have several lines.
        title: The text above the images.
        columns: The most images side by side.

    Returns:
        The figure, on which each image is about an inch wide.
    """
    lines = _lines(captions)
    width = max(min(columns, len(images)), 1)
    rows = max(math.ceil(len(images) / columns), 1)
    figure = new_figure(max(width * _CELL, 3.6), rows * (1 + _SPACE + lines * _LINE) + 0.4, dpi=150)
    draw_sheet(figure.add_subplot(), images, captions, title, columns)
    return figure


def draw_sheet(
    axes: "Axes",
    images: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str],
    title: str,
    columns: int = COLUMNS,
) -> None:
    """Draw images in rows and columns into axes, each with its caption.

    Args:
        axes: The axes to draw into, about 1.2 inches wide for each column.
        images: As for `new_sheet`.
        captions: As for `new_sheet`.
        title: As for `new_sheet`.
        columns: As for `new_sheet`.
    """
    axes.set_title(title, fontsize="small", parse_math=False, wrap=True)
    axes.set_axis_off()
    if not len(images):
        axes.text(0.5, 0.5, "no images", ha="center", va="center")
        return
    drawn = [thumbnail(image) for image in images]
    height, width, _ = drawn[0].shape
    longer = max(height, width)
    pitch_x = _CELL * longer  # in pixels of the images, which are an inch wide
    pitch_y = height + (_lines(captions) * _LINE + _SPACE) * longer
    width_of_sheet = min(columns, len(images)) * pitch_x
    for number, (image, caption) in enumerate(zip(drawn, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = column * pitch_x + (pitch_x - width) / 2, row * pitch_y
        framed = np.pad(image, [(1, 1), (1, 1), (0, 0)], constant_values=FRAME)
        extent = (left - 1, left + width + 1, top + height + 1, top - 1)
        axes.imshow(framed, extent=extent, interpolation="nearest")
        text = "\n".join(_shortened(line) for line in caption.split("\n"))
        axes.text(
            left + width / 2, top + height + 0.04 * longer, text,
            ha="center", va="top", fontsize=_FONT_SIZE, parse_math=False,
        )  # fmt: skip
    axes.set(xlim=(0, width_of_sheet), ylim=(math.ceil(len(drawn) / columns) * pitch_y, -2))


def _lines(captions: Sequence[str]) -> int:
    return max([1, *(caption.count("\n") + 1 for caption in captions)])


def _shortened(line: str) -> str:
    """Cut a long line off."""
    return line if len(line) <= _LETTERS else line[: _LETTERS - 1] + "…"
