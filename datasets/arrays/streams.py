"""Reading a `tf.data.Dataset` or a `keras.utils.PyDataset`, batch by batch or whole."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from zoo.datasets.arrays.images import as_array, check_batch
from zoo.datasets.files.checks import data_error, describe_error

MOST_BYTES = 4 * 2**30
"""The most bytes of pixels that are collected from a stream."""
MOST_IMAGES = 2_000_000
"""The most images that are collected from a stream of unknown length, which may have no end."""
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
    if is_generator_flow(stream):
        raise data_error(
            "images",
            "be the same at each reading",
            f"a flow of an ImageDataGenerator ({type(stream).__name__}), whose images are random",
            "Pass the arrays or the folder that the flow reads, and the transforms as "
            "zoo.Recipe(augmentation=zoo.Augmentation(...))",
        )
    unknown = _is_dataset(stream) and int(stream.cardinality()) < 0
    batches: list[Batch] = []
    count = size = 0
    for images, labels, weights in read_batches(stream):
        pixels = images if images.dtype == np.uint8 else np.rint(images).astype(np.uint8)
        batches.append(Batch(pixels, labels, weights))
        count, size = count + len(pixels), size + pixels.nbytes
        if size > MOST_BYTES or (unknown and count > MOST_IMAGES):
            raise _too_large(count, size)
        _check_alike(batches[0], batches[-1])
    if not batches:
        raise data_error("images", "be at least one image", "an empty dataset", "Check its filter")
    columns = list(zip(*batches, strict=True))
    batches.clear()
    images, labels, weights = (
        None if column[0] is None else np.concatenate(column) for column in columns
    )
    assert images is not None
    return Batch(images, labels, weights)


def _too_large(count: int, size: int) -> Exception:
    expected = f"be at most {MOST_BYTES / 2**30:g} GiB of pixels"
    if size <= MOST_BYTES:
        expected = f"have an end before {MOST_IMAGES:,} images, if the length is not known"
    return data_error(
        "A dataset that is read into memory",
        expected,
        f"{count:,} images or more, {size / 2**30:.2g} GiB",
        "If the dataset repeats, leave out `repeat()`. Save the images as files in a folder for "
        "each class, which zoo.datasets.load reads from disk, or pass `dataset.take(n)`",
    )


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
        received = f"{type(stream).__name__} without an end"
        raise data_error("images", "have an end", received, remedy)


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
    shapes = [getattr(part, "shape", None) for part in parts]
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


def _check_alike(first: Batch, last: Batch) -> None:
    """Refuse batches of different shapes."""
    if first.images.shape[1:] != last.images.shape[1:]:
        received = f"{first.images.shape[1:]} and {last.images.shape[1:]}"
        remedy = "Resize all images to the same shape"
        raise data_error("Batches of a dataset", "have images of one shape", received, remedy)
    if [part is None for part in first] != [part is None for part in last] or (
        first.labels is not None
        and last.labels is not None
        and first.labels.shape[1:] != last.labels.shape[1:]
    ):
        received, remedy = "batches that differ", "Give each batch the same parts"
        raise data_error("Batches of a dataset", "be alike", received, remedy)


def _is_dataset(stream: Any) -> bool:
    # Only a program that has imported TensorFlow can have a dataset of it.
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(stream, tensorflow.data.Dataset)


def _is_py_dataset(stream: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(stream, keras.utils.PyDataset)
