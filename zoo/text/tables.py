"""Tables as Markdown, for the terminal, and as a DataFrame of pandas."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError
from zoo.text.outside import for_markdown, for_terminal, terminal_text
from zoo.text.words import wrapped

if TYPE_CHECKING:
    import pandas
    from rich.table import Table


def data_frame(columns: Mapping[str, Any]) -> pandas.DataFrame:
    """Make a pandas DataFrame of columns, for a method `to_frame`.

    Args:
        columns: Name → values, all of the same length.

    Returns:
        The table.

    Raises:
        ArgumentError: pandas is not installed.

    Example:
        >>> data_frame({"layer": ["dense"], "dead": [3]}).to_dict("records")
        [{'layer': 'dense', 'dead': 3}]
    """
    try:
        import pandas
    except ImportError as error:
        raise ArgumentError(
            "to_frame needs the package pandas. Received: pandas is not installed. Install it: "
            "pip install pandas."
        ) from error
    return pandas.DataFrame(dict(columns))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table as Markdown; all columns except the first are aligned to the right.

    Args:
        header: Names of the columns.
        rows: The cells of each row. Line breaks become spaces, and `|` and tags are escaped.

    Returns:
        The lines of the table.

    Example:
        >>> print(markdown_table(["", "n"], [["a|b", "3"]]))
        |  | n |
        | --- | ---: |
        | a\|b | 3 |
    """
    cells = (
        [for_markdown(" ".join(cell.split())).replace("|", "\\|") for cell in row]
        for row in (header, *rows)
    )
    first, *others = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([first, f"| --- |{' ---: |' * (len(header) - 1)}", *others])


def rich_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    right: bool | Sequence[str] = True,
    bold: str | None = None,
) -> Table:
    """Make a table for the terminal, without lines between the cells.

    Lines break between words only. Where the terminal is too narrow for the words of a row side by
    side, a table of numbers is printed in blocks of columns, and another table as a list: the first
    cell of each row, and below it the others with the names of their columns.

    Args:
        header: Names of the columns.
        rows: The cells of each row, which are plain text, never markup.
        title: A line above the table, or None.
        right: Whether all columns except the first are aligned to the right, or the names of the
            columns with numbers, which are.
        bold: The first cell of the row that is drawn in bold, or None.

    Returns:
        A `rich.table.Table`.

    Example:
        >>> rich_table(["", "n"], [["a", "3"]], title="Scores").row_count
        1
    """
    table = _table_class()(header_style="bold", box=None, pad_edge=False)
    table.heading = title
    numbers = right if isinstance(right, Sequence) else header[1:] if right else ()
    for index, name in enumerate(header):
        side = "right" if index and name in numbers else "left"
        table.add_column(terminal_text(name), justify=side)
    for row in rows:
        table.add_row(*map(terminal_text, row), style="bold" if row[0] == bold else "")
    return table


@lru_cache
def _table_class() -> Any:
    """Make the class of tables whose lines break between words."""
    from rich.table import Table

    class WordTable(Table):
        heading: str | None = None

        def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
            if self.heading:
                heading = wrapped(self.heading, options.max_width)
                yield terminal_text(heading, style="bold", overflow="ignore")
            least, most = _widths(self.columns, console, options.update_width(100_000))
            spare = options.max_width - sum(least) - 2 * (len(least) - 1)
            if spare < 0:
                is_of_numbers = all(column.justify == "right" for column in self.columns[1:])
                if is_of_numbers and len(least) > 2:
                    yield from self.in_blocks(least, options.max_width)
                else:
                    yield from self.rows_as_list(options.max_width)
                return
            wanted = sum(most) - sum(least)
            for column, low, high in zip(self.columns, least, most, strict=True):
                column.width = high if wanted <= spare else low + spare * (high - low) // wanted
            yield from super().__rich_console__(console, options)

        def in_blocks(self, least: Sequence[int], width: int) -> Iterator[Any]:
            for number, block in enumerate(_blocks(least, width)):
                table = WordTable(header_style="bold", box=None, pad_edge=False)
                columns = [self.columns[k] for k in (0, *block)]
                for column in columns:
                    table.add_column(column.header, justify=column.justify)
                rows = zip(*(column.cells for column in columns), strict=True)
                for row, before in zip(rows, self.rows, strict=True):
                    table.add_row(*row, style=before.style)
                if number:
                    yield ""
                yield table

        def rows_as_list(self, width: int) -> Iterator[Any]:
            first, *others = self.columns
            for title, *row in zip(*(column.cells for column in self.columns), strict=True):
                title = wrapped(str(title or first.header), width)
                yield terminal_text(title, style="bold", overflow="ignore")
                for column, cell in zip(others, row, strict=True):
                    if str(cell):
                        text = wrapped(f"{column.header}: {cell}", width, indent="  ")
                        yield terminal_text(text, overflow="ignore")

    return WordTable


def _widths(columns: Sequence[Any], console: Any, options: Any) -> tuple[list[int], list[int]]:
    """Give for each column the least width that breaks no word, and the width of its contents."""
    from rich.measure import Measurement

    least, most = [], []
    for column in columns:
        header, *cells = (
            Measurement.get(console, options, cell) for cell in (column.header, *column.cells)
        )
        # Numbers stand in columns on the right, and do not break before their unit.
        kept = [cell.maximum if column.justify == "right" else cell.minimum for cell in cells]
        least.append(max(header.minimum, *kept, 0))
        most.append(max(header.maximum, *(cell.maximum for cell in cells), 0))
    return least, most


def _blocks(least: Sequence[int], width: int) -> list[list[int]]:
    """Divide the columns after the first into blocks that fit beside the first column."""
    blocks: list[list[int]] = []
    for index in range(1, len(least)):
        used = sum(2 + least[k] for k in (*(blocks[-1] if blocks else ()), index))
        if blocks and least[0] + used <= width:
            blocks[-1].append(index)
        else:
            blocks.append([index])
    return blocks


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
    return for_terminal("\n".join(line.rstrip() for line in lines))
