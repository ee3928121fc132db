"""Messages in the words of the command line: options in place of the arguments of functions.

The functions that commands call write their messages for Python: "image_size must be …", "pass
classes=". The user of a command has typed `--image-size` and `--classes`.
"""

import ast
import contextlib
import re
from collections.abc import Mapping

from zoo.text import without_tracebacks

OTHER_WORDS = {
    "validation_data": "--validation",
    "arguments": "--set",
    "space": "--vary",
    "download": "`zoo data get`",
}
"""Arguments of functions that commands call, and what stands for them on the command line."""

SUBJECTS = {
    "A run folder must": "--log-dir",
    "The data set must": "--data",
    "The path must end": "--output",
    "path must end": "--output",
    "tags must": "--tag",
}
"""Beginnings of messages about what an option gives, and the option, if the command has it."""

PYTHON_WORDS = {
    r"\bReceived: None(?=\.)": "Received: nothing",
    r"\bmust be None\b": "must be left out",
    r"\bPass None to\b": "Leave the option out to",
    r"^path must be a model saved\b": "The model must be saved",
    r"^path must be (?=a(?:n undamaged)? \.keras model|a model of)": "The file must be ",
}
"""Words about values and arguments of Python, and what stands for them on the command line."""

_VALUE = r"""True|False|None|\.\.\.|'[^']*'|"[^"]*"|\([^)]*\)|\{[^}]*\}|[\w+-]+(?:\.\d+)?"""
# Before a name stands no sign that makes it a part of a path, of a quoted text or of a longer name.
_START = r"(?<![\w./'\"-])"


def in_options(message: str, options: Mapping[str, str]) -> str:
    """Write a message in the words of the command line.

    Args:
        message: The message of an error or a warning.
        options: Name of an argument → option of the command. For a value that is given by name
            behind an option, the option and the name: `"--augment mixup"`.

    Returns:
        The message, in which options stand for the arguments.

    Example:
        >>> options = {"image_size": "--image-size", "resume": "--resume", "copies": "--copies"}
        >>> in_options("image_size must be a size. Received: copies=3. Pass resume=True.", options)
        '--image-size must be a size. Received: --copies 3. Pass --resume.'
    """
    message, details = without_tracebacks(message)
    words = {**OTHER_WORDS, **options}
    for subject, option in SUBJECTS.items():
        if message.startswith(subject) and option in options.values():
            message = f"{option} must{message[message.index('must') + 4 :]}"
    for python, plain in PYTHON_WORDS.items():
        message = re.sub(python, plain, message)
    names = "|".join(sorted(words, key=len, reverse=True))
    argument = rf"{_START}(?:{names})=(?:{_VALUE})?"
    # A call whose arguments are all options: the options alone.
    call = rf"[\w.]*\b(?:load|Recipe|Member|fit)\(((?:, |{argument})+)\)"
    message = re.sub(call, r"\1", message)
    several = rf"(?:{names})(?:(?:, | or | and )(?:{names}))*"
    # A name of several words is no word of English.
    long_names = "|".join(
        name for name, option in words.items() if "_" in name and " " not in option
    )
    forms = (
        r"(?P<own>--[\w-]+ \w+=)",  # in the words of the command line already
        rf"{_START}(?P<name>{names})=(?P<value>{_VALUE})?",
        rf"(?:^|(?<=[.:] )){several}(?=(?: \([^)]*\))? must )",
        rf"(?<=[Ll]eave )(?:{names})(?= out)",
        rf"(?<=[Ll]eave out ){several}(?=[.,]| or )",
        rf"(?<= as )(?:{names})(?=[.,])",
        rf"{_START}(?:{long_names})(?![\w=(])",
    )

    def in_place(match: re.Match[str]) -> str:
        if match["own"]:
            return match["own"]
        if match["name"]:
            return _option(words, match["name"], match["value"])
        return re.sub(rf"\b(?:{names})\b", lambda name: words[name[0]], match[0])

    # All at once, so that no word of an option is taken for an argument again.
    return re.sub("|".join(forms), in_place, message) + details


def _option(words: Mapping[str, str], name: str, value: str | None) -> str:
    """Write an argument with a value as an option."""
    option = words[name]
    if value in ("None", "False"):
        return f"no {option}"
    if value in (None, "True", "..."):
        return option
    # Values by name: the option is repeated for each.
    with contextlib.suppress(ValueError, SyntaxError, TypeError):
        if value.startswith("{") and (pairs := dict(ast.literal_eval(value))):
            return " ".join(f"{option} {key}={word}" for key, word in pairs.items())
    word = re.fullmatch(r"""["']([\w.-]+)["']""", value)  # a shell needs no quotes around it
    return f"{option}{'=' if ' ' in option else ' '}{word[1] if word else value}"
