"""Numbers and tables, in the same form in messages, reports, the terminal and notebooks."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError

if TYPE_CHECKING:
    import pandas
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
    from rich.text import Text  # imported here because many callers need no table

    table = _table_class()(header_style="bold", box=None, pad_edge=False)
    table.heading = title
    numbers = right if isinstance(right, Sequence) else header[1:] if right else ()
    for index, name in enumerate(header):
        table.add_column(Text(name), justify="right" if index and name in numbers else "left")
    for row in rows:
        table.add_row(*map(Text, row), style="bold" if row[0] == bold else "")
    return table


@lru_cache
def _table_class() -> Any:
    """Make the class of tables whose lines break between words."""
    from rich.table import Table
    from rich.text import Text

    class WordTable(Table):
        heading: str | None = None

        def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
            if self.heading:
                heading = wrapped(self.heading, options.max_width)
                yield Text(heading, style="bold", overflow="ignore")
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

        def rows_as_list(self, width: int) -> Iterator[Text]:
            first, *others = self.columns
            for title, *row in zip(*(column.cells for column in self.columns), strict=True):
                title = wrapped(str(title or first.header), width)
                yield Text(title, style="bold", overflow="ignore")
                for column, cell in zip(others, row, strict=True):
                    if str(cell):
                        text = wrapped(f"{column.header}: {cell}", width, indent="  ")
                        yield Text(text, overflow="ignore")

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


def wrapped(text: str, width: int, *, indent: str = "") -> str:
    r"""Break the lines of a text between words. A word that is longer than a line stays whole.

    No line begins with the sign `%`, which belongs to the number before it.

    Args:
        text: The text.
        width: The number of characters in a line.
        indent: Spaces before each line.

    Returns:
        The text with more lines.

    Example:
        >>> wrapped("in /home/someone/pictures", 12)
        'in\n/home/someone/pictures'
        >>> wrapped("with 98.3 % of all", 9)
        'with\n98.3 % of\nall'
    """
    lines = (
        textwrap.fill(
            line.replace(" %", "\xa0%"),
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )
    return "\n".join(lines).replace("\xa0%", " %")


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

    Keras's messages can be in colour. They begin with a line that says where the error happened,
    or quote the error at their end.

    Example:
        >>> first_line(ValueError("Exception encountered when calling Dense.\n\nA bad shape."))
        'A bad shape.'
    """
    text = str(error).rpartition("Exception encountered: ")[2]
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line).strip() for line in text.split("\n")]
    told = [line for line in lines if line and not line.startswith("Exception encountered when")]
    return told[0] if told else type(error).__name__
