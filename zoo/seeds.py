"""Seeds: how one number makes random things repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing zoo stays quick without NumPy
    import numpy as np


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Make the seeds that Keras draws repeatable, and leave the caller's random state alone.

    Layers and initialisers without a seed draw one from Python's `random` when they are
    made, and everything random in them follows from it.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def seed_words(seed: int) -> np.ndarray:
    """A seed as TensorFlow's stateless random operations take it, int64 [2].

    Example:
        >>> seed_words(0).shape
        (2,)
    """
    import numpy as np

    return np.random.SeedSequence(seed).generate_state(2).astype("int64")
