"""Numbers, words and tables, in the same form in messages, reports, the terminal and notebooks.

`outside` is the single place where text that comes from files and users is made safe for the
terminal, Markdown, pages, pictures and JSON. Every room above may come in.
"""

from zoo.text.outside import (
    for_markdown,
    for_picture,
    for_terminal,
    json_text,
    shortened,
    terminal_text,
    visible,
)
from zoo.text.tables import as_plain_text, data_frame, markdown_table, rich_table
from zoo.text.words import (
    did_you_mean,
    error_of_traceback,
    first_line,
    percent,
    unknown_name,
    without_colours,
    without_tracebacks,
    wrapped,
)

__all__ = [
    "as_plain_text",
    "data_frame",
    "did_you_mean",
    "error_of_traceback",
    "first_line",
    "for_markdown",
    "for_picture",
    "for_terminal",
    "json_text",
    "markdown_table",
    "percent",
    "rich_table",
    "shortened",
    "terminal_text",
    "unknown_name",
    "visible",
    "without_colours",
    "without_tracebacks",
    "wrapped",
]
