"""Checks of arguments, for all of the packages: numbers, paths, and functions to be registered."""

import contextlib
import math
import numbers
import operator
from collections.abc import Callable, Container, Iterable, Sequence
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


def plain(value: Any) -> Any:
    """Give a number of NumPy's types as one of Python's, which JSON can hold.

    Other values stay as they are; of tuples and lists, the values inside are made plain.

    Example:
        >>> import numpy as np
        >>> plain(np.float64(0.5)), plain((np.int64(3), "text"))
        (0.5, (3, 'text'))
    """
    if type(value) in (tuple, list):
        return type(value)(map(plain, value))
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def is_real(value: Any) -> bool:
    """Whether a value is a number of Python's or NumPy's types; True and False are not.

    A whole number that is larger than every float is none, since it cannot be computed with.

    Example:
        >>> is_real(0.5), is_real(3), is_real(True), is_real("3"), is_real(10**400)
        (True, True, False, False, False)
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def is_among(value: Any, choices: Container[Any]) -> bool:
    """Whether a value is a choice; values that cannot be compared, such as arrays, are none.

    Example:
        >>> is_among("loss", ["loss", "error"]), is_among([], {"loss": 0})
        (True, False)
    """
    try:
        return bool(value in choices)
    except (TypeError, ValueError):
        return False


def check_choice(name: str, value: Any, choices: Sequence[Any], remedy: str) -> None:
    """Refuse a value that is not among a few choices.

    Args:
        name: Name of the argument, for the message.
        value: The argument.
        choices: The values that are allowed, two or more.
        remedy: What to do, for the message, without a full stop.

    Raises:
        ArgumentError: The value is no choice.

    Example:
        >>> check_choice("color", "red", ["grayscale", "rgb", None], "Pass None to keep colours")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: color must be "grayscale", "rgb" or None. Received: 'red'. Pass \
None to keep colours.
    """
    if not is_among(value, choices):
        *first, last = (
            f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices
        )
        raise argument_error(name, f"be {', '.join(first)} or {last}", value, remedy)


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


def real_number(
    name: str, value: Any, *, least: float | None = None, above: float | None = None,
    most: float | None = None, example: float,
) -> float:  # fmt: skip
    """Take a finite number of Python's or NumPy's types, as a float.

    Args:
        name: Name of the argument, for the message.
        value: The argument.
        least: The smallest number that is allowed, or None.
        above: A number that is too small itself, or None.
        most: The largest number that is allowed, or None.
        example: A number for the message to advise.

    Returns:
        The number.

    Raises:
        ArgumentError: The value is no number, or it is too small, too large or not finite.

    Example:
        >>> real_number("threshold", "high", above=0, most=1, example=0.97)
        Traceback (most recent call last):
        zoo.errors.ArgumentError: threshold must be a finite number, above 0 and up to 1. \
Received: 'high'. Pass 0.97, for example.
    """
    fits = (
        is_real(value)
        and math.isfinite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
    )
    if not fits:
        limits = [f"{least:g} or more"] if least is not None else []
        limits += [f"above {above:g}"] if above is not None else []
        limits += [f"up to {most:g}"] if most is not None else []
        expected = ", ".join(["be a finite number", " and ".join(limits)]).removesuffix(", ")
        raise argument_error(name, expected, value, f"Pass {example:g}, for example")
    return float(value)


def true_or_false(name: str, value: Any) -> bool:
    """Check a switch, which a text such as `"false"` is not, although Python takes it for true.

    Args:
        name: Name of the argument, for the message.
        value: The argument; 1 and 0, and Booleans of NumPy, count too.

    Returns:
        The argument as a `bool`.

    Raises:
        ArgumentError: The value is neither True nor False.

    Example:
        >>> true_or_false("cache", False)
        False
    """
    if is_among(value, (True, False)):
        return bool(value)
    raise argument_error(name, "be True or False", value, "Pass one of them, without quotes")


def check_verbose(verbose: Any) -> None:
    """Refuse another value than `"auto"`, 1 and 0.

    Args:
        verbose: The argument of a function that shows its progress.

    Raises:
        ArgumentError: `verbose` has another value.

    Example:
        >>> check_verbose("auto")
    """
    if not is_among(verbose, ("auto", 0, 1)):
        raise argument_error("verbose", 'be "auto", 1 or 0', verbose, "Pass 0 for silence")


def as_names(name: str, value: Any) -> tuple[str, ...]:
    """Take a list of names, which may also be numbers, as texts.

    Args:
        name: Name of the argument, for the message.
        value: The argument.

    Returns:
        The names.

    Raises:
        ArgumentError: The value is a single text, or no list.

    Example:
        >>> as_names("class_names", [3, "eight"])
        ('3', 'eight')
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        remedy = 'Pass a list, for example ["first", "second"]'
        raise argument_error(name, "be a list of names", value, remedy)
    return tuple(map(str, value))


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
        why = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
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
