"""Checks of arguments that more than one module makes."""

import operator
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
