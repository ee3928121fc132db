"""Checks of arguments that more than one module makes."""

import contextlib
import operator
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError


def check_whole(name: str, value: Any, least: int, most: int = 2**62) -> None:
    """Refuse anything but an integer from `least` to `most`.

    Args:
        name: of the argument, for the message.
        value: of the argument.
        least: the smallest that is admitted.
        most: the largest.

    Raises:
        ArgumentError: it is no integer, smaller or larger.

    Example:
        >>> check_whole("batch_size", 0, 1)
        Traceback (most recent call last):
        zoo.errors.ArgumentError: batch_size must be an integer of at least 1. Received: 0
    """
    try:
        fits = not isinstance(value, bool) and least <= operator.index(value) <= most
    except TypeError:
        fits = False
    if not fits:
        too_large = isinstance(value, int) and value > most
        wanted = f"at most {most:,}" if too_large else f"at least {least}"
        raise ArgumentError(f"{name} must be an integer of {wanted}. Received: {value!r}")


def as_path(name: str, value: Any) -> Path:
    """Take a path, in which `~` is the user's home.

    Args:
        name: of the argument or variable, for the message.
        value: of it.

    Returns:
        The path.

    Raises:
        ArgumentError: no file system takes such a path.

    Example:
        >>> as_path("root", "data/mnist").name
        'mnist'
    """
    try:
        path = Path(value).expanduser()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.stat()
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ArgumentError(f"{name} must be a path: {why}. Received: {value!a:.80}") from error
    return path
