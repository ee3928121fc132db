"""A sample sheet: a row for each class, with its images and its counts, drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zoo.errors import ArgumentError
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Iterable[Iterable[np.ndarray]]  # the images of each row

# Lengths in pixels of the picture.
SIDE, GAP, LINE, LETTER, SPACE, BAR = 96, 6, 44, 20, 40, 400
FRAME = 190  # the grey of the line around each image, so that white images have an edge too
DPI = 256
FONT_SIZE = 8
ROWS_PER_BLOCK = 40
LONGEST_NAME = 24
MOST_PIXELS = 2**28  # the largest picture: a gigabyte while it is drawn
LONGEST_SIDE = 2**16 - 1  # the longest side that matplotlib can draw


def draw_sheet(
    names: Sequence[str],
    columns: Mapping[str, Rows],
    counts: Mapping[str, Sequence[int]] | None = None,
    *,
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw a row for each name. Many rows stand in several blocks side by side.

    Args:
        names: The text at the left of each row.
        columns: Title of a column → the images of each row, uint8 [height, width, 1 or 3], all of
            one shape. A row may have no images; the last rows may be missing.
        counts: Split → a number for each row but the last, drawn as bars; the last row shows the
            totals. None draws no bars.
        title: The text above the rows.
        notes: Lines of text below the rows.
    """
    mosaics = {name: _mosaic(rows, len(names)) for name, rows in columns.items()}
    pitch = max([LINE, *(len(mosaic) // len(names) for mosaic in mosaics.values())])
    blocks = max(1, round(math.sqrt(len(names) / ROWS_PER_BLOCK)))
    rows_per_block = math.ceil(len(names) / blocks)
    widths = [max(image.shape[1], LETTER * len(name)) + SPACE for name, image in mosaics.items()]
    width = sum(widths) + BAR * bool(counts)
    height = rows_per_block * pitch
    figure = new_figure(1, 1, DPI)
    _resize(figure, blocks * width + 1000, height + 500)
    style = {"x": 0.01, "ha": "left", "size": FONT_SIZE, "parse_math": False, "wrap": True}
    figure.suptitle(title, weight="bold", **style)
    if notes:
        figure.supxlabel("\n".join(notes), **style)
    all_axes = figure.subplots(1, blocks, squeeze=False)[0]
    for block, axes in enumerate(all_axes):
        rows = slice(block * rows_per_block, (block + 1) * rows_per_block)
        _draw_block(axes, [_shortened(name) for name in names[rows]], pitch)
        left = 0
        for (name, mosaic), column_width in zip(mosaics.items(), widths, strict=True):
            stretch = mosaic[rows.start * pitch : rows.stop * pitch]
            extent = (left, left + stretch.shape[1], len(stretch), 0)
            axes.imshow(stretch, extent=extent, aspect="auto", interpolation="nearest")
            axes.text(left, -GAP, name, va="bottom", size=FONT_SIZE)
            left += column_width
        if counts:
            _draw_bars(axes, counts, rows, left, pitch)
        axes.set(xlim=(0, width), ylim=(height, 0))
    _fit(figure, all_axes, blocks * width, height)
    return figure


def thumbnail(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Scale an image so that its longer side is about `side` pixels long; always in RGB.

    Small images grow by a whole factor, pixel by pixel; large images are averaged.
    """
    height, width, channels = image.shape
    if channels == 1:
        image = image.repeat(3, axis=-1)
    longer = max(height, width)
    if longer <= side:
        factor = round(side / longer)
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    size = max(round(width * side / longer), 1), max(round(height * side / longer), 1)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def _mosaic(rows: Rows, count: int) -> np.ndarray:
    """Lay the images of `count` rows out in a grid, uint8 [height, width, 3], each in a frame."""
    thumbnails = [[thumbnail(image) for image in row] for row in rows]
    height, width, _ = next(row[0].shape for row in thumbnails if row)
    longest = max(map(len, thumbnails))
    cells = np.full((count, max(height + GAP, LINE), longest, width + GAP, 3), 255, np.uint8)
    top, left = (cells.shape[1] - height) // 2, GAP // 2
    for row, images in enumerate(thumbnails):
        for column, image in enumerate(images):
            cell = cells[row, :, column]
            cell[top - 1 : top + height + 1, left - 1 : left + width + 1] = FRAME
            cell[top : top + height, left : left + width] = image
    return cells.reshape(-1, longest * (width + GAP), 3)


def _draw_block(axes: Axes, names: Sequence[str], pitch: int) -> None:
    """Write the names at the left; draw no axes."""
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    centres = (np.arange(len(names)) + 0.5) * pitch
    axes.set_yticks(centres, names, size=FONT_SIZE, parse_math=False)
    axes.tick_params(length=0)


def _draw_bars(
    axes: Axes, counts: Mapping[str, Sequence[int]], rows: slice, left: int, pitch: int
) -> None:
    """Draw stacked bars, a stretch for each split, and write the numbers behind them."""
    table = np.array([*counts.values()])  # [splits, rows without the last row]
    scale = BAR / max(1, table.sum(0).max())
    lengths = np.pad(table * scale, [(0, 0), (0, 1)])[:, rows]
    labels = np.column_stack([table, table.sum(1)])[:, rows]
    centres = (np.arange(lengths.shape[1]) + 0.5) * pitch
    ends = left + lengths.cumsum(0)
    for split, length, end in zip(counts, lengths, ends, strict=True):
        axes.barh(centres, length, left=end - length, height=LINE * 0.6, label=split)
    for centre, end, numbers in zip(centres, ends[-1], labels.T, strict=True):
        text = " + ".join(f"{number:,}" for number in numbers)
        axes.text(end + GAP * (end > left), centre, text, va="center_baseline", size=FONT_SIZE)
    axes.legend(
        loc="lower left", bbox_to_anchor=(left, -GAP), bbox_transform=axes.transData,
        ncols=len(counts), fontsize=FONT_SIZE, frameon=False,
        borderaxespad=0, borderpad=0, handlelength=0.7,
    )  # fmt: skip


def _fit(figure: Figure, all_axes: Sequence[Axes], width: float, height: float) -> None:
    """Give the figure the size at which all axes together are `width` and each is `height` high.

    Then a pixel of an image covers whole pixels of the picture, and small images are sharp.
    """
    for _ in range(2):  # the room for the text changes a little with the size
        figure.draw_without_rendering()
        text_width = figure.bbox.width - sum(axes.bbox.width for axes in all_axes)
        text_height = figure.bbox.height - all_axes[0].bbox.height
        _resize(figure, text_width + width, text_height + height)


def _resize(figure: Figure, width: float, height: float) -> None:
    """Give the figure a size in pixels."""
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise ArgumentError(
            f"The picture must be small enough to be drawn. Received: images for {width:,.0f} by "
            f"{height:,.0f} pixels. Ask for fewer samples or classes."
        )
    figure.set_size_inches(width / figure.dpi, height / figure.dpi)


def _shortened(name: str) -> str:
    """Cut a long name off, and put it into one line."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
