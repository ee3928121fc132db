"""Names and sentences from files and users, made fit for a page."""

import re

LONGEST = 120
"""The most characters of a cell of a table, or of a caption."""

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")


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
