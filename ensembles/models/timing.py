"""How long predicting takes."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

RUNS = 3
"""The number of timed runs, of which the fastest counts: others were disturbed."""


def milliseconds_an_image(predict: Callable[[Any], Any], images: np.ndarray) -> float:
    """Measure how long a function takes for an image, after a first run that is not timed.

    Args:
        predict: A function of images, whose result becomes an array.
        images: A batch of images, uint8 [batch, height, width, channels].

    Returns:
        Milliseconds an image.

    Example:
        >>> milliseconds_an_image(lambda images: images, np.zeros((8, 4, 4, 1), "uint8")) < 100
        True
    """
    batch = images.astype("float32")
    np.asarray(predict(batch))
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        np.asarray(predict(batch))
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds) / len(images)
