"""Numbers and tables as text, in the same form in messages, reports and the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """End a sentence about an unknown name with the closest known names, or with a full stop.

    Args:
        word: The unknown name.
        known: All known names.

    Returns:
        The end of the sentence.

    Example:
        >>> f"Received: 'cn'{did_you_mean('cn', ['cnn', 'mlp'])}"
        "Received: 'cn'; did you mean 'cnn'?"
    """
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lowered, n=2)
    return f"; did you mean {' or '.join(repr(lowered[name]) for name in close)}?" if close else "."


def unknown_name(kind: str, name: Any, known: Iterable[str], remedy: str) -> str:
    """Write the error about a name that is not in a registry.

    Args:
        kind: What the registry holds, such as `"model"`.
        name: The unknown name.
        known: All registered names.
        remedy: A sentence that says what to do about a name of the user's own.

    Returns:
        The message, with the closest and with all registered names.

    Example:
        >>> print(unknown_name("model", "cn", ["mlp", "cnn"], "Import your module."))
        ... # doctest: +NORMALIZE_WHITESPACE
        The model must be registered. Received: 'cn'; did you mean 'cnn'? Registered: cnn, mlp.
        Import your module.
    """
    names = sorted(known)
    return (
        f"The {kind} must be registered. Received: {name!r}{did_you_mean(str(name), names)} "
        f"Registered: {', '.join(names)}. {remedy}"
    )


def percent(fraction: float) -> str:
    """Write a fraction as a percentage with one decimal.

    Example:
        >>> percent(0.4714)
        '47.1 %'
    """
    return f"{100 * fraction:.1f} %"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table as Markdown; all columns except the first are aligned to the right.

    Args:
        header: Names of the columns.
        rows: The cells of each row. Line breaks become spaces, and `|` is escaped.

    Returns:
        The lines of the table.

    Example:
        >>> print(markdown_table(["", "n"], [["a|b", "3"]]))
        |  | n |
        | --- | ---: |
        | a\|b | 3 |
    """
    cells = (
        [" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in (header, *rows)
    )
    first, *others = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([first, f"| --- |{' ---: |' * (len(header) - 1)}", *others])


def rich_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    right: bool = True,
    bold: str | None = None,
) -> Table:
    """Make a table for the terminal, without lines between the cells.

    Args:
        header: Names of the columns.
        rows: The cells of each row, which are plain text, never markup.
        title: A line above the table, or None.
        right: Whether all columns except the first are aligned to the right.
        bold: The first cell of the row that is drawn in bold, or None.

    Returns:
        A `rich.table.Table`.

    Example:
        >>> rich_table(["", "n"], [["a", "3"]], title="Scores").row_count
        1
    """
    from rich.table import Table  # imported here because many callers need no table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    for index, name in enumerate(header):
        table.add_column(Text(name), justify="right" if right and index else "left")
    for row in rows:
        table.add_row(*map(Text, row), style="bold" if row[0] == bold else "")
    return table


def as_plain_text(renderable: Any, width: int = 100) -> str:
    """Print something that rich can print, without colours, into a text.

    Args:
        renderable: A table, or another object that rich can print.
        width: Number of characters in a line.

    Returns:
        The lines, without spaces at their ends.

    Example:
        >>> print(as_plain_text(rich_table(["", "n"], [["a", "3"]])))
           n
        a  3
    """
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines)


def first_line(error: BaseException) -> str:
    r"""Give the line of an error's message that says what happened, or the name of its class.

    Keras's messages can be in colour, and they begin with a line that says where it happened.

    Example:
        >>> first_line(ValueError("Exception encountered when calling Dense.\n\nA bad shape."))
        'A bad shape.'
    """
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line).strip() for line in str(error).split("\n")]
    told = [line for line in lines if line and not line.startswith("Exception encountered when")]
    return told[0] if told else type(error).__name__
