"""Work for threads, in order and some at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = os.cpu_count() or 1

T = TypeVar("T")


def in_order(do: Callable[..., T], items: Iterable[tuple[Any, ...]]) -> Iterator[T]:
    """Call a function in threads, as many at once as there are cores.

    No more than keep the threads busy wait to be taken: a result may have a hundred megabytes.

    Args:
        do: the function.
        items: the arguments of each call.

    Yields:
        What each call returns, in the order of `items`; or raises what it raises.

    Example:
        >>> list(in_order(pow, [(2, 3), (3, 2)]))
        [8, 9]
    """
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(pool.submit(do, *item))
            if len(waiting) > 4 * THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
