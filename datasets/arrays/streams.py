"""Reading a `tf.data.Dataset` or a `keras.utils.PyDataset`, batch by batch or whole."""

from __future__ import annotations

import itertools
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from zoo.datasets.arrays.images import DARK, as_array, check_batch
from zoo.datasets.files.checks import data_error, describe_error
from zoo.errors import ArgumentError, DataError

MOST_BYTES = 4 * 2**30
"""The most bytes of pixels that are collected from a stream."""
MOST_IMAGES = 500_000
"""The most images that are collected from a stream of unknown length, which may have no end."""
MOST_COPIES = 10
"""A stream of unknown length counts as endless if it repeats each image more often than this."""
FEWEST_IMAGES = 1000
"""A stream of unknown length is not called endless before it has given so many images."""
PATIENCE = 10.0
"""After how many seconds a warning says that a stream of unknown length is still being read."""
KNOWN_LENGTH = (
    "A length that only you know is told by "
    "`dataset.apply(tf.data.experimental.assert_cardinality(n))`"
)
"""The advice about datasets that end, but do not know where."""
IN_THE_DATASET = (
    "If 1 is white, multiply by 255: `dataset.map(lambda images, labels: (images * 255, labels))`."
)
"""The advice about datasets of images whose largest pixel is 1."""
ROWS = 256
"""The number of images that are put into a batch, if a dataset gives single images."""


class Batch(NamedTuple):
    """A batch of a stream.

    Attributes:
        images: uint8 or float32 [batch, height, width, channels], 0..255.
        labels: The labels, or None.
        sample_weight: The weights, or None.
    """

    images: np.ndarray
    labels: np.ndarray | None
    sample_weight: np.ndarray | None


def is_stream(images: Any) -> bool:
    """Tell whether images are a `tf.data.Dataset` or a `keras.utils.PyDataset`.

    Example:
        >>> is_stream(np.zeros((2, 8, 8, 1), "uint8"))
        False
    """
    return _is_dataset(images) or _is_py_dataset(images)


def is_generator_flow(stream: Any) -> bool:
    """Tell whether a stream is a flow of Keras's `ImageDataGenerator`, whose images are random."""
    return _is_py_dataset(stream) and any(
        kind.__module__.endswith("legacy.preprocessing.image") for kind in type(stream).__mro__
    )


def read_batches(stream: Any, steps: int | None = None) -> Iterator[Batch]:
    """Go through a stream once, with one batch in memory at a time.

    Args:
        stream: A `tf.data.Dataset` or a `keras.utils.PyDataset` of images, pairs (images, labels)
            or triples (images, labels, weights). Single images are put into batches.
        steps: The number of batches to take; None takes all of them.

    Yields:
        Each batch.

    Raises:
        DataError: The stream has no end, or its elements are not as described.
    """
    if steps is None:
        _check_end(stream)
    elements = _elements(stream)
    brightest = 0.0
    for element in itertools.islice(_with_data_errors(elements), steps):
        images, *rest = _parts(element)
        pixels = as_array(_plain(images, "images"))
        if not pixels.size:
            continue
        checked, brightest = check_batch(pixels, brightest)
        labels, weights = (*(_plain(part, "labels") for part in rest), None, None)[:2]
        yield Batch(checked, labels, weights)
    if brightest == 1:
        warnings.warn(f"{DARK} {IN_THE_DATASET}", stacklevel=3)


