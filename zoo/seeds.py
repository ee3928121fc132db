"""Seeds: how a single number makes random choices repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `import zoo` stays quick without NumPy
    import numpy as np


class _DrawsOfKeras:
    """Stands in for the module `random` where Keras draws the seeds of layers.

    Each thread draws from the generator of its own `seeded` block. Python's own generator, which
    all threads share, serves the threads without such a block.
    """

    def __init__(self) -> None:
        self.generator: ContextVar[random.Random | None] = ContextVar("generator", default=None)

    def randint(self, low: int, high: int) -> int:
        return (self.generator.get() or random).randint(low, high)


_draws = _DrawsOfKeras()


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Make the seeds that Keras draws in the block repeatable, whatever other threads do meanwhile.

    Layers and initializers without a seed let Keras draw a seed when they are made, and all their
    random numbers follow from that seed. The block has a generator of its own: Python's `random`
    is neither used nor changed.

    Args:
        seed: The seed; None changes nothing.

    Example:
        >>> import keras
        >>> with seeded(3):
        ...     first = keras.initializers.GlorotUniform().seed
        >>> with seeded(3):
        ...     first == keras.initializers.GlorotUniform().seed
        True
    """
    if seed is None:
        yield
        return
    from keras.src.random import seed_generator

    # `make_default_seed` of this module, the only place where Keras draws seeds, calls
    # `python_random.randint`. Keras offers no public way to give it another generator.
    if seed_generator.python_random is random:
        seed_generator.python_random = _draws
    token = _draws.generator.set(random.Random(seed))
    try:
        yield
    finally:
        _draws.generator.reset(token)


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
