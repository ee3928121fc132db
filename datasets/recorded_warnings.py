"""Listening to warnings, of which Python has one way for all threads."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator

_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def recorded_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Record what is warned of instead of showing it, until the block ends.

    In the block filters may be changed; two threads that did so at once would leave each other's
    filters behind.

    Yields:
        What was recorded.

    Example:
        >>> with recorded_warnings() as said:
        ...     warnings.warn("oh", stacklevel=1)
        >>> [str(one.message) for one in said]
        ['oh']
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        yield said
