"""Feed images to TensorFlow in batches, in an order that can be repeated and resumed."""

from __future__ import annotations

import atexit
import itertools
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.arguments import argument_error, whole_number
from zoo.datasets.files.mapped import release
from zoo.errors import ArgumentError
from zoo.seeds import seed_words

if TYPE_CHECKING:
    import tensorflow as tf

BYTES_AT_ONCE = 2**23  # bytes of pixels that are gathered in one call, if a batch has fewer
MAX_NUMBER = 2**31 - 1  # the largest batch, and the last epoch: their product fits into 64 bits

# transform(images uint8 [b, height, width, channels], seed) -> uint8 or float32, same shape
#
# A transform may also have an attribute `on_tensors`, the same function of tensors. One that mixes
# images has an attribute `mixer`, a function of tensors (images, seed, shares of the classes
# [b, classes], weights [b] or None) -> mixed images, their shares and their weights.
Transform = Callable[[np.ndarray, int], np.ndarray]


class StreamPosition(NamedTuple):
    """A position in a stream of batches: the number of the epoch, and of the batch in it."""

    epoch: int = 0
    batch: int = 0


def batches(
    store: np.ndarray,
    rows: np.ndarray | None,
    targets: tuple[Any, ...],
    num_classes: int,
    batch_size: int,
    *,
    shuffle: bool,
    seed: int,
    epochs: int | None,
    start: StreamPosition,
    transform: Transform | None,
) -> tf.data.Dataset:
    """Make the dataset that `Split.batches` returns; the docstring there describes the arguments.

    `targets` has the labels, and the weights where the images have weights, as arrays [n, …] or as
    tuples of such arrays. The elements of the dataset are nested in the same way, except that a
    transform which mixes images makes a pair (labels, shares) of labels without shares.

    TensorFlow maps pairs of numbers, (epoch, batch), to pixels by one NumPy function, which
    gathers the pixels from the store. So a memory-mapped store is never read whole, and TensorFlow
    holds the pixels of a few batches only. The function gathers several small batches in one
    call, because calling Python from TensorFlow takes longer than gathering a small batch.
    """
    import tensorflow as tf

    arrays = tf.nest.flatten(targets)
    num_batches = _check_numbers(len(arrays[0]), batch_size, seed, epochs, start)
    on_batches = _on_batches(transform, num_classes)
    on_arrays = None if on_batches else transform
    if on_arrays is not None and not callable(on_arrays):
        expected = "be a function of images and a seed, or None"
        raise argument_error("transform", expected, transform, "Pass a function, not its result")
    first_image = store.take([0] if rows is None else rows[:1], axis=0)
    image_dtype = _output_dtype(on_arrays, first_image) if on_arrays else store.dtype
    batch_bytes = batch_size * int(np.prod(store.shape[1:]))
    at_once = 1 if on_arrays else max(BYTES_AT_ONCE // batch_bytes, 1)
    order = _epoch_order(len(arrays[0]), seed, shuffle)

    @_until_exit
    def read(epoch: int, batch: int) -> tuple[np.ndarray, ...]:
        chosen = order(int(epoch))[batch * batch_size : (batch + at_once) * batch_size]
        images = store.take(chosen if rows is None else rows[chosen], axis=0)
        seeds = [
            int(np.random.SeedSequence([seed, int(epoch), int(batch) + k]).generate_state(1)[0])
            for k in range(-(-len(chosen) // batch_size))
        ]
        if on_arrays:
            images = on_arrays(images, seeds[0])
        release(store)
        words = np.stack([seed_words(number) for number in seeds])
        return images, words, *(array[chosen] for array in arrays)

    def gather(epoch: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        dtypes = [image_dtype, tf.int64, *(array.dtype for array in arrays)]
        images, words, *some = tf.numpy_function(read, [epoch, batch], dtypes)
        images = tf.ensure_shape(images, [None, *store.shape[1:]])
        words = tf.ensure_shape(words, [None, 2])
        shapes = ([None, *array.shape[1:]] for array in arrays)
        return images, words, *map(tf.ensure_shape, some, shapes)

    gathered = _batch_numbers(start, num_batches, at_once, epochs).map(gather)
    _keep_with_dataset(read)
    return (
        gathered.flat_map(_separation(batch_size, on_batches, targets))
        # flat_map loses the number of batches, which Keras shows.
        .apply(tf.data.experimental.assert_cardinality(num_batches * (epochs or 1) - start.batch))
        .prefetch(tf.data.AUTOTUNE)
    )


def _check_numbers(
    count: int, batch_size: int, seed: int, epochs: int | None, start: StreamPosition
) -> int:
    """Refuse numbers that are out of range; return the number of batches in an epoch."""
    whole_number("batch_size", batch_size, 1, MAX_NUMBER)
    whole_number("seed", seed, 0)
    whole_number("first_epoch", start.epoch, 0, MAX_NUMBER)
    whole_number("first_batch", start.batch, 0, MAX_NUMBER)
    num_batches = -(-count // batch_size)
    if epochs is not None:
        whole_number("epochs", epochs, 1, MAX_NUMBER)
    elif start.batch:
        raise argument_error("first_batch", "be 0 without epochs", start.batch, "Pass epochs= too")
    if start.batch and start.batch >= num_batches:
        expected = f"be below {num_batches}, the number of batches in an epoch"
        remedy = "Begin at the next epoch instead"
        raise argument_error("first_batch", expected, start.batch, remedy)
    return num_batches


def _output_dtype(transform: Transform, image: np.ndarray) -> np.dtype:
    """Try the transform on a batch of one image, and return the dtype of the result."""
    output = transform(image, 0)
    dtype = getattr(output, "dtype", None)
    if dtype not in (np.uint8, np.float32) or output.shape != image.shape:
        raise ArgumentError(
            f"transform must return uint8 or float32 of the shape {image.shape} for one image. "
            f"Received: {dtype} of the shape {getattr(output, 'shape', None)}. Convert the images, "
            'for example by `.astype("float32")`, and keep their shape.'
        )
    return np.dtype(dtype)


def _epoch_order(count: int, seed: int, shuffle: bool) -> Callable[[int], np.ndarray]:
    """Make the function that gives the order of the images in an epoch."""

    # Two orders: that of the epoch in use, and that of another iterator over the same dataset.
    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(count)

    in_place = np.arange(count)
    return order if shuffle else lambda epoch: in_place


def _batch_numbers(
    start: StreamPosition, num_batches: int, at_once: int, epochs: int | None
) -> tf.data.Dataset:
    """Make a dataset of pairs (epoch, batch): the first batch of each group that is gathered."""
    import tensorflow as tf

    def numbers_in(epoch: tf.Tensor) -> tf.data.Dataset:
        first = tf.where(tf.equal(epoch, start.epoch), np.int64(start.batch), np.int64(0))
        numbers = tf.data.Dataset.range(first, num_batches, at_once)
        return numbers.map(lambda batch: (epoch, batch))

    if epochs is None:
        next_epoch = itertools.count(start.epoch)
        epoch_numbers = tf.data.Dataset.from_generator(
            lambda: [next(next_epoch)], output_signature=tf.TensorSpec((), tf.int64)
        )
    else:
        epoch_numbers = tf.data.Dataset.range(start.epoch, start.epoch + epochs)
    return epoch_numbers.flat_map(numbers_in)


def _on_batches(transform: Any, num_classes: int) -> Callable[..., Any] | None:
    """Make the function of tensors that transforms the images of a batch, and perhaps the targets.

    It takes images, the words of a seed and the targets, and returns images and targets. It is None
    for a transform of arrays, and for none.
    """
    import tensorflow as tf

    on_tensors = getattr(transform, "on_tensors", None)
    if on_tensors:
        return lambda images, words, *targets: (on_tensors(images, words), *targets)
    mixer = getattr(transform, "mixer", None)
    if not mixer:
        return None

    def mix(images: Any, words: Any, targets: Any, *weights: Any) -> tuple[Any, ...]:
        labels, shares = targets if isinstance(targets, tuple) else (targets, None)
        if shares is None:
            shares = tf.one_hot(labels, num_classes)
        mixed, shares, mixed_weights = mixer(images, words, shares, *weights)
        images = tf.ensure_shape(mixed, images.shape)
        labels = tf.argmax(shares, axis=1, output_type=labels.dtype)
        return images, (labels, shares), *([mixed_weights] if weights else [])

    return mix


def _separation(
    batch_size: int, on_batches: Callable[..., Any] | None, nesting: tuple[Any, ...]
) -> Callable[..., Any]:
    """Make the function that separates a group of batches into single, transformed batches.

    The targets of a batch are nested as `nesting` is.
    """
    import tensorflow as tf

    def separate(images: tf.Tensor, words: tf.Tensor, *targets: tf.Tensor) -> tf.data.Dataset:
        def batch(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = slice(number * batch_size, (number + 1) * batch_size)
            some = tf.nest.pack_sequence_as(nesting, [target[rows] for target in targets])
            if not on_batches:
                return images[rows], *some
            # The graph runs here, and not in the NumPy function: a graph that is called from
            # there waits for the thread that calls it, for ever if there are few threads.
            return on_batches(images[rows], words[number], *some)

        return tf.data.Dataset.range(tf.shape(words, "int64")[0]).map(batch)

    return separate


def _keep_with_dataset(read: Callable[..., Any]) -> None:
    """Let a function that `tf.numpy_function` calls, and its images, be freed with their dataset.

    TensorFlow keeps such a function for as long as the graph around the dataset lives, which is for
    ever outside of all graphs. The dataset itself, its iterators and all datasets made from it keep
    the function too.
    """
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph()
    functions = getattr(graph, "_py_funcs_used_in_graph", [])  # inside a graph there are none yet
    for function in [*functions]:
        if getattr(function, "__wrapped__", function) is read:
            vars(read)["as TensorFlow calls it"] = function
            functions.remove(function)


class _Reading:
    """What TensorFlow's threads do in Python, so that reading can end when Python ends."""

    closing = False
    calls = 0


def _until_exit(read: Callable[..., Any]) -> Callable[..., Any]:
    """End the data when Python ends.

    Otherwise the process could hang: an iterator that still exists waits for the thread that reads
    ahead, and the thread waits for Python, which has ended.
    """

    def guarded(*numbers: Any) -> Any:
        _Reading.calls += 1
        if _Reading.closing:
            raise StopIteration
        return read(*numbers)

    return guarded


@atexit.register
def _settle() -> None:
    """Wait until no thread reads ahead any more, at most about five seconds."""
    _Reading.closing = True
    before = 0
    for _ in range(100):
        if _Reading.calls == before:
            break
        before = _Reading.calls
        time.sleep(0.05)
