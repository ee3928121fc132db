"""The tables of reports, as Markdown and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table, all but its first column to the right.

    Example:
        >>> print(markdown_table(["", "n"], [["a|b", "3"]]))
        |  | n |
        | --- | ---: |
        | a\|b | 3 |
    """
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in (header, *rows))
    first, *others = (f"| {' | '.join(row)} |" for row in escaped)
    return "\n".join([first, f"| --- |{' ---: |' * (len(header) - 1)}", *others])


def rich_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], bold: str = "committee"
) -> Table:
    """Make a table for the terminal, all but its first column to the right.

    Args:
        title: above it.
        header: names of the columns.
        rows: of cells.
        bold: the first cell of the row that stands out.

    Returns:
        A rich table without lines.

    Example:
        >>> rich_table("Scores", ["", "n"], [["a", "3"]]).row_count
        1
    """
    from rich.table import Table  # loaded on use: pure functions need none
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(Text(name), justify="right" if index else "left")
    for row in rows:
        table.add_row(*map(Text, row), style="bold" if row[0] == bold else "")
    return table
