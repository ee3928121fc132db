"""Batch normalisation's statistics for weights that no training step has seen."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


def settle_statistics(model: Any, batches: Iterable[Any]) -> None:
    """Give batch-normalisation layers the mean statistics of some batches under present weights.

    Averaged weights have other activations than those that were averaged, so the moving means of
    the training do not fit them (Izmailov et al., 2018, section 3.2).

    Args:
        model: A built `keras.Model`.
        batches: Pairs (images, labels); each batch counts alike.

    Example:
        >>> import zoo
        >>> model = zoo.build("bn_mlp", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> data = zoo.datasets.load("digits")
        >>> settle_statistics(model, data.train.batches(64))
        >>> means = [layer.moving_mean for layer in model.layers if hasattr(layer, "moving_mean")]
        >>> [bool(np.asarray(mean).any()) for mean in means]
        [True, True]
    """
    layers = [layer for layer in _layers(model) if hasattr(layer, "moving_variance")]
    if not layers:
        return
    before = [layer.momentum for layer in layers]
    try:
        for count, (images, _) in enumerate(batches):
            for layer in layers:
                layer.momentum = count / (count + 1)  # so that it keeps the mean of all batches
            model(np.asarray(images, "float32"), training=True)
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else [layer]
