"""A limit to the memory of the weights that Keras makes while it loads a file."""

import functools
import math
import re
from contextvars import ContextVar
from typing import Any

_SPARE = 2**24
"""Bytes beside the stored weights, for small variables that are not saved."""


class WeightBudget:
    """Within this context, weights may take about as many bytes as a file holds, and no more.

    The description of a model has the numbers of units of its layers, and Keras makes and fills the
    weights of these layers before it looks at the weights in the file. The context holds for this
    thread.

    Args:
        stored: The bytes of the weights in the file.

    Attributes:
        asked: The bytes that the weights have asked for so far.

    Example:
        >>> import keras
        >>> with WeightBudget(0) as budget:
        ...     keras.layers.Dense(10**6).build((None, 10**6))
        Traceback (most recent call last):
        MemoryError: The weights take 4,000,000,000,000 bytes, of which 0 are in the file
        >>> budget.is_exceeded
        True
    """

    def __init__(self, stored: int) -> None:
        self.stored = stored
        self.asked = 0

    @property
    def is_exceeded(self) -> bool:
        """Whether the weights have asked for more than the file holds."""
        return self.asked > 2 * self.stored + _SPARE

    def __enter__(self) -> "WeightBudget":
        _count_weights()
        self._token = _budget.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        _budget.reset(self._token)

    def spend(self, shape: tuple[int, ...], dtype: str) -> None:
        """Count a weight before it is made.

        Args:
            shape: The shape of the weight.
            dtype: The name of its dtype in Keras.

        Raises:
            MemoryError: The file holds fewer bytes.
        """
        bits = re.search(r"\d+", dtype)
        self.asked += math.prod(shape) * max(int(bits[0]) // 8 if bits else 1, 1)
        if self.is_exceeded:
            raise MemoryError(str(self))

    def __str__(self) -> str:
        return f"The weights take {self.asked:,} bytes, of which {self.stored:,} are in the file"


_budget: ContextVar[WeightBudget | None] = ContextVar("budget", default=None)


def _count_weights() -> None:
    """Let Keras's variables ask the budget of this thread before they are filled."""
    from keras.src.backend import Variable

    fill = Variable._initialize_with_initializer
    if hasattr(fill, "counts"):
        return

    @functools.wraps(fill)
    def counted(self: Any, initializer: Any) -> None:
        if budget := _budget.get():
            budget.spend(tuple(self._shape), self._dtype)
        fill(self, initializer)

    counted.counts = True  # type: ignore[attr-defined]
    Variable._initialize_with_initializer = counted
