"""Images that models are asked about, in whichever container, checked and batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.arrays.images import as_array, check_images, warn_of_darkness
from zoo.datasets.arrays.streams import is_stream, read_batches
from zoo.datasets.split import Split
from zoo.errors import DataError


def image_batches(
    x: Any, input_shape: Sequence[int | None], batch_size: int, steps: int | None = None
) -> Iterator[np.ndarray]:
    """Check the images that models are asked about, and go through them batch by batch.

    Args:
        x: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            `tf.data.Dataset` or a `keras.utils.PyDataset`, whose labels are left out, and which may
            also give floats 0..255.
        input_shape: (height, width, channels) that the models take; None allows any length.
        batch_size: The number of images in a batch; datasets keep their own batches.
        steps: The number of batches to take from a dataset; None takes all of them.

    Yields:
        Images, uint8 or float32 [batch, height, width, channels]; at least one batch.

    Raises:
        DataError: The images are not as described, or a dataset has no end.
        ArgumentError: The batch size is not a whole number of 1 or more.

    Example:
        >>> images = np.zeros((5, 6, 6, 1), "uint8")
        >>> [len(batch) for batch in image_batches(images, (6, 6, 1), batch_size=2)]
        [2, 2, 1]
    """
    whole_number("batch_size", batch_size, 1)
    if isinstance(x, tuple) and len(x) in (2, 3):
        x = x[0]
    if isinstance(x, Split):
        _check_fit((len(x), *x.image_shape), input_shape)
        yield from x.blocks(batch_size)
    elif is_stream(x):
        batch = None
        for batch, *_ in read_batches(x, steps):
            _check_fit(batch.shape, input_shape)
            yield batch
        if batch is None:
            _check_fit((0, *input_shape), input_shape)
    else:
        images = as_array(x)
        if images.dtype != np.uint8 or not _fits(images.shape, input_shape):
            images = check_images(x)
        else:
            warn_of_darkness(images)
        _check_fit(images.shape, input_shape)
        for start in range(0, len(images), batch_size):
            yield images[start : start + batch_size]


def _fits(shape: Sequence[int | None], input_shape: Sequence[int | None]) -> bool:
    """Tell whether models take images of a shape [n, height, width, channels]."""
    return (
        len(shape) == 4
        and len(input_shape) == 3
        and all(wanted in (None, side) for side, wanted in zip(shape[1:], input_shape, strict=True))
    )


def _check_fit(shape: Sequence[int | None], input_shape: Sequence[int | None]) -> None:
    """Check that there are images, and that models take images of this shape."""
    if not _fits(shape, input_shape) or not shape[0]:
        raise DataError(
            "Images must be one image or more, [n, height, width, channels] with "
            f"{tuple(input_shape)}. Received: shape {tuple(shape)}. Load them with "
            "zoo.datasets.load(image_size=..., color=...) to fit the members."
        )
