"""Many small pictures side by side in the same axes, each with a name above it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.plots import new_figure
from zoo.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

MOST_TILES = 100
"""The most pictures that are drawn side by side. A caption says how many are left out."""

SIDE = 24
"""The least height and width of a picture in the mosaic. Smaller pictures are repeated."""

INCHES = 0.72
"""The side of a picture on a figure of its own."""

LETTERS_PER_INCH = 14
"""How many letters of a caption stand in an inch."""

SIGNED_COLOURS = "RdBu_r"
"""Blue below 0, white at 0, red above 0; people who are colour-blind see the difference."""


def new_axes(count: int, *, columns: int | None = None) -> Axes:
    """Make a figure in which `count` pictures have room, and give its axes.

    Args:
        count: The number of pictures.
        columns: The most pictures in a row; None for about as many as rows.

    Example:
        >>> new_axes(4).figure.get_size_inches().round(1).tolist()
        [3.2, 2.6]
    """
    across = columns_for(count, columns)
    width = max(3.2, across * INCHES + 1.0)
    return new_figure(width, math.ceil(count / across) * INCHES + 1.16).add_subplot()


def columns_for(count: int, columns: int | None = None) -> int:
    """Give the number of columns of a mosaic, by default a little wider than high.

    Args:
        count: The number of pictures.
        columns: The most pictures in a row; None for about as many as rows.

    Raises:
        ArgumentError: `columns` is no whole number of 1 or more.

    Example:
        >>> columns_for(10), columns_for(2), columns_for(2, columns=8)
        (4, 2, 2)
    """
    if columns is not None:
        return max(1, min(count, whole_number("columns", columns, 1)))
    return max(1, min(count, math.ceil(math.sqrt(1.5 * count))))


def draw_tiles(
    axes: Axes,
    tiles: np.ndarray,
    names: Sequence[str],
    *,
    columns: int | None = None,
    crossed: Sequence[bool] | None = None,
    **options: Any,
) -> AxesImage:
    """Draw pictures as a mosaic.

    Args:
        axes: The axes to draw into.
        tiles: [pictures, height, width] to be drawn with a colour map, or RGB 0..1
            [pictures, height, width, 3].
        names: A name for each picture, written above it as text.
        columns: The most pictures in a row; None for about as many as rows.
        crossed: For each picture whether a cross is drawn in place of the picture; None for none.
        **options: Further arguments of `Axes.imshow`, such as `cmap`, `vmin` and `vmax`.

    Returns:
        The image of the mosaic, for a colour bar.

    Example:
        >>> axes = new_axes(2)
        >>> draw_tiles(axes, np.zeros((2, 3, 3)), ["0", "1"]).get_array().shape
        (32, 50)
    """
    count, height, width = tiles.shape[:3]
    factor = math.ceil(SIDE / max(height, width))
    tiles = tiles.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = factor * height, factor * width
    gap, line = round(0.08 * width), round(0.32 * max(height, width))
    across = columns_for(count, columns)
    down = math.ceil(count / across)
    # NaN leaves the background white under a colour map.
    blank = np.nan if tiles.ndim == 3 else 1.0
    size = (down * (height + line), across * (width + gap) - gap)
    mosaic = np.full((*size, *tiles.shape[3:]), blank, tiles.dtype)
    font = min(9.0, 0.62 * 72 * INCHES * line / max(height, width))
    marks = crossed if crossed is not None else [False] * count
    for index, (tile, name, is_crossed) in enumerate(zip(tiles, names, marks, strict=True)):
        row, column = divmod(index, across)
        top, left = row * (height + line) + line, column * (width + gap)
        if is_crossed:
            _draw_cross(axes, top, left, height, width)
        else:
            mosaic[top : top + height, left : left + width] = tile
        centre = left + width / 2 - 0.5
        axes.text(
            centre, top - 0.15 * line, name,
            ha="center", va="bottom", size=font, parse_math=False,
        )  # fmt: skip
    image = axes.imshow(mosaic, interpolation="nearest", **options)
    axes.set_axis_off()
    return image


def _draw_cross(axes: Axes, top: int, left: int, height: int, width: int) -> None:
    """Draw an empty square with two diagonals."""
    low, high = left - 0.5, left + width - 0.5
    upper, lower = top - 0.5, top + height - 0.5
    axes.plot([low, high, high, low, low], [upper, upper, lower, lower, upper], "0.6", linewidth=1)
    axes.plot([low, high], [upper, lower], "0.6", linewidth=1)
    axes.plot([low, high], [lower, upper], "0.6", linewidth=1)


def caption(axes: Axes, *sentences: str) -> None:
    """Write a caption below the pictures. Lines are as long as the axes are wide.

    Args:
        axes: The axes with the pictures.
        *sentences: The sentences; an empty sentence is left out.
    """
    width = axes.get_window_extent().width / axes.figure.dpi
    text = " ".join(sentence for sentence in sentences if sentence)
    axes.text(
        0, -0.02, wrapped(text, max(30, int(LETTERS_PER_INCH * width))),
        transform=axes.transAxes, ha="left", va="top", size="small", parse_math=False,
    )  # fmt: skip


def left_out(count: int) -> str:
    """Say how many pictures are drawn where there are too many, else nothing.

    Example:
        >>> left_out(512), left_out(10)
        ('The first 100 of 512 are drawn.', '')
    """
    return f"The first {MOST_TILES} of {count:,} are drawn." if count > MOST_TILES else ""