def collect(stream: Any) -> Batch:
    """Read a stream whole.

    Args:
        stream: As for `read_batches`.

    Returns:
        All images as uint8, fractions rounded; all labels and all weights, or None.

    Raises:
        DataError: The stream has no end, has more images than can be collected, gives no image, or
            its elements are not as described.
    """
    _check_end(stream)
    if is_generator_flow(stream):
        raise data_error(
            "images",
            "be the same at each reading",
            f"a flow of an ImageDataGenerator ({type(stream).__name__}), whose images are random",
            "Pass the arrays or the folder that the flow reads, and the transforms as "
            "zoo.Recipe(augmentation=zoo.Augmentation(...))",
        )
    parts: list[np.ndarray] = []
    all_labels: list[np.ndarray] = []
    all_weights: list[np.ndarray] = []
    count = size = 0
    length = _length(stream)
    check_unknown_length = _make_check_of_unknown_length()
    for batch, labels, weights in read_batches(stream):
        # A full first batch tells the size of the whole; the last batch may be smaller.
        size += batch.size
        if size + (0 if parts or length is None else (length - 2) * batch.size) > MOST_BYTES:
            raise _too_large(f"{MOST_BYTES / 2**30:g} GiB of pixels", "more pixels")
        count += len(batch)
        if length is None:
            check_unknown_length(batch, count)
        parts.append(batch if batch.dtype == np.uint8 else np.rint(batch).astype(np.uint8))
        all_labels += [] if labels is None else [labels]
        all_weights += [] if weights is None else [weights]
        _check_alike(parts, all_labels, all_weights)
    if not parts:
        raise data_error("images", "be at least one image", "an empty dataset", "Check its filter")
    images = np.empty((count, *parts[0].shape[1:]), np.uint8)
    while parts:  # each part is freed when it is copied
        part = parts.pop()
        images[count - len(part) : count] = part
        count -= len(part)
    return Batch(
        images,
        np.concatenate(all_labels) if all_labels else None,
        np.concatenate(all_weights) if all_weights else None,
    )


