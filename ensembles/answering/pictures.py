"""The pixels of pictures, read in blocks, exactly as `zoo.datasets.load` reads them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.arguments import argument_error
from zoo.datasets import read_image_blocks
from zoo.datasets.arrays.images import check_images
from zoo.datasets.arrays.streams import is_stream, read_batches
from zoo.datasets.image_files import size_and_color
from zoo.datasets.split import Split
from zoo.ensembles.answering.files import picture_files

BLOCK = 256
"""How many pictures are in memory at a time."""

BLOCK_BYTES = 256 * 2**20
"""How many bytes of pixels are in memory at a time: of large pictures, a block has fewer."""

Source = Path | int
"""The path of a picture's file; or the number of the picture, from 0, if it has no file."""

_COLORS = {1: "grayscale", 3: "rgb"}


@dataclass(frozen=True)
class Block:
    """Some pictures that were read together.

    Attributes:
        sources: Where each picture comes from, [n].
        images: The pixels, uint8 [n, height, width, channels].
        skipped: Sources of the pictures that could not be read.
    """

    sources: list[Source]
    images: np.ndarray
    skipped: list[Source]


def image_options(
    input_shape: Sequence[int | None], settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Choose the arguments of `zoo.datasets.load` and `read_images` that make images for a model.

    Args:
        input_shape: (height, width, channels) that the model takes; None allows any length.
        settings: The settings of the data set that the model was trained on, if they are known.

    Returns:
        `image_size` and `color`; and `resize`, if the settings have it.

    Example:
        >>> image_options((48, 64, 1))
        {'image_size': (48, 64), 'color': 'grayscale'}
    """
    settings = settings or {}
    height, width, channels = input_shape
    size = (height, width) if height and width else settings.get("image_size")
    options = {"image_size": size, "color": _COLORS.get(channels or 0, settings.get("color"))}
    return options | {key: settings[key] for key in ("resize",) if settings.get(key) is not None}


def picture_blocks(
    pictures: Any, options: Mapping[str, Any], on_error: str = "raise"
) -> Iterator[Block]:
    """Read pictures, a block at a time.

    Args:
        pictures: One picture or several: paths of files, of folders, or with patterns, see
            `picture_files`; Pillow images; arrays uint8 [height, width], [height, width, channels]
            or [n, height, width, channels]; a `Split`; a `tf.data.Dataset` or a
            `keras.utils.PyDataset`; or a list or a generator of these. A generator is read block
            by block.
        options: The arguments of `zoo.datasets.read_images`, as `image_options` gives them.
        on_error: `"raise"`, or `"skip"` to leave out pictures that cannot be read, with a warning.

    Yields:
        The blocks, of `BLOCK` pictures or fewer.

    Raises:
        ArgumentError: `on_error` is something else, or there is no picture.
        DataError: A file does not exist, a picture cannot be read, or something is no picture.

    Example:
        >>> pictures = [np.zeros((8, 8), "uint8"), Image.new("RGB", (20, 10))]
        >>> (block,) = picture_blocks(pictures, {"image_size": (4, 4), "color": "grayscale"})
        >>> block.sources, block.images.shape
        ([0, 1], (2, 4, 4, 1))
    """
    listed = enumerate(_listed(pictures))
    numbered = _next_block(listed)
    if not numbered:
        remedy = "Name a picture, or a folder with pictures"
        raise argument_error("pictures", "be one picture or more", pictures, remedy)
    while numbered:
        named = [(p if isinstance(p, Path) else number, p) for number, p in numbered]
        for part, whole_options in _parts(named, options):
            pictures = [picture for _, picture in part]
            ((kept, images),) = read_image_blocks(
                pictures, **whole_options, on_error=on_error, block_size=len(pictures)
            )
            ids = {id(picture) for picture in kept}
            yield Block(
                [source for source, picture in part if id(picture) in ids],
                images,
                [source for source, picture in part if id(picture) not in ids],
            )
        numbered = _next_block(listed)


def _next_block(listed: Iterator[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Take the next `BLOCK` numbered pictures, or fewer that have `BLOCK_BYTES` of pixels."""
    block, size = [], 0
    for number, picture in listed:
        block.append((number, picture))
        if isinstance(picture, Image.Image):
            size += picture.width * picture.height * len(picture.getbands())
        size += getattr(picture, "nbytes", 0)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            break
    return block


def _listed(pictures: Any) -> Iterator[Any]:
    """Go through pictures one by one: the path of a file, a Pillow image, or an array."""
    if isinstance(pictures, (str, os.PathLike)):
        yield from picture_files([pictures])
    elif isinstance(pictures, Split):
        for block in pictures.blocks():
            yield from block
    elif is_stream(pictures):
        for images, *_ in read_batches(pictures):
            yield from np.rint(images).astype(np.uint8)
    elif isinstance(pictures, Image.Image):
        yield pictures
    elif hasattr(pictures, "__array__"):
        pixels = np.asarray(pictures)
        has_channels = pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4)
        yield from [pixels] if pixels.ndim == 2 or has_channels else check_images(pixels)
    elif isinstance(pictures, Iterable):
        is_whole = isinstance(pictures, Collection)
        for are_paths, group in itertools.groupby(pictures, _is_path):
            if are_paths:
                # `picture_files` names all missing files of a list, or of a block of a generator.
                while paths := [*itertools.islice(group, None if is_whole else BLOCK)]:
                    yield from picture_files(paths)
            else:
                for picture in group:
                    yield from _listed(picture if is_whole else _kept(picture))
    else:
        remedy = "Pass paths, Pillow images or arrays, one or several"
        raise argument_error("pictures", "be a picture or a list of pictures", pictures, remedy)


def _is_path(picture: Any) -> bool:
    return isinstance(picture, (str, os.PathLike))


def _kept(picture: Any) -> Any:
    """Copy an array of a generator, which may write the next picture into the same array."""
    return picture.copy() if isinstance(picture, np.ndarray) else picture


def _parts(
    named: list[tuple[Source, Any]], options: Mapping[str, Any]
) -> Iterator[tuple[list[tuple[Source, Any]], Mapping[str, Any]]]:
    """Divide pictures into parts that are one array each, and complete the options of each part.

    A model of any size takes pictures as they are, so a part has pictures of the same size.
    """
    if None not in options.values():
        yield named, options
        return
    for found, part in itertools.groupby(named, lambda item: size_and_color(item[1])):
        height, width, is_grey = found or (1, 1, True)  # a picture that cannot be read
        size = options["image_size"] or (height, width)
        color = options["color"] or ("grayscale" if is_grey else "rgb")
        yield [*part], {**options, "image_size": size, "color": color}
