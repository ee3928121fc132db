"""Image files that are in no data set: read pictures exactly as `zoo.datasets.load` reads them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from zoo.arguments import argument_error, as_path, whole_number
from zoo.datasets.arrays.images import check_pixels
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree, plain_files
from zoo.datasets.formats.conversion import CHANNELS
from zoo.datasets.formats.decode import Decoded, Picture, decode, first_header
from zoo.datasets.formats.image_file import ColorFound, ImageHeader, Target
from zoo.datasets.load_arguments import check_image_options, check_on_error, check_resize
from zoo.errors import DataError


def read_images(
    paths: Any,
    image_size: int | Sequence[int] | None = None,
    color: str | None = None,
    *,
    resize: str = "stretch",
    on_error: str = "raise",
) -> np.ndarray:
    """Read pictures exactly as `zoo.datasets.load` reads the pictures of a folder.

    Args:
        paths: A picture, or a list of pictures. A picture is the path of an image file, a PIL
            image, or an array, uint8 [height, width] or [height, width, 1, 3 or 4]. An array of
            pictures, uint8 [n, height, width, channels], is a list too.
        image_size: Height and width, or one number for both, to scale the images to. None: the
            images must have the same size.
        color: "grayscale" or "rgb". None: the images are grey if all of them are grey, and RGB
            otherwise.
        resize: How images get the size of `image_size`: "stretch" scales height and width each by
            its own factor; "crop" cuts off equal edges, so that shapes stay as they are.
        on_error: "raise": damaged files raise a DataError. "skip": damaged files are left out, and
            a warning lists them.

    Returns:
        Images, uint8 [n, height, width, channels]; n is 1 for a single picture.

    Raises:
        DataError: Files are missing or damaged (the message names all of them), too large, or of
            different sizes.
        ArgumentError: An argument is out of range, or there is no picture.

    Example:
        >>> import numpy as np
        >>> read_images(np.zeros((20, 30, 3), "uint8"), image_size=8, color="grayscale").shape
        (1, 8, 8, 1)
    """
    size, color = check_image_options(image_size, color)
    resize, on_error = check_resize(resize, size), check_on_error(on_error)
    tree, pictures = _open_pictures(_as_list(paths))
    header = ImageHeader(0, 0, is_grey=False)
    if size is None or color is None:
        header = first_header(tree, pictures, is_reduced=size is not None)

    def read(channels: int, only_grey: bool = False) -> Decoded:
        target = Target(size or header[:2], channels, size and resize, only_grey=only_grey)
        alike = "" if size else header.name
        return decode(tree, pictures, target, on_error=on_error, alike=alike)

    if color or not header.is_grey:
        images = read(CHANNELS[color or "rgb"]).images
    else:
        try:
            images = read(1, only_grey=True).images
        except ColorFound:
            images = read(3).images
    if not len(images):
        raise data_error("paths", "hold a readable image", "damaged files only", "Add others")
    return images


def read_image_blocks(
    paths: Iterable[Any],
    image_size: int | Sequence[int],
    color: str,
    *,
    resize: str = "stretch",
    on_error: str = "raise",
    block_size: int = 256,
) -> Iterator[tuple[list[Any], np.ndarray]]:
    """Read many pictures as `read_images` does, block by block, with one block in memory.

    Args:
        paths: Pictures, as for `read_images`. They may come from a generator.
        image_size: Height and width, or one number for both, to scale the images to.
        color: "grayscale" or "rgb".
        resize: "stretch" or "crop", as for `read_images`.
        on_error: "raise" or "skip", as for `read_images`. "raise" names the damaged files of a
            block, before the block is given.
        block_size: Number of pictures in a block; 1 or more.

    Yields:
        Pairs: the pictures of the block that could be read, as they stand in `paths`; and their
        images, uint8 [block_size or fewer, height, width, channels]. A block of which no file
        can be read has no images.

    Raises:
        DataError: Files are missing, damaged or too large.
        ArgumentError: An argument is out of range.

    Example:
        >>> import numpy as np
        >>> pictures = [np.zeros((4, 4), "uint8")] * 5
        >>> [len(images) for _, images in read_image_blocks(pictures, 2, "rgb", block_size=2)]
        [2, 2, 1]
    """
    size, checked_color = check_image_options(image_size, color)
    if size is None or checked_color is None:
        expected = 'be a size and a colour, such as 48 and "rgb", for blocks of images'
        remedy = "Pass those of the model, since every block must have the same"
        raise argument_error("image_size and color", expected, (image_size, color), remedy)
    target = Target(size, CHANNELS[checked_color], check_resize(resize, size))
    check_on_error(on_error)
    whole_number("block_size", block_size, 1)
    return _blocks(paths, target, on_error, block_size)


def size_and_color(picture: Any) -> tuple[int, int, bool] | None:
    """Read height and width of a picture, and whether the picture is grey.

    Args:
        picture: A picture, as for `read_images`.

    Returns:
        The three values, or None for a file that is missing or damaged.

    Raises:
        DataError: An array is no picture.

    Example:
        >>> import numpy as np
        >>> size_and_color(np.zeros((20, 30), "uint8"))
        (20, 30, True)
    """
    tree, pictures = _open_pictures([picture])
    with contextlib.suppress(DataError):
        return first_header(tree, pictures, is_reduced=True)[:3]
    return None


def _blocks(
    paths: Iterable[Any], target: Target, on_error: str, block_size: int
) -> Iterator[tuple[list[Any], np.ndarray]]:
    pictures = iter(_as_list(paths))
    while block := list(itertools.islice(pictures, block_size)):
        tree, opened = _open_pictures(block)
        images, kept = decode(tree, opened, target, on_error=on_error)
        yield [path for path, is_kept in zip(block, kept, strict=True) if is_kept], images


def _as_list(paths: Any) -> Iterable[Any]:
    """Put a single picture in a list; leave a list, an iterator or a stack of images as it is."""
    is_picture = isinstance(paths, str | os.PathLike | Image.Image)
    if is_picture or (isinstance(paths, np.ndarray) and paths.ndim in (2, 3)):
        return [paths]
    if not isinstance(paths, Iterable):
        remedy = 'Pass for example ["a.jpg", "b.png"]'
        raise argument_error("paths", "be a picture or a list of pictures", paths, remedy)
    return paths


def _open_pictures(paths: Iterable[Any]) -> tuple[Tree, list[Picture]]:
    """Take pictures as paths and images in memory; the tree has the files."""
    pictures = [_as_picture(path) for path in paths]
    if not pictures:
        raise argument_error("paths", "hold at least one picture", [], "Add a path")
    return plain_files([path for path in pictures if isinstance(path, str)]), pictures


def _as_picture(picture: Any) -> Picture:
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, str | os.PathLike):
        return str(as_path("paths", picture))
    pixels = np.asanyarray(picture)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    is_picture = pixels.ndim in (2, 3) and channels in (1, 3, 4) and pixels.size
    if not is_picture or pixels.dtype.kind not in "biuf":
        expected = "be paths, PIL images or uint8 arrays [height, width] or [height, width, 1 or 3]"
        received = f"{type(picture).__name__} of {pixels.dtype} and the shape {pixels.shape}"
        remedy = "Pass each picture by itself, with the channels as the last axis"
        raise data_error("paths", expected, received, remedy)
    check_pixels(pixels)
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels)
