"""Statistics of the training images inside models: for batch normalisation, and the mean image."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.layers import MeanImageStandardization
from zoo.training.transfer.freezing import parts_of


def update_batch_statistics(model: keras.Model, batches: Iterable[Any]) -> None:
    """Set the statistics of batch-normalisation layers to their means over some batches.

    Frozen layers keep their statistics.

    Averaged weights have other activations than the weights that were averaged, so the moving means
    of the training do not fit them (Izmailov et al., 2018, section 3.2).

    Args:
        model: A built `keras.Model`.
        batches: Pairs (images, labels), or triples with weights; each batch counts alike.

    Example:
        >>> import zoo
        >>> model = zoo.build("bn_mlp", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> data = zoo.datasets.load("digits")
        >>> update_batch_statistics(model, data.train.batches(64))
        >>> means = [layer.moving_mean for layer in model.layers if hasattr(layer, "moving_mean")]
        >>> [bool(np.asarray(mean).any()) for mean in means]
        [True, True]
    """
    layers = [
        layer for layer in parts_of(model) if hasattr(layer, "moving_variance") and layer.trainable
    ]
    if not layers:
        return
    before = [layer.momentum for layer in layers]
    try:
        for count, (images, *_) in enumerate(batches):
            for layer in layers:
                # With this momentum the layer keeps the mean over all batches so far.
                layer.momentum = count / (count + 1)
            model(np.asarray(images, "float32"), training=True)
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum


def mixes_images(model: keras.Model) -> bool:
    """Tell whether a model's training on an image may depend on the other images of the batch.

    Batch normalisation divides by the statistics of the whole batch. Layers and models of other
    origin than Keras and Zoo count as if they did so too, because nothing is known of them.

    Args:
        model: A built `keras.Model`.

    Example:
        >>> import zoo
        >>> shape = {"input_shape": (8, 8, 1), "num_classes": 10}
        >>> mixes_images(zoo.build("mlp", **shape)), mixes_images(zoo.build("bn_mlp", **shape))
        (False, True)
    """
    return any(
        type(layer).__module__.split(".")[0] not in ("keras", "zoo")
        or (hasattr(layer, "moving_variance") and layer.trainable)
        for layer in [model, *parts_of(model)]
    )


def learn_mean_image(model: keras.Model, data: Split) -> None:
    """Give the statistics of images to a model's mean-image standardisation.

    A model without such a layer, and a layer that has statistics already, stay as they are.

    Args:
        model: A `keras.Model`.
        data: The training images.
    """
    for layer in model.layers:
        if isinstance(layer, MeanImageStandardization) and not float(layer.learned):
            mean, deviation = mean_image(data)
            layer.set_statistics(mean / 255, deviation / 255)


def mean_image(data: Split) -> tuple[np.ndarray, float]:
    """Compute the mean of all images, and the standard deviation of all pixels around it.

    Args:
        data: The images, which are read block by block.

    Returns:
        The mean image, float64 [height, width, channels], 0..255; and the deviation, a number.

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


settle_statistics = update_batch_statistics
"""The earlier name of `update_batch_statistics`."""
