"""The loss and the accuracy of probabilities, and the way of images into Keras's own loops."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from zoo.datasets.arrays.images import check_images
from zoo.datasets.arrays.streams import is_stream, read_batches
from zoo.datasets.split import Split


def loss_and_accuracy(
    probabilities: np.ndarray, labels: np.ndarray, sample_weight: np.ndarray | None = None
) -> dict[str, float]:
    """Compute the mean cross-entropy and the share of right decisions, as Keras does.

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        sample_weight: The weights of the images in both means, [n]; None weights all alike.

    Returns:
        `accuracy` and `loss`.

    Example:
        >>> loss_and_accuracy(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0, 1]))["accuracy"]
        0.5
    """
    chosen = np.take_along_axis(probabilities, labels[:, None], axis=-1)[:, 0]
    losses = -np.log(chosen.clip(keras.config.epsilon(), 1))
    right = probabilities.argmax(axis=-1) == labels
    return {
        "accuracy": float(np.average(right, weights=sample_weight)),
        "loss": float(np.average(losses, weights=sample_weight)),
    }


def for_keras(x: Any, y: Any, sample_weight: Any, steps: int | None) -> tuple[Any, Any, Any]:
    """Check images, labels and weights, and bring them into a container that Keras takes."""
    if is_stream(x):
        batches = read_batches(x, steps)
        x = (tuple(part for part in batch if part is not None) for batch in batches)
        return x, y, sample_weight
    if isinstance(x, tuple):
        x, y, sample_weight = (*x, sample_weight)[:3]
    if isinstance(x, Split):
        return x.images, x.labels, sample_weight
    return check_images(x), y, sample_weight


@contextlib.contextmanager
def quiet_end() -> Iterator[None]:
    """Silence Keras's warning that a generator has ended, which is right after a single pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield
