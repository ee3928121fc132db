"""Checks of arguments that more than one module makes."""

import contextlib
import operator
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuse anything but an integer of at least `least`.

    Args:
        name: of the argument, for the message.
        value: of the argument.
        least: the smallest that is admitted.

    Raises:
        ArgumentError: it is no integer, or smaller.

    Example:
        >>> check_whole("batch_size", 0, 1)
        Traceback (most recent call last):
        zoo.errors.ArgumentError: batch_size must be an integer of at least 1. Received: 0
    """
    try:
        fits = not isinstance(value, bool) and operator.index(value) >= least
    except TypeError:
        fits = False
    if not fits:
        raise ArgumentError(f"{name} must be an integer of at least {least}. Received: {value!r}")


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
