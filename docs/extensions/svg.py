"""Drawings as SVG text: boxes with a line of text, and arrows.

Text stands only in filled boxes, and lines are of a middle grey, so that a drawing can be read on a
light and on a dark background.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

GREY = "#8a8f98"
INK = "#1b1f24"
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    """Draw a filled box with round corners; all lengths in pixels."""
    return f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='5' fill='{fill}'/>"


def text(
    x: float, y: float, words: str, *, size: float = 13, bold: bool = False, anchor: str = "start"
) -> str:
    """Write words whose base line is at `y`; `anchor` is `"start"`, `"middle"` or `"end"`."""
    weight = " font-weight='bold'" if bold else ""
    return (
        f"<text x='{x:g}' y='{y:g}' font-size='{size:g}' text-anchor='{anchor}'{weight} "
        f"fill='{INK}'>{escape(words)}</text>"
    )


def arrow(x: float, start: float, end: float) -> str:
    """Draw a vertical arrow at `x` from the height `start` to the height `end`."""
    tip = end + (6 if end < start else -6)
    return (
        f"<path d='M{x:g} {start:g}V{tip:g}' stroke='{GREY}' stroke-width='2' fill='none'/>"
        f"<path d='M{x - 5:g} {tip:g}h10L{x:g} {end:g}z' fill='{GREY}'/>"
    )


def drawing(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Put parts together to the text of an SVG file.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        title: What the drawing shows, for people who cannot see it.
        parts: What `box`, `text` and `arrow` return, from back to front.

    Returns:
        The text of the file.
    """
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' "
        f"width='{width:g}' height='{height:g}' role='img' {FONT}>"
    )
    return "\n".join([head, f"<title>{escape(title)}</title>", *parts, "</svg>", ""])
