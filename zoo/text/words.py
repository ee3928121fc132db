"""Words and sentences, in the same form in messages, reports, the terminal and notebooks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


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


def first_line(error: BaseException) -> str:
    r"""Give the line of an error's message that says what happened, or the name of its class.

    Keras's messages can be in colour. They begin with a line that says where the error happened,
    or quote the error at their end.

    Example:
        >>> first_line(ValueError("Exception encountered when calling Dense.\n\nA bad shape."))
        'A bad shape.'
    """
    return _what_happened(str(error)) or type(error).__name__


def error_of_traceback(text: str) -> str:
    r"""Give the error of a traceback in one line: its class, and what happened.

    Args:
        text: A traceback as Python prints it, or another text, of which the first line is given.

    Example:
        >>> frame = 'Traceback …:\n  File "a.py", line 1, in f\n    f(0)'
        >>> error_of_traceback(f"{frame}\nValueError: too few\n\nArguments of f: …")
        'ValueError: too few'
    """
    _, _, frames = f"\n{text.strip()}".rpartition("\n  File ")
    outside = [line for line in frames.split("\n")[1:] if not line.startswith("  ")]
    kind, colon, message = "\n".join(outside).partition(": ")
    if "\n  File " not in text or "\n" in kind:
        return text.strip().split("\n")[0]
    return f"{kind}{colon}{_what_happened(message)}"


def without_colours(text: str) -> str:
    r"""Remove the characters that make a terminal write in colour or in bold.

    Example:
        >>> without_colours("\x1b[1mA bad shape.\x1b[0m")
        'A bad shape.'
    """
    return re.sub("\x1b\\[[0-9;]*m", "", text)


def without_tracebacks(message: str) -> tuple[str, str]:
    r"""Divide a message before its lines with tracebacks, which stay as Python writes them.

    Args:
        message: The message.

    Returns:
        The message itself, and the lines that follow; an empty text if there is no traceback.

    Example:
        >>> without_tracebacks("No result of mlp.\nmlp: Traceback (most recent call last):\n  …")
        ('No result of mlp.', '\nmlp: Traceback (most recent call last):\n  …')
    """
    if "Traceback (most recent call last)" not in message:
        return message, ""
    first, line_end, rest = message.partition("\n")
    return first, line_end + rest


def _what_happened(message: str) -> str:
    """Give the line of a message that says what happened; an empty text if there is no line."""
    text = message.rpartition("Exception encountered: ")[2]
    lines = [line.strip() for line in without_colours(text).split("\n")]
    told = [line for line in lines if line and not line.startswith("Exception encountered when")]
    return told[0] if told else ""
