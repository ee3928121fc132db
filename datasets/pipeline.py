"""From a `Split` to batches for TensorFlow, in an order that can be repeated and resumed."""

from __future__ import annotations

import atexit
import itertools
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.files.mapped import release
from zoo.errors import ArgumentError
from zoo.seeds import seed_words

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.datasets.split import Split

BYTES_AT_ONCE = 2**23
"""How many bytes of pixels are gathered at once, where a batch has fewer."""

MOST = 2**31 - 1
"""The largest batch, and the last epoch: their product fits into 64 bits."""

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
    pixel is held by TensorFlow but those of the batches on their way. It gathers some batches
    at a time, since calling Python from TensorFlow takes longer than gathering a small one.
    """
    whole_number("batch_size", batch_size, 1, MOST)
    whole_number("seed", seed, 0)
    whole_number("first_epoch", first_epoch, 0, MOST)
    whole_number("first_batch", first_batch, 0, MOST)
    num_batches = -(-len(split) // batch_size)
    if epochs is not None:
        whole_number("epochs", epochs, 1, MOST)
    elif first_batch:
        raise ArgumentError("first_batch needs epochs; pass epochs= too")
    if first_batch and first_batch >= num_batches:
        raise ArgumentError(
            f"first_batch must be below {num_batches}, the batches in an epoch. "
            f"Received: {first_batch}"
        )
    on_tensors = getattr(transform, "on_tensors", None)
    on_arrays = None if on_tensors else transform
    image_dtype = np.dtype(np.uint8) if on_arrays is None else _output_dtype(on_arrays, split)

    # Two: the order in use, and that of another iterator over the same dataset.
    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(split))

    batch_bytes = batch_size * int(np.prod(split.image_shape))
    at_once = 1 if on_arrays else max(BYTES_AT_ONCE // batch_bytes, 1)

    @_until_exit
    def read(epoch: int, batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows: Any = slice(batch * batch_size, (batch + at_once) * batch_size)
        part = split.take(order(int(epoch))[rows] if shuffle else rows)
        states = [
            int(np.random.SeedSequence([seed, int(epoch), int(batch) + k]).generate_state(1)[0])
            for k in range(-(-len(part) // batch_size))
        ]
        images = part.images if on_arrays is None else on_arrays(part.images, states[0])
        release(split.store)
        return images, part.labels, np.stack([seed_words(state) for state in states])

    import tensorflow as tf

    def batch_numbers(epoch: tf.Tensor) -> tf.data.Dataset:
        start = tf.where(tf.equal(epoch, first_epoch), np.int64(first_batch), np.int64(0))
        numbers = tf.data.Dataset.range(start, num_batches, at_once)
        return numbers.map(lambda batch: (epoch, batch))

    def pixels(epoch: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        dtypes = [image_dtype, tf.int64, tf.int64]
        images, labels, words = tf.numpy_function(read, [epoch, batch], dtypes)
        images = tf.ensure_shape(images, [None, *split.image_shape])
        return images, tf.ensure_shape(labels, [None]), tf.ensure_shape(words, [None, 2])

    def single_batches(images: tf.Tensor, labels: tf.Tensor, words: tf.Tensor) -> tf.data.Dataset:
        def one(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = slice(number * batch_size, (number + 1) * batch_size)
            if not on_tensors:
                return images[rows], labels[rows]
            # Here and not in `read`: a graph that is run from there waits for the thread that it
            # was called from, for ever where there are few.
            return on_tensors(images[rows], words[number]), labels[rows]

        return tf.data.Dataset.range(tf.shape(words, "int64")[0]).map(one)

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
        .map(pixels)
        .flat_map(single_batches)
        # flat_map forgets how many there are, and Keras shows it.
        .apply(tf.data.experimental.assert_cardinality(total))
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


class _Reading:
    """What threads of TensorFlow are doing in Python, so that it can be brought to an end."""

    closing = False
    calls = 0


def _until_exit(read: Callable[..., Any]) -> Callable[..., Any]:
    """End the data when Python ends.

    An iterator that is still there then waits for the thread that reads ahead for it, and that
    thread for Python, which has ended: the process would hang.
    """

    def guarded(*place: Any) -> Any:
        _Reading.calls += 1
        if _Reading.closing:
            raise StopIteration
        return read(*place)

    return guarded


@atexit.register
def _settle() -> None:
    """Wait until no thread reads ahead any more."""
    _Reading.closing = True
    before = 0
    for _ in range(100):  # and then end nevertheless
        if _Reading.calls == before:
            break
        before = _Reading.calls
        time.sleep(0.05)
