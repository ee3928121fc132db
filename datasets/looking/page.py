"""A page that is laid out in whole pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 256
"""Pixels an inch; a power of two, so that inches times it are whole pixels again."""

MARGIN = 40
POINTS = 8

LONGEST_SIDE = 2**16 - 1
"""What matplotlib can draw."""

MOST_PIXELS = 2**28
"""A gigabyte while it is drawn."""


class Page:
    """A figure measured in pixels from the top left, within its margin.

    Example:
        >>> page = Page()
        >>> page.resize(400, 100)
        >>> page.write(0, 50, "cats and dogs")
        >>> page.figure.bbox.size.tolist()
        [480.0, 180.0]
    """

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure = new_figure(1, 1, DPI)
        self.figure.set_layout_engine("none")
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()
        self._width = self._height = 0

    def resize(self, width: float, height: float) -> None:
        """Give the page its size, margins not counted, before anything is put on it.

        Args:
            width: pixels.
            height: pixels.

        Raises:
            ArgumentError: that is too large to be drawn.
        """
        self._width, self._height = math.ceil(width) + 2 * MARGIN, math.ceil(height) + 2 * MARGIN
        if max(self._width, self._height) > LONGEST_SIDE or (
            self._width * self._height > MOST_PIXELS
        ):
            raise ArgumentError(
                f"a picture of {self._width:,} by {self._height:,} pixels is too large to be "
                "drawn; ask for fewer samples or classes"
            )
        self.figure.set_size_inches(self._width / DPI, self._height / DPI)

    def text_width(self, text: str, **font: Any) -> int:
        """How wide a text will be."""
        from matplotlib.font_manager import FontProperties

        properties = FontProperties(size=POINTS, **font)
        return math.ceil(self._renderer.get_text_width_height_descent(text, properties, False)[0])

    def write(self, x: float, y: float, text: str, **options: Any) -> None:
        """Write a line of text whose middle is at that height."""
        place = (MARGIN + x) / self._width, 1 - (MARGIN + y) / self._height
        style: dict[str, Any] = {"va": "center_baseline", "parse_math": False, "size": POINTS}
        self.figure.text(*place, text, **style | options)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Make room for pixels or bars, without a frame."""
        left, bottom = MARGIN + x, self._height - MARGIN - y - height
        axes = self.figure.add_axes(
            (left / self._width, bottom / self._height, width / self._width, height / self._height)
        )
        axes.set_axis_off()
        return axes
