"""The frame around parts: a whole page, or a fragment for a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zoo.pages.parts import environment

if TYPE_CHECKING:
    from markupsafe import Markup

GENERATOR = "committee-zoo"
"""The first word of the `generator` of each page, by which a page of Zoo is recognised."""


class Section(NamedTuple):
    """A section of a page.

    Attributes:
        key: The identifier of the section in the page: letters, digits and hyphens.
        title: The heading.
        parts: The parts, from `zoo.pages.parts`.
    """

    key: str
    title: str
    parts: Sequence[Markup]


def whole_page(
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    facts: Mapping[str, str] | None = None,
) -> str:
    """Make a page: one file that loads nothing else, for light and dark, wide and narrow screens.

    Args:
        title: The title of the page.
        sections: The sections. A page of several sections has a table of contents.
        subtitle: The sentence below the title; empty for none.
        facts: What the page is about: name → value, such as the model and the date.

    Returns:
        The text of an HTML file.

    Example:
        >>> from zoo.pages.parts import paragraph
        >>> text = whole_page("Report", [Section("scores", "Scores", [paragraph("Good.")])])
        >>> text[:15], '<h2 id="scores">Scores</h2>' in text
        ('<!DOCTYPE html>', True)
    """
    return (
        environment()
        .get_template("frame.html")
        .render(
            title=title,
            subtitle=subtitle,
            sections=sections,
            facts=facts or {},
            generator=f"{GENERATOR} {version('committee-zoo')}",
        )
        + "\n"
    )


def fragment(*parts: Markup) -> str:
    """Make a piece of HTML that a notebook shows at the end of a cell.

    Args:
        *parts: The parts, from `zoo.pages.parts`.

    Returns:
        The HTML, with its style.

    Example:
        >>> from zoo.pages.parts import paragraph
        >>> fragment(paragraph("Good.")).startswith('<div class="zoo fragment">')
        True
    """
    return environment().get_template("fragment.html").render(parts=parts)


def is_own_page(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a page that this room made.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be read.

    Example:
        >>> import zoo
        >>> is_own_page(zoo.__file__)
        False
    """
    with open(Path(path), "rb") as file:
        return f'<meta name="generator" content="{GENERATOR} '.encode() in file.read(1024)
