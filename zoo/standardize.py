"""Standardisation of images as a part of the model, learned from its training images."""

from typing import Any

import numpy as np

from zoo.datasets.base import Split
from zoo.errors import ArgumentError


def with_standardization(model: Any, kind: Any) -> Any:
    """Put a standardisation behind a model's first layer, the one that scales pixels to 0..1.

    Args:
        model: A built `keras.Model` whose first layer is a `Rescaling`.
        kind: The class of the layer: `zoo.layers.PerImageStandardization` or
            `zoo.layers.MeanImageStandardization`.

    Returns:
        A new `keras.Model` with the weights and random states of the old one.

    Raises:
        ArgumentError: A model that begins in another way.

    Example:
        >>> import zoo
        >>> model = with_standardization(zoo.build("softmax"), zoo.layers.PerImageStandardization)
        >>> [type(layer).__name__ for layer in model.layers][1:3]
        ['Rescaling', 'PerImageStandardization']
    """
    import keras

    inner = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if not inner or not isinstance(inner[0], keras.layers.Rescaling):
        raise ArgumentError(
            f"standardize= stands behind the Rescaling that a model begins with, and {model.name} "
            f"begins with {type(inner[0]).__name__ if inner else 'nothing'}"
        )
    # In float32, since few of half precision's digits are left when the mean is gone.
    standardization = kind(dtype="float32", name="standardization")

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        output = layer(*arguments, **keywords)
        return standardization(output) if layer.name == inner[0].name else output

    copy = keras.models.clone_model(model, call_function=call)
    for layer in inner:
        for old, new in zip(layer.variables, copy.get_layer(layer.name).variables, strict=True):
            new.assign(old)
    return copy


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
        >>> from zoo.datasets.base import as_split
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
