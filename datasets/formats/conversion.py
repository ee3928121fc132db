"""The conversion of a data set's images to one size and colour, and room for their pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from zoo.datasets.files.checks import data_error
from zoo.datasets.files.mapped import fill, release
from zoo.datasets.split import Split

CHANNELS = {"grayscale": 1, "rgb": 3}
# How an image gets another size: height and width each by its own factor, or without the edges.
RESIZES = ("stretch", "crop")

_MODES = {1: "L", 3: "RGB"}

NewArray = Callable[[str, tuple[int, ...]], np.ndarray]


def in_memory(part: str, shape: tuple[int, ...]) -> np.ndarray:
    """Make room in memory for the images of a part, uint8 [n, height, width, channels].

    The values are arbitrary. Raises a DataError if there is not enough memory.
    """
    try:
        return np.empty(shape, np.uint8)
    except (MemoryError, ValueError) as error:
        received = f"{shape[0]:,} images of {'×'.join(map(str, shape[1:]))}"
        remedy = "Pass a smaller image_size, or a cache with room for them"
        raise data_error(f"The images of {part}", "fit in memory", received, remedy) from error


@dataclass(frozen=True)
class ImageConversion:
    """The size and colour that a data set's images are converted to; None keeps the size or colour.

    The size is (height, width), the colour "grayscale" or "rgb". `new` is the function that makes
    room for the images of a part, such as `in_memory`. `resize` is one of `RESIZES`.
    """

    size: tuple[int, int] | None = None
    color: str | None = None
    new: NewArray = in_memory
    resize: str = "stretch"

    def convert(self, part: str, images: np.ndarray) -> np.ndarray:
        """Convert images, uint8 [n, height, width, 1 or 3], that all have the same size.

        Grey is Pillow's: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded. Scaling is bilinear.
        Where it makes images smaller, it averages over all pixels that fall into the new pixel. The
        same array is returned if no conversion is needed.
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
            return to_pixels(image, shape[1:], self.resize)

        fill(converted, map(convert_image, images))
        return converted


def to_pixels(image: Image.Image, shape: tuple[int, ...], resize: str = "stretch") -> np.ndarray:
    """Give an image the channels and the size that are wanted, uint8 [height, width, channels].

    `resize` is "stretch", or "crop": what is cut off is the same on both sides.
    """
    height, width, channels = shape
    if image.mode != _MODES[channels]:
        image = image.convert(_MODES[channels])
    if image.size != (width, height):
        bilinear = Image.Resampling.BILINEAR
        if resize == "crop":
            image = ImageOps.fit(image, (width, height), bilinear)
        else:
            image = image.resize((width, height), bilinear)
    return np.asarray(image).reshape(shape)


def concatenate_splits(name: str, splits: list[Split], conversion: ImageConversion) -> Split:
    """Put splits with the same classes and image shapes, and no selections of rows, into one.

    If some of the splits have label shares, the images of the others get shares too: 1 for the
    class of the label.
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
    label_shares = None
    if any(split.label_shares is not None for split in splits):
        certain = np.eye(first.num_classes, dtype=np.float32)
        label_shares = np.concatenate(
            [
                certain[split.labels] if split.label_shares is None else split.label_shares
                for split in splits
            ]
        )
    return Split(name, images, labels, first.class_names, label_shares=label_shares)
