"""A table of pictures: a row for each class, with its images and its counts.

Everything is placed in whole pixels, so that images are drawn sharp and stand in line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zoo.datasets.looking.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Lengths in pixels.
GAP, SPACE, LINE, BAR = 4, 36, 40, 400
FRAME = 190  # grey

# For each row, its images.
Pictures = Iterable[Iterable[np.ndarray]]

FEW_ROWS = 24
LONGEST_NAME = 24
SHAPE_OF_PAGE = 1.5


def thumbnail(image: np.ndarray, side: int) -> np.ndarray:
    """Scale an image so that its longer side is about as long as asked for.

    Small images grow by a whole factor, pixel by pixel; large ones are averaged.

    Args:
        image: uint8 [height, width, 1 or 3].
        side: pixels.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> thumbnail(np.zeros((8, 6, 1), "uint8"), 96).shape
        (96, 72, 3)
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


def draw_sheet(
    names: Sequence[str],
    pictures: Mapping[str, Pictures],
    counts: Mapping[str, Sequence[int]] | None = None,
    *,
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw a row for each name, in as many blocks side by side as make a page.

    Args:
        names: what stands at the left of each row.
        pictures: title of a column → the images of each row, uint8 [height, width, 1 or 3], all of
            one shape; a row may have fewer than others, or none, and the last ones may be missing.
        counts: part → a number for each row but the last, drawn as bars; the totals stand in the
            last.
        title: what stands above it all.
        notes: lines below the title.

    Returns:
        The figure.

    Example:
        >>> image = np.zeros((8, 8, 1), "uint8")
        >>> figure = draw_sheet(["cat", "dog"], {"images": [[image] * 9, [image]]}, title="pets")
        >>> [text.get_text() for text in figure.texts]
        ['pets', 'cat', 'dog', 'images']
    """
    page = Page()
    names = [_short(name) for name in names]
    side = 96 if len(names) <= FEW_ROWS else 64
    columns: list[Any] = [_Images(page, *column, side) for column in pictures.items()]
    if counts:
        columns.append(_Bars(page, counts))
    pitch = max([LINE, *(column.row_height + GAP for column in columns)])

    name_width = max(map(page.text_width, names))
    block_width = name_width + sum(column.width + SPACE for column in columns) + SPACE
    head = LINE * (2 * len(notes) + 5) // 2
    blocks = _best_blocks(len(names), block_width, pitch, head)
    rows = math.ceil(len(names) / blocks)
    blocks = math.ceil(len(names) / rows)
    texts = [page.text_width(title, weight="bold"), *map(page.text_width, notes)]
    page.resize(max(blocks * block_width - SPACE, *texts), head + rows * pitch)

    page.write(0, LINE / 2, title, weight="bold")
    for number, note in enumerate(notes, 1):
        page.write(0, LINE * (number + 0.5), note)
    for block in range(blocks):
        here = slice(block * rows, (block + 1) * rows)
        x = block * block_width + name_width
        for row, name in enumerate(names[here]):
            page.write(x, head + row * pitch + (pitch - GAP) / 2, name, ha="right")
        for column in columns:
            x += SPACE if column is not columns[0] else SPACE // 2
            column.draw(x, head, here, pitch)
            x += column.width
    return page.figure


class _Images:
    """A column of images, up to so many in each row."""

    def __init__(self, page: Page, title: str, rows: Pictures, side: int) -> None:
        self._page, self._title = page, title
        self._rows = [[thumbnail(image, side) for image in row] for row in rows]
        self._most = max(map(len, self._rows), default=0)
        every = [image for row in self._rows for image in row]
        self.row_height, self._side = every[0].shape[:2] if every else (0, 0)
        self._own_width = max(self._most * (self._side + GAP) - GAP, 0)
        self.width = max(self._own_width, page.text_width(title))

    def draw(self, x: int, y: int, rows: slice, pitch: int) -> None:
        self._page.write(x, y - LINE / 2, self._title)
        if not self._most:
            return
        height = len(self._rows[rows]) * pitch - GAP
        pixels = np.full((height, self._own_width, 3), 255, np.uint8)
        for row, images in enumerate(self._rows[rows]):
            top = row * pitch + (pitch - GAP - self.row_height) // 2
            for column, image in enumerate(images):
                left = column * (self._side + GAP)
                bottom, right = top + self.row_height, left + self._side
                # A thin frame, so that white images have an end too.
                pixels[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1] = FRAME
                pixels[top:bottom, left:right] = image
        axes = self._page.axes(x, y, self._own_width, height)
        axes.imshow(pixels, aspect="auto", interpolation="nearest")


class _Bars:
    """A column of stacked bars, a stretch for each part, with the numbers behind them."""

    row_height = 0

    def __init__(self, page: Page, counts: Mapping[str, Sequence[int]]) -> None:
        rows = [*zip(*counts.values(), strict=True)]
        totals = [sum(column) for column in counts.values()]
        self._page = page
        self._bars = {part: [*column, 0] for part, column in counts.items()}
        self._labels = [" + ".join(f"{count:,}" for count in row) for row in [*rows, totals]]
        self._longest = max([1, *map(sum, rows)])
        self._legend = {part: page.text_width(part) + LINE + SPACE for part in counts}
        ends = [BAR * sum(row) // self._longest + SPACE // 2 for row in [*rows, ()]]
        labels = max(
            end + page.text_width(label) for end, label in zip(ends, self._labels, strict=True)
        )
        self.width = max(labels, sum(self._legend.values()) - SPACE)

    def draw(self, x: int, y: int, rows: slice, pitch: int) -> None:
        labels = self._labels[rows]
        height = len(labels) * pitch - GAP
        axes = self._page.axes(x, y, BAR, height)
        axes.set(xlim=(0, self._longest), ylim=(height, 0))
        places = np.arange(len(labels)) * pitch + (pitch - GAP) / 2
        ends = np.zeros(len(labels))
        at = x
        for number, (part, column) in enumerate(self._bars.items()):
            shade = f"C{number}"
            axes.barh(places, column[rows], height=LINE * 0.6, left=ends, color=shade)
            ends += column[rows]
            self._page.write(at, y - LINE / 2, "■", color=shade)
            self._page.write(at + LINE, y - LINE / 2, part)
            at += self._legend[part]
        for place, end, label in zip(places, ends, labels, strict=True):
            right = x + BAR * end / self._longest + SPACE // 2 * (end > 0)
            self._page.write(right, y + place, label)


def _best_blocks(rows: int, block_width: int, pitch: int, head: int) -> int:
    """How many blocks give a page of a pleasant shape."""

    def distance(blocks: int) -> float:
        height = head + math.ceil(rows / blocks) * pitch
        return abs(math.log(blocks * block_width / height / SHAPE_OF_PAGE))

    return min(range(1, rows + 1), key=distance)


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
