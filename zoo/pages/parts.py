"""The parts of a page: paragraphs, tables, figures, sheets of images, the confusion matrix.

Each function gives safe HTML: every text in it is escaped and shortened. A part is put into a page
or into a fragment by `zoo.pages.frame`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.pages.pictures import figure_picture, image_picture
from zoo.text import shortened

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


class Thumbnail(NamedTuple):
    """A small image with a few words below it.

    Attributes:
        image: uint8 [height, width, channels].
        lines: The lines of text below the image.
    """

    image: np.ndarray
    lines: Sequence[str] = ()


@lru_cache
def environment() -> Environment:
    """Make the environment of the templates, which escapes every text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # the import takes time

    made = Environment(
        loader=PackageLoader("zoo.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["short"] = shortened
    made.filters["picture"] = image_picture
    return made


def _render(part: str, *arguments: Any) -> Markup:
    """Render a macro of the template `parts.html`."""
    return getattr(environment().get_template("parts.html").module, part)(*arguments)


def paragraph(text: str) -> Markup:
    """Make a paragraph.

    Example:
        >>> print(paragraph("5 < 6"))
        <p>5 &lt; 6</p>
    """
    return _render("paragraph", text)


def note(text: str) -> Markup:
    """Make a paragraph that stands out: why something is left out, or what to be careful about.

    Example:
        >>> print(note("No ReLU."))
        <p class="note">No ReLU.</p>
    """
    return _render("note", text)


def table(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    bold: str | None = None,
    numbers: bool = True,
    images: Sequence[np.ndarray] | None = None,
) -> Markup:
    """Make a table, which scrolls by itself where the page is too narrow.

    Args:
        title: The text above the table; empty for none.
        header: Names of the columns.
        rows: The cells of each row.
        bold: The first cell of the row that is drawn in bold, or None.
        numbers: Whether the cells after the first are numbers, which are aligned to the right.
        images: An image for each row, uint8 [height, width, channels], shown in a first column; or
            None.

    Returns:
        The HTML.

    Example:
        >>> "<td>&lt;3</td>" in table("Scores", ["", "n"], [["a", "<3"]])
        True
    """
    return _render("table", title, header, list(rows), bold, numbers, images)


def figure(drawn: Any, caption: str = "", description: str = "") -> Markup:
    """Make a figure of a figure of matplotlib.

    Args:
        drawn: A `Figure`, or `Axes`, whose figure is taken.
        caption: The text below the figure; empty for none.
        description: What the figure shows, for readers who do not see it. Empty for the caption.

    Returns:
        The HTML.
    """
    return _render("figure", figure_picture(drawn), caption, description or caption)


def row(*parts: Markup) -> Markup:
    """Put parts side by side, and below each other where the page is too narrow."""
    return _render("row", parts)


def image_sheet(thumbnails: Iterable[Thumbnail], caption: str = "") -> Markup:
    """Make a sheet of images, as many in a row as the page is wide.

    Args:
        thumbnails: The images with their text.
        caption: The text below the images; empty for none.

    Returns:
        The HTML.
    """
    return _render("image_sheet", list(thumbnails), caption)


class Cell(NamedTuple):
    """A cell of the confusion matrix, or a row of the list of confusions.

    Attributes:
        number: The number of images.
        share: Their share among the images of the true class, from 0 to 1.
        title: The line above the pictures.
        thumbnails: The pictures that the cell opens; without any, the cell is only a number.
    """

    number: int
    share: float
    title: str = ""
    thumbnails: Sequence[Thumbnail] = ()


def matrix_of_cells(names: Sequence[str], cells: Sequence[Sequence[Cell]], caption: str) -> Markup:
    """Make a confusion matrix whose cells open their pictures.

    A page can hold a single matrix, because its cells have identifiers.

    Args:
        names: Name of each class.
        cells: The cells, [classes][classes], a row for each true class.
        caption: The text below the matrix.

    Returns:
        The HTML.
    """
    return _render("matrix_of_cells", names, cells, caption)


def list_of_cells(rows: Sequence[tuple[str, str, Cell]], caption: str) -> Markup:
    """Make a list of confusions, each of which opens its pictures, where a matrix is too large.

    Args:
        rows: True class, predicted class and cell of each row.
        caption: The text below the list.

    Returns:
        The HTML.
    """
    return _render("list_of_cells", rows, caption)
