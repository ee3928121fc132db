"""What the pictures of learning curves and sweeps share: colours, means, bands and single runs."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"train": "#0072b2", "validation": "#d55e00"}
"""The colours of training and validation images, which the colour-blind tell apart."""

MARKERS = {"train": "s", "validation": "o"}
STYLES = {"train": "--", "validation": "-"}
"""Markers and styles tell the images apart in black and white too."""

_LETTER = 0.074
"""The mean width of a letter of a title in inches."""

RUN_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#8c8c8c"),
)
"""The colours of runs that are drawn each by itself (Okabe & Ito, 2008)."""


def draw_band(axes: "Axes", x: Any, mean: Any, deviation: Any, part: str) -> None:
    """Fill the area of one standard deviation around a mean.

    Args:
        axes: The axes to draw into.
        x: float [k].
        mean: float [k].
        deviation: float [k]; nothing is drawn where it is NaN.
        part: `"train"` or `"validation"`, for the colour.
    """
    if np.isfinite(deviation).any():
        axes.fill_between(
            x, mean - deviation, mean + deviation, color=COLOURS[part], alpha=0.18, linewidth=0
        )


def plain_title(axes: "Axes", title: str) -> None:
    """Write a title as wide as the axes, in which names are text and never mathematics.

    Args:
        axes: The axes.
        title: The title, which may have several lines.
    """
    # matplotlib's own wrapping reads the text as mathematics.
    figure = axes.get_figure(root=True)
    assert figure is not None
    inches = axes.get_window_extent().width / figure.dpi
    letters = max(24, int(inches / _LETTER))
    lines = [part for line in title.split("\n") for part in wrap(line, letters)]
    axes.set_title("\n".join(lines), fontsize="medium", parse_math=False)


def plain_legend(axes: "Axes", **options: Any) -> None:
    """Write the legend, in which names are text and never mathematics."""
    legend = axes.legend(fontsize="small", frameon=False, **options)
    for text in legend.get_texts():
        text.set_parse_math(False)


def draw_members(axes: "Axes", lines: Sequence[tuple[Any, Any]]) -> None:
    """Draw the curves of the members of a committee as thin lines below its own curve.

    Args:
        axes: The axes with the curve of the committee.
        lines: The values of each member along both axes; nothing is drawn if there are none.
    """
    for number, (x, y) in enumerate(lines):
        label = f"{len(lines)} members" if number == 0 else None
        axes.plot(x, y, color="grey", alpha=0.7, linewidth=0.8, zorder=1, label=label)
    if lines:
        axes.plot([], [], color="tab:blue", label="committee")
        plain_legend(axes)
