"""Building and computing under a Keras dtype policy, from several threads at once too."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from zoo.errors import ArgumentError
from zoo.starting.start_up_notes import without_start_up_notes

_LOCK = threading.RLock()
"""Keras keeps a dtype policy for each thread, but a single `floatx` for all of them. A thread that
has no policy yet takes the `floatx` of that moment for good. So no model is built while `floatx`
is another."""


@contextmanager
def under_policy(policy: str | None, *, constants: bool = False) -> Iterator[None]:
    """Run a block under a Keras dtype policy, and set the policy of before again.

    Args:
        policy: The name of the policy; None keeps the policy that is set in Keras.
        constants: Whether constants that layers make have the precision of the policy too, which
            is `keras.config.floatx`: float64 for the policy float64, otherwise float32.

    Raises:
        ArgumentError: Keras knows no such policy.

    Example:
        >>> import keras
        >>> with under_policy("mixed_bfloat16"):
        ...     keras.layers.Dense(2).compute_dtype
        'bfloat16'
    """
    with without_start_up_notes():
        import keras

    with _LOCK:
        before = keras.config.dtype_policy()
        floatx = keras.config.floatx()
        try:
            if policy is not None:
                _set_policy(policy)
            if constants:
                keras.config.set_floatx("float64" if policy == "float64" else "float32")
            yield
        finally:
            keras.config.set_dtype_policy(before)
            keras.config.set_floatx(floatx)


def _set_policy(policy: str) -> None:
    import keras

    try:
        keras.config.set_dtype_policy(policy)
    except ValueError as error:
        raise ArgumentError(
            "precision must be a Keras dtype policy such as 'float32' or 'mixed_bfloat16', or "
            f"'auto'. Received: {policy!r}. Pass None to keep the policy that is set in Keras."
        ) from error
