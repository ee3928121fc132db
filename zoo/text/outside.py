"""Text from files and users, made safe for the place where it is shown.

Names of classes, paths and messages of other programs can hold anything: commands for a terminal,
the tags of a web page, line breaks, halves of characters that no file can hold, thousands of
letters. There is a function for each place that shows text. The templates of pages escape all text
themselves, and take `shortened` text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

LONGEST = 120
"""The most characters of a cell of a table, or of a caption."""
LONGEST_IN_PICTURE = 40
"""The most characters of a name beside a picture."""

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
_TURNS = "\u202a-\u202e\u2066-\u2069"
"""The characters that turn the direction of writing, and so hide what is written."""
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_TURNS}\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_TURNS}\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f\u2028\u2029{_TURNS}\ud800-\udfff]")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"\](?=\()")


def visible(text: object) -> str:
    r"""Write the characters of a name that cannot be shown as Python writes them.

    Two different names stay different, and a usual name stays as it is.

    Args:
        text: The name, or an object whose text is taken.

    Returns:
        The name in one line, which every file and every terminal can take.

    Example:
        >>> print(visible("caf\udce9 \x1b[31m\n"), visible("žlutý kůň 猫"))
        caf\udce9 \x1b[31m\n žlutý kůň 猫
    """
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], str(text))


def for_terminal(text: object) -> str:
    r"""Write the characters of a text that are commands for a terminal as Python writes them.

    Args:
        text: The text, or an object whose text is taken. Its lines and tabs are kept.

    Example:
        >>> print(for_terminal("first\nsecond \x1b[2J"))
        first
        second \x1b[2J
    """
    return _UNSAFE_IN_LINES.sub(lambda found: ascii(found[0])[1:-1], str(text))


def terminal_text(text: object, style: str = "", **settings: Any) -> Text:
    """Make a text for rich in which nothing is taken for markup, or for a command of the terminal.

    Args:
        text: As for `for_terminal`.
        style: The style of the text.
        **settings: Further arguments of `rich.text.Text`.

    Example:
        >>> terminal_text("[bold] cat").plain
        '[bold] cat'
    """
    from rich.text import Text  # imported here because many callers print nothing

    return Text(for_terminal(text), style, **settings)


def for_markdown(text: object) -> str:
    r"""Take the power out of the tags and links of a text that becomes a part of a Markdown text.

    Args:
        text: The text, or an object whose text is taken. Its lines, and marks such as `**`, are
            kept.

    Example:
        >>> for_markdown("<script>, 1 < 2, [a](b)")
        '&lt;script>, 1 < 2, [a]\\(b)'
    """
    return _LINK.sub(r"]\\", _TAG.sub("&lt;", for_terminal(text)))


def for_picture(text: object, most: int = LONGEST_IN_PICTURE) -> str:
    """Put a name into one short line, for a place beside a picture.

    Args:
        text: The name, or an object whose text is taken.
        most: The most characters that are kept.

    Example:
        >>> len(for_picture(3000 * "a"))
        40
    """
    line = visible(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def json_text(value: Any, **settings: Any) -> str:
    r"""Write JSON with foreign letters as they are, and with escapes for what cannot be shown.

    Args:
        value: JSON values.
        **settings: Further arguments of `json.dumps`.

    Returns:
        Text that every file and every terminal can take, and from which `json.loads` makes the
        same values.

    Example:
        >>> print(json_text(["猫", "\udce9"]))
        ["猫", "\udce9"]
    """
    text = json.dumps(value, ensure_ascii=False, **settings)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: object, most: int = LONGEST) -> str:
    r"""Put a text into one line of printable characters, and cut a long text off.

    The text is not escaped: the templates escape every text.

    Args:
        text: The text, or an object whose text is taken.
        most: The most characters that are kept.

    Returns:
        The text. Line breaks, control characters and characters that turn the direction of writing
        have become spaces; escape sequences of terminals are gone.

    Example:
        >>> shortened("a\nb \x1b[31mred\x1b[0m \u202e!"), shortened("long name", 5)
        ('a b red !', 'long…')
    """
    line = _ESCAPE_SEQUENCE.sub("", str(text))
    # A soft hyphen or a joiner of letters is not printable for Python, and harmless.
    printable = (letter if letter.isprintable() else " " for letter in line)
    words = " ".join("".join(printable).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
