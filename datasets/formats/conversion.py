"""The conversion of a data set's images to one size and colour, and room for their pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from zoo.datasets.files.mapped import fill, release
from zoo.datasets.split import Split
from zoo.errors import DataError

CHANNELS = {"grayscale": 1, "rgb": 3}

_MODES = {1: "L", 3: "RGB"}


def in_memory(part: str, shape: tuple[int, ...]) -> np.ndarray:
    """Make room in memory for the images of a part of the data set.

    Args:
        part: Name of the part.
        shape: [n, height, width, channels].

    Returns:
        An array of that shape, uint8, whose values are arbitrary.

    Raises:
        DataError: There is not enough memory.
    """
    try:
        return np.empty(shape, np.uint8)
    except (MemoryError, ValueError) as error:
        count, height, width, channels = shape
        raise DataError(
            f"The images of {part} must fit in memory. Received: {count:,} images of "
            f"{height}×{width}×{channels}. Pass a smaller image_size, or a cache with room for them"
        ) from error


@dataclass(frozen=True)
class ImageConversion:
    """The size and colour that a data set's images are converted to.

    Args:
        size: Height and width. None keeps the size.
        color: "grayscale" or "rgb". None keeps the colour.
        new: Function that makes room for the images of a part, such as `in_memory`.

    Example:
        >>> conversion = ImageConversion(size=(4, 4), color="grayscale")
        >>> conversion.convert("train", np.zeros((2, 8, 8, 3), "uint8")).shape
        (2, 4, 4, 1)
    """

    size: tuple[int, int] | None = None
    color: str | None = None
    new: Callable[[str, tuple[int, ...]], np.ndarray] = in_memory

    def convert(self, part: str, images: np.ndarray) -> np.ndarray:
        """Convert images that all have the same size.

        Grey is Pillow's: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded. Scaling is bilinear.
        Where it makes images smaller, it averages over all pixels that fall into the new pixel.

        Args:
            part: Name of the part of the data set.
            images: uint8 [n, height, width, 1 or 3].

        Returns:
            uint8 [n, height, width, channels]; the same array if no conversion is needed.
        """
        count, *size, own = images.shape
        channels = CHANNELS[self.color] if self.color else own
        height, width = self.size or size
        shape = (count, height, width, channels)
        if images.shape == shape:
            return images
        converted = self.new(part, shape)

        def convert_image(pixels: np.ndarray) -> np.ndarray:
            image = Image.fromarray(pixels[..., 0] if own == 1 else np.ascontiguousarray(pixels))
            if channels != own:
                image = image.convert(_MODES[channels])
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(shape[1:])

        fill(converted, map(convert_image, images))
        return converted


def concatenate(name: str, splits: list[Split], conversion: ImageConversion) -> Split:
    """Put splits one after another into one.

    Args:
        name: Name of the new split.
        splits: Splits with the same classes and image shapes; no selections of rows.
        conversion: Makes room for the images.

    Returns:
        The new split.

    Example:
        >>> split = Split("a", np.zeros((2, 4, 4, 1), "uint8"), np.array([0, 1]), ("x", "y"))
        >>> concatenate("both", [split, split], ImageConversion())
        Split('both', 4 images of 4×4×1: x 2, y 2)
    """
    first, *more = splits
    labels = np.concatenate([split.labels for split in splits])
    images = first.store
    if more:
        images = conversion.new(name, (len(labels), *first.image_shape))
        start = 0
        for split in splits:
            images[start : start + len(split)] = split.store
            start += len(split)
            release(images)
    return Split(name, images, labels, first.class_names)
