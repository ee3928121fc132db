"""From a `Split` to batches for TensorFlow, in an order that can be repeated and resumed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.datasets.arguments import check_whole
from zoo.errors import ArgumentError

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.datasets.base import Split

# transform(images uint8 [b, height, width, channels], seed) -> uint8 or float32, same shape
Transform = Callable[[np.ndarray, int], np.ndarray]


def batches(
    split: Split,
    batch_size: int,
    *,
    shuffle: bool,
    seed: int,
    epochs: int | None,
    first_epoch: int,
    first_batch: int,
    transform: Transform | None,
) -> tf.data.Dataset:
    """Do what `Split.batches` promises; its docstring describes the arguments.

    A dataset of (epoch, batch) numbers is mapped to pixels by one NumPy function, which
    gathers straight from the split's store: a memory-mapped set is never read whole, and no
    pixel is held by TensorFlow but those of the batches on their way.
    """
    check_whole("batch_size", batch_size, 1)
    check_whole("seed", seed, 0)
    check_whole("first_epoch", first_epoch, 0)
    check_whole("first_batch", first_batch, 0)
    num_batches = -(-len(split) // batch_size)
    if epochs is not None:
        check_whole("epochs", epochs, 1)
    elif first_batch:
        raise ArgumentError("first_batch needs epochs; pass epochs= too")
    if first_batch and first_batch >= num_batches:
        raise ArgumentError(
            f"first_batch must be below {num_batches}, the batches in an epoch. "
            f"Received: {first_batch}"
        )
    image_dtype = np.dtype(np.uint8) if transform is None else _output_dtype(transform, split)

    # Two: the order in use, and that of another iterator over the same dataset.
    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(split))

    def read(epoch: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
        rows: Any = slice(batch * batch_size, (batch + 1) * batch_size)
        part = split.take(order(int(epoch))[rows] if shuffle else rows)
        if transform is None:
            return part.images, part.labels
        state = np.random.SeedSequence([seed, int(epoch), int(batch)]).generate_state(1)
        return transform(part.images, int(state[0])), part.labels

    import tensorflow as tf

    def batch_numbers(epoch: tf.Tensor) -> tf.data.Dataset:
        start = tf.where(tf.equal(epoch, first_epoch), np.int64(first_batch), np.int64(0))
        return tf.data.Dataset.range(start, num_batches).map(lambda batch: (epoch, batch))

    def pixels(epoch: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = tf.numpy_function(read, [epoch, batch], [image_dtype, tf.int64])
        return (
            tf.ensure_shape(images, [None, *split.image_shape]),
            tf.ensure_shape(labels, [None]),
        )

    if epochs is None:
        numbers = itertools.count(first_epoch)
        epoch_numbers = tf.data.Dataset.from_generator(
            lambda: [next(numbers)], output_signature=tf.TensorSpec((), tf.int64)
        )
    else:
        epoch_numbers = tf.data.Dataset.range(first_epoch, first_epoch + epochs)
    total = num_batches * (epochs or 1) - first_batch
    return (
        epoch_numbers.flat_map(batch_numbers)
        # flat_map forgets how many there are, and Keras shows it.
        .apply(tf.data.experimental.assert_cardinality(total))
        .map(pixels)
        .prefetch(tf.data.AUTOTUNE)
    )


def _output_dtype(transform: Transform, split: Split) -> np.dtype:
    """Try the transform on one image."""
    image = split.take([0]).images
    output = transform(image, 0)
    dtype = getattr(output, "dtype", None)
    if dtype not in (np.uint8, np.float32) or output.shape != image.shape:
        raise ArgumentError(
            f"transform must return uint8 or float32 of the shape {image.shape} for one image. "
            f"Received: {dtype} of the shape {getattr(output, 'shape', None)}"
        )
    return np.dtype(dtype)
