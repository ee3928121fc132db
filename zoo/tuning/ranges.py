"""Ranges and lists of values as text: `1e-5..1e-2:log` and `0,0.2,0.5`."""

import ast
import contextlib
import json
import re
from typing import Any

from zoo.errors import ArgumentError
from zoo.tuning.study import import_optuna

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?")
_WHOLE = re.compile(r"[+-]?\d+")


def parse_values(name: str, text: str, *, is_whole: bool = False) -> Any:
    """Read a range, or values with commas between.

    Args:
        name: The name of the setting, for messages.
        text: A range such as `"1e-5..1e-2:log"`; or values such as `"0,0.2,0.5"`, each of them
            JSON or a literal of Python, or else a text.
        is_whole: Whether a range with whole ends is of whole numbers.

    Returns:
        A distribution of Optuna, or a list.

    Raises:
        ArgumentError: The ends of a range are not rising, or not above 0 with a logarithm.

    Example:
        >>> parse_values("learning_rate", "1e-5..1e-2:log")
        FloatDistribution(high=0.01, log=True, low=1e-05, step=None)
        >>> parse_values("hidden", "[64, 32],[128]"), parse_values("optimizer", "sgd,adam")
        ([[64, 32], [128]], ['sgd', 'adam'])
    """
    if match := _RANGE.fullmatch(text.strip()):
        return _distribution(name, text, *match.groups(), is_whole=is_whole)
    if ".." in text:
        raise ArgumentError(
            f"space must give a range as LOW..HIGH, two numbers, perhaps with :log. Received: "
            f"{text!r} for {name!r}. Write, for example, 1e-5..1e-2:log."
        )
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return list(read(f"[{text}]"))
    return [_value(word.strip()) for word in text.split(",")]


def _value(word: str) -> Any:
    """Read a value: JSON, a literal of Python, or a text."""
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return read(word)
    return word


def _distribution(
    name: str, text: str, low: str, high: str, log: str | None, *, is_whole: bool
) -> Any:
    """Make the distribution of a range."""
    distributions = import_optuna().distributions
    if float(low) >= float(high) or (log and float(low) <= 0):
        above = " above 0" if log else ""
        raise ArgumentError(
            f"space must give a range from a lower to a higher number{above}. Received: {text!r} "
            f"for {name!r}. Write, for example, 1e-5..1e-2:log."
        )
    if is_whole and _WHOLE.fullmatch(low) and _WHOLE.fullmatch(high):
        return distributions.IntDistribution(int(low), int(high), log=bool(log))
    return distributions.FloatDistribution(float(low), float(high), log=bool(log))
