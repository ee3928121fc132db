"""Features of all images, computed once, in place of the images: for the training of a head."""

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.datasets.split import Split
from zoo.starting.signals import raise_shared
from zoo.training.transfer.heads import Head, layers_of_head, obstacle_to_caching

MOST_BYTES = 2**31
"""The most bytes of features that are kept."""

BATCH = 256
"""The number of images in a batch while features are computed."""


def heads_of(models: Sequence[Any]) -> list[Head]:
    """Make the head of each model, which takes the columns of this model in a split of features.

    Args:
        models: Built models without an `obstacle_to_caching`.

    Returns:
        The heads, which share their layers with the models.
    """
    heads, start = [], 0
    for model in models:
        chain = layers_of_head(model)
        shape = chain[0].input.shape[1:]
        heads.append(Head(chain, slice(start, start + math.prod(shape)), shape))
        start += math.prod(shape)
    return heads


def keep_features(
    models: Mapping[str, Any],
    data: Split,
    validation: Split | None,
    *,
    reason: str,
    say: Callable[[str], None],
) -> tuple[Split, Split | None] | None:
    """Compute the features of all images, unless there is a reason against that.

    Args:
        models: Name → model with frozen layers.
        data: The training images.
        validation: The validation images, or None.
        reason: Why the models need the images themselves; an empty text for no such reason.
        say: Prints what was done, or why not.

    Returns:
        The features of the training images and of the validation images; None for a reason
        against them.
    """
    names = ", ".join(models)
    images = len(data) + (len(validation) if validation else 0)
    for name, model in models.items():
        if not reason and (obstacle := obstacle_to_caching(model)):
            reason = f"in {name} {obstacle}"
    if not reason and (size := _bytes_of_features([*models.values()], images)) > MOST_BYTES:
        reason = f"their output for {images:,} images has {size / 1e9:.1f} GB"
    if reason:
        say(f"{names}: the frozen layers run in every step, since {reason}.")
        return None
    started = time.monotonic()
    splits = (
        split_of_features([*models.values()], data),
        split_of_features([*models.values()], validation) if validation else None,
    )
    say(
        f"{names}: the features of {images:,} images were computed once, in "
        f"{time.monotonic() - started:.1f} s, and only the head runs in the steps."
    )
    return splits


def _bytes_of_features(models: Sequence[Any], images: int) -> int:
    """Count the bytes that the features of images take."""
    numbers = sum(math.prod(layers_of_head(model)[0].input.shape[1:]) for model in models)
    return 4 * numbers * images


def split_of_features(models: Sequence[Any], data: Split) -> Split:
    """Compute the features of all images, batch by batch.

    Args:
        models: As for `heads_of`.
        data: The images.

    Returns:
        The same split with features, float32 [n, 1, 1, columns], in place of the images. The
        features of the models stand side by side.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits").train.take(range(100))
        >>> model = zoo.build("vgg", input_shape=(8, 8, 1), num_classes=10, width=2, blocks=2)
        >>> split_of_features([model], data).store.shape
        (100, 1, 1, 4)
    """
    columns = [_features(model, data) for model in models]
    store = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)
    return replace(data, store=store[:, None, None, :], rows=None)


def _features(model: Any, data: Split) -> np.ndarray:
    """Compute what a model's head takes, float32 [n, columns]."""
    source = layers_of_head(model)[0].input
    network = keras.Model(model.inputs[0], source)
    result = np.empty((len(data), math.prod(source.shape[1:])), np.float32)

    def run(images: Any) -> Any:
        return tf.cast(network(tf.cast(images, "float32"), training=False), "float32")

    batches = data.batches(BATCH)
    # A new partial is counted by itself; TensorFlow warns of functions traced too often.
    compute = tf.function(functools.partial(run), autograph=False).get_concrete_function(
        batches.element_spec[0]
    )
    for number, (images, *_) in enumerate(batches):
        raise_shared()
        rows = result[number * BATCH : (number + 1) * BATCH]
        rows[:] = compute(images).numpy().reshape(rows.shape)
    return result