def separate_labels(images: Any, labels: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Separate a pair, a triple or a stream into images, labels and weights.

    Args:
        images: Images, a tuple (images, labels) or (images, labels, weights), or a stream of such.
        labels: The labels of the images, or None.
        sample_weight: The weights of the images, or None.

    Returns:
        Images, labels and weights; labels and weights may be None.

    Raises:
        DataError: A stream cannot be collected.
        ArgumentError: Labels or weights are given twice.
    """
    if isinstance(images, tuple) and len(images) in (2, 3) and labels is None:
        parts = (*images, None)[:3]
    elif is_stream(images):
        parts = collect(images) if labels is None and sample_weight is None else (None,) * 3
    else:
        return images, labels, sample_weight
    if labels is not None or sample_weight is not None:
        raise ArgumentError(
            "labels and sample_weight must be None beside a pair or a dataset, which has its own. "
            f"Received: {'sample_weight' if labels is None else 'labels'}. Leave out labels, and "
            "pass weights as the third part of the pair or of the dataset's elements."
        )
    return parts


def _make_check_of_unknown_length() -> Callable[[np.ndarray, int], None]:
    """Make the function that looks for a sign that a stream of unknown length has no end.

    The function takes each batch, and the number of images so far.
    """
    known: set[bytes] = set()
    warns_at = time.monotonic() + PATIENCE

    def check(batch: np.ndarray, count: int) -> None:
        nonlocal warns_at
        if count > MOST_IMAGES:
            bound = f"{MOST_IMAGES:,} images, if its length is not known"
            raise _too_large(bound, f"{count:,} images or more")
        known.update(blake2b(image.tobytes(), digest_size=8).digest() for image in batch)
        if count >= FEWEST_IMAGES and count > MOST_COPIES * len(known):
            raise data_error(
                "A dataset that is read into memory",
                "have an end",
                f"{count:,} images so far, which are {len(known):,} images again and again",
                "End the generator after one pass, or pass `dataset.take(n)`, with the number n of "
                f"batches in one pass. {KNOWN_LENGTH}",
            )
        if time.monotonic() >= warns_at:
            warns_at = math.inf
            warnings.warn(
                "A dataset that is read into memory should have a known length. Received: "
                f"{count:,} images so far, and no end yet. If the dataset has no end, interrupt "
                "the program and pass `dataset.take(n)`, with the number n of batches in one pass; "
                f"otherwise reading stops at {MOST_IMAGES:,} images. {KNOWN_LENGTH}.",
                UserWarning,
                stacklevel=5,
            )

    return check


def _too_large(bound: str, received: str) -> DataError:
    return data_error(
        "A dataset that is read into memory",
        f"have at most {bound}",
        received,
        "If the dataset repeats, leave out `repeat()`. Else save the images as files in a folder "
        "for each class, which zoo.datasets.load reads from disk, or pass `dataset.take(n)`. "
        f"{KNOWN_LENGTH}",
    )


def _length(stream: Any) -> int | None:
    """Count the batches of a stream; None if their number is not known."""
    if not _is_dataset(stream):
        return int(stream.num_batches)
    count = int(stream.cardinality())
    if count < 0:
        return None
    return -(-count // ROWS) if _gives_single_images(stream) else count


def _check_end(stream: Any) -> None:
    """Refuse a stream without an end."""
    if _is_dataset(stream):
        endless = int(stream.cardinality()) == -1  # tf.data.INFINITE_CARDINALITY
        remedy = "Leave out `repeat()`, or pass `dataset.take(number_of_batches)`"
    else:
        try:
            endless = stream.num_batches is None
        except (NotImplementedError, TypeError):
            endless = True
        remedy = "Give the PyDataset a method `__len__` that returns the number of batches"
    if endless:
        kind = "a tf.data.Dataset" if _is_dataset(stream) else type(stream).__name__
        raise data_error("images", "have an end", f"{kind} without an end", remedy)


def _elements(stream: Any) -> Iterator[Any]:
    """Go through the elements of a stream, each of them a batch."""
    if _is_dataset(stream):
        stream = stream.batch(ROWS) if _gives_single_images(stream) else stream
        return iter(stream)
    try:
        count = stream.num_batches
    except (NotImplementedError, TypeError):
        count = None  # the caller takes a number of steps
    return (stream[index] for index in (itertools.count() if count is None else range(count)))


def _gives_single_images(dataset: Any) -> bool:
    """Tell whether each element of a `tf.data.Dataset` is a single image, and not a batch."""
    specification = dataset.element_spec
    parts = specification if isinstance(specification, tuple) else (specification,)
    shapes: list[Any] = [getattr(part, "shape", None) for part in parts]
    if any(shape is None or shape.rank is None for shape in shapes[:2]):
        return False
    if len(shapes) == 1:
        return shapes[0].rank in (2, 3)
    images, labels = shapes[:2]
    # A one-hot label has another length than the image; the labels of a batch have the same.
    return labels.rank == 0 or ((images.rank, labels.rank) == (3, 1) and images[0] != labels[0])


def _with_data_errors(elements: Iterator[Any]) -> Iterator[Any]:
    """Turn the errors of a stream's own functions into a DataError."""
    while True:
        try:
            element = next(elements)
        except StopIteration:
            return
        except Exception as error:
            raise data_error(
                "A dataset",
                "give images of the same shape without an error",
                describe_error(error),
                "Correct the functions that make the images, or resize all images to one shape",
            ) from error
        yield element


def _parts(element: Any) -> tuple[Any, ...]:
    """Separate an element into images, labels and weights."""
    if isinstance(element, dict):
        names = ", ".join(map(repr, element))
        raise data_error(
            "Elements of a dataset",
            "be (images, labels)",
            f"a dictionary with {names}",
            'Choose two, for example `dataset.map(lambda row: (row["image"], row["label"]))`',
        )
    parts = tuple(element) if isinstance(element, (tuple, list)) else (element,)
    parts = parts[: next((k for k, part in enumerate(parts) if part is None), len(parts))]
    if not 1 <= len(parts) <= 3:
        raise data_error(
            "Elements of a dataset",
            "be images, (images, labels) or (images, labels, weights)",
            f"{len(parts)} parts",
            "Leave out the other parts",
        )
    return parts


def _plain(part: Any, name: str) -> np.ndarray:
    """Make an array of a part of an element."""
    if isinstance(part, (dict, tuple)):
        raise data_error(
            f"The {name} of a dataset",
            "be a single array",
            f"a {type(part).__name__} of {len(part)} parts",
            "Choose the array of the images, and that of the labels",
        )
    try:
        return np.asarray(part)
    except Exception as error:
        raise data_error(
            f"The {name} of a dataset",
            "be arrays",
            describe_error(error),
            "Give dense tensors, of images of the same shape",
        ) from error


def _check_alike(
    images: list[np.ndarray], labels: list[np.ndarray], weights: list[np.ndarray]
) -> None:
    """Refuse a last batch of another shape than the first, or with other parts."""
    first, last = images[0].shape[1:], images[-1].shape[1:]
    if first != last:
        remedy = "Resize all images to the same shape"
        received = f"{first} and {last}"
        raise data_error("Batches of a dataset", "have images of one shape", received, remedy)
    for part in (labels, weights):
        if part and (len(part) != len(images) or part[0].shape[1:] != part[-1].shape[1:]):
            received, remedy = "batches that differ", "Give each batch the same parts"
            raise data_error("Batches of a dataset", "be alike", received, remedy)


def _is_dataset(stream: Any) -> bool:
    # Only a program that has imported TensorFlow can have a dataset of it.
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(stream, tensorflow.data.Dataset)


def _is_py_dataset(stream: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(stream, keras.utils.PyDataset)
