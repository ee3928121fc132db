"""Record warnings in one thread at a time, since all threads share Python's warning filters."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.RLock()


@contextlib.contextmanager
def recorded_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Record warnings in a list instead of showing them, until the block ends.

    The block may change the filters. A lock keeps other threads out meanwhile: two threads that
    change the filters at the same time would restore each other's filters at the end.
    """
    with _lock, warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always", UserWarning)
        yield recorded
