"""Standardisation of images as a part of the model, learned from its training images."""

from typing import Any

import numpy as np

from zoo.datasets.split import Split


def learn_statistics(model: Any, data: Split) -> None:
    """Give a model's mean-image standardisation, if it has one that knows nothing, its statistics.

    Args:
        model: A `keras.Model`.
        data: The training images.
    """
    for layer in model.layers:
        if hasattr(layer, "set_statistics") and not float(layer.learned):
            mean, deviation = mean_image(data)
            layer.set_statistics(mean / 255, deviation / 255)


def mean_image(data: Split) -> tuple[np.ndarray, float]:
    """The mean of all images, and the standard deviation of all pixels around it.

    Args:
        data: The images, which are read some at a time.

    Returns:
        float64 [height, width, channels], 0..255, and a number.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> images = np.array([0, 100], "uint8")[:, None, None, None].repeat(2, 1)
        >>> mean, deviation = mean_image(as_split(images, [0, 1]))
        >>> mean.ravel().tolist(), deviation
        ([50.0, 50.0], 50.0)
    """
    total = np.zeros(data.image_shape, np.int64)
    squares = 0
    for images in data.blocks():
        total += images.sum(0, dtype=np.int64)
        squares += int(np.square(images, dtype=np.int64).sum())
    mean = total / len(data)
    variance = squares / (len(data) * mean.size) - float(np.square(mean).mean())
    return mean, float(np.sqrt(max(variance, 0)))
