"""Which images a model knows, from training or from choosing; every committee it sits in asks.

Images are known by the digests of their pixels (`Split.digests`), so that they are recognised in
whatever array they come.
"""

import base64
import functools
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

NOTHING = np.array([], np.uint64)

Kind = Literal["trained_on", "tuned_on"]
"""Tuned on: when to stop was chosen there."""


def seen_by(models: Iterable[Any], kind: Kind) -> np.ndarray:
    """Digests of the images that some of the models know, as far as it was noted.

    Args:
        models: Keras models, committees among them.
        kind: from what.

    Returns:
        uint64 [images], ascending, each once.

    Example:
        >>> seen_by([], "trained_on")
        array([], dtype=uint64)
    """
    noted = (
        # A committee answers for its members.
        getattr(model, kind if hasattr(model, "members") else f"zoo_{kind}", NOTHING)
        for model in models
    )
    return functools.reduce(np.union1d, noted, NOTHING)


def note(models: Iterable[Any], kind: Kind, digests: np.ndarray) -> None:
    """Note for each of the models that it knows images with these digests, too."""
    for model in models:
        if hasattr(model, "members"):
            note(model.members, kind, digests)
        else:
            setattr(model, f"zoo_{kind}", np.union1d(seen_by([model], kind), digests))


def to_text(digests: np.ndarray) -> str:
    """Digests as text, for JSON.

    Example:
        >>> from_text(to_text(np.array([3, 1], np.uint64)))
        array([3, 1], dtype=uint64)
    """
    return base64.b64encode(digests.tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    """Digests from what `to_text` gave."""
    return np.frombuffer(base64.b64decode(text), np.uint64)
