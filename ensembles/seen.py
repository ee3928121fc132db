"""What a model was trained on, which every committee it sits in asks.

Images are known by the digests of their pixels (`Split.digests`), so that they are recognised in
whatever array they come.
"""

import base64
import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

NOTHING = np.array([], np.uint64)


def seen_by(models: Iterable[Any]) -> np.ndarray:
    """Digests of the images that some of the models were trained on, as far as it was noted.

    Args:
        models: Keras models.

    Returns:
        uint64 [images], ascending, each once.

    Example:
        >>> seen_by([])
        array([], dtype=uint64)
    """
    noted = (getattr(model, "zoo_trained_on", NOTHING) for model in models)
    return functools.reduce(np.union1d, noted, NOTHING)


def note(models: Iterable[Any], digests: np.ndarray) -> None:
    """Note for each of the models that it was trained on images with these digests, too."""
    for model in models:
        model.zoo_trained_on = np.union1d(seen_by([model]), digests)


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
