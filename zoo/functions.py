"""Functions in a registry: where a function is defined, and whether two are the same."""

from collections.abc import Callable
from typing import Any


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
        'zoo.functions.where_defined'
    """
    code = function.__code__
    return (
        f"{function.__module__}.{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
    )
