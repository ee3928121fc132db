"""Checks of arguments, for all of the packages: numbers, paths, and functions to be registered."""

import contextlib
import operator
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from zoo.errors import ArgumentError


def argument_error(name: str, expected: str, value: object, remedy: str) -> ArgumentError:
    """Make the error for an argument that is not as it must be.

    Example:
        >>> argument_error("color", "be a name", 3, "Pass None to keep the colour")
        ArgumentError('color must be a name. Received: 3. Pass None to keep the colour.')
    """
    received = f"{str(value)!r}" if isinstance(value, PurePath) else f"{value!r}"
    return ArgumentError(f"{name} must {expected}. Received: {received}. {remedy}.")


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number of Python's or NumPy's types; True and False are not.

    Example:
        >>> is_whole(3), is_whole(3.0), is_whole(True)
        (True, False, False)
    """
    return hasattr(value, "__index__") and not isinstance(value, bool)


def whole_number(name: str, value: Any, least: int, most: int = 2**62) -> int:
    """Take a whole number from `least` to `most`, of any integer type, as an int.

    Args:
        name: Name of the argument, for the message.
        value: The argument.
        least: The smallest number that is allowed.
        most: The largest number that is allowed.

    Returns:
        The number.

    Raises:
        ArgumentError: The value is no whole number, or it is too small or too large.

    Example:
        >>> whole_number("epochs", 0, 1)
        Traceback (most recent call last):
        zoo.errors.ArgumentError: epochs must be a whole number of 1 or more. Received: 0. Pass 1, \
for example.
    """
    try:
        number = operator.index(value) if is_whole(value) else None
    except TypeError:  # an array with one element or more has the method too
        number = None
    if number is None or not least <= number <= most:
        too_large = number is not None and number > most
        limits = f"{most:,} or less" if too_large else f"{least} or more"
        example = most if too_large else max(least, 1)
        raise ArgumentError(
            f"{name} must be a whole number of {limits}. Received: {value!r}. Pass {example}, "
            "for example."
        )
    return number


def as_path(name: str, value: Any) -> Path:
    """Take a path, in which `~` is the user's home.

    Args:
        name: Name of the argument or environment variable, for the message.
        value: The argument.

    Returns:
        The path.

    Raises:
        ArgumentError: No file system takes such a path.

    Example:
        >>> as_path("root", "data/mnist").name
        'mnist'
    """
    try:
        if value == "":  # which `Path` takes for the current folder
            raise ValueError("the text is empty")
        path = Path(value).expanduser()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.stat()
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ArgumentError(
            f"{name} must be a path: {why}. Received: {value!a:.80}. Pass another path."
        ) from error
    return path


def is_same_function(function: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether two functions are the same, or the same once more after a module was reloaded.

    Example:
        >>> is_same_function(is_same_function, is_same_function)
        True
        >>> is_same_function(is_same_function, where_defined)
        False
    """
    return function is other or (
        "<locals>" not in function.__qualname__
        and (function.__module__, function.__qualname__, function.__code__.co_filename)
        == (other.__module__, other.__qualname__, other.__code__.co_filename)
    )


def where_defined(function: Callable[..., Any]) -> str:
    """Write where a function is defined: module, name, file and line, for messages.

    Example:
        >>> where_defined(where_defined).partition(" (")[0]
        'zoo.arguments.where_defined'
    """
    code = function.__code__
    return (
        f"{function.__module__}.{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
    )
