"""Memory that TensorFlow and Python keep for models that are gone, and when they give it back.

TensorFlow keeps a kernel of 36 KB for the name of each variable that there ever was, and Keras
gives each layer and optimiser a new name. Models and their graphs are freed when Python collects
its garbage, which it does rarely: it counts objects, not bytes. So a process that trains thousands
of models would grow without end.
"""

import contextlib
import gc
import math
import threading
from collections.abc import Iterable
from typing import Any

BYTES_AT_MOST = 2**28
"""Garbage is collected whenever the variables made since the last time take this memory.

Collecting takes about 0.2 s, and a live graph that runs for the first time afterwards 0.1 s more.
"""

BYTES_OF_A_KERNEL = 36_000

BYTES_OF_A_GRAPH = 2**22
"""About the memory of the graphs of a small network, which are freed with its variables."""


class _Count:
    """The bytes of what was made since garbage was collected, for all threads."""

    def __init__(self) -> None:
        self.total = 0
        self._lock = threading.Lock()

    def add(self, made: int) -> bool:
        """Add bytes, and say whether they are now so many that garbage must be collected."""
        with self._lock:
            self.total += made
            is_much = made > 0 and self.total >= BYTES_AT_MOST
            if is_much:
                self.total = 0
        return is_much


_MADE = _Count()


def count_variables(variables: Iterable[Any], graphs: int = 0) -> None:
    """Count new variables, and free the memory of models that are gone if there were many.

    Args:
        variables: The new Keras variables.
        graphs: The number of new graphs of a training.

    Example:
        >>> count_variables([])
    """
    shapes = [variable.shape for variable in variables]
    weights = sum(math.prod(side or 1 for side in shape) for shape in shapes)
    made = 4 * weights + BYTES_OF_A_KERNEL * len(shapes) + BYTES_OF_A_GRAPH * graphs
    if _MADE.add(made):
        free_memory()


def free_memory() -> None:
    """Free the models that nobody uses any more, and the kernels of all names of variables.

    Example:
        >>> free_memory()
    """
    gc.collect()
    # As keras.utils.clear_session does it; what is in use is made again at the next call.
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.eager import context

        context.context().clear_kernel_cache()
