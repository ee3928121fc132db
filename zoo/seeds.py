"""Seeds: how a single number makes random choices repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `import zoo` stays quick without NumPy
    import numpy as np


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Make the seeds that Keras draws in the block repeatable, and restore the random state after.

    Layers and initializers without a seed draw a seed from Python's `random` when they are made,
    and all their random numbers follow from that seed.

    Args:
        seed: The seed; None changes nothing.

    Example:
        >>> with seeded(3):
        ...     first = random.random()
        >>> with seeded(3):
        ...     first == random.random()
        True
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
    """Return a seed in the form that TensorFlow's stateless random operations take.

    Args:
        seed: The seed; 0 or more.

    Returns:
        Two words, int64 [2].

    Example:
        >>> seed_words(0).shape
        (2,)
    """
    import numpy as np

    return np.random.SeedSequence(seed).generate_state(2).astype("int64")
