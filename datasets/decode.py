"""From image files to one uint8 array, through Pillow."""

from __future__ import annotations

import functools
import io
import itertools
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps

from zoo.datasets.form import in_memory
from zoo.datasets.mapped import fill
from zoo.datasets.tree import Tree, say
from zoo.errors import DataError

MAX_PIXELS = 50_000_000

# Pillow's many other readers are never let near a file.
_FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_ORIENTATION = 0x0112
# Decoding frees the interpreter lock: two threads halve the time of photographs, but images
# of 2 KB are decoded faster than they are handed to a thread.
_BYTES_WORTH_A_THREAD = 16 * 2**10
_THREADS = os.cpu_count() or 1

T = TypeVar("T")


def survey(tree: Tree, names: list[str]) -> list[tuple[int, int, bool]]:
    """Read the headers of images, not their pixels.

    Args:
        tree: the files.
        names: the images' paths in it.

    Returns:
        For each image its height and width, as it is to be seen (EXIF orientation
        respected), and whether it is grey.

    Raises:
        DataError: a file is no readable image.
    """
    headers = []
    with strict():
        for name in names:
            # Of the file no more is read than the header needs.
            with _named(tree, name), tree.open(name) as content, open_image(content) as image:
                headers.append(_header(image))
    return headers


def decode(
    tree: Tree,
    names: list[str],
    size: tuple[int, int],
    channels: int,
    *,
    resize: bool,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Read images into one array.

    Transparent pixels are laid on white, palettes resolved, 16-bit greys scaled to 8 bits,
    and EXIF orientation is respected.

    Args:
        tree: the files.
        names: the images' paths in it.
        size: height and width.
        channels: 1 for grey or 3 for RGB.
        resize: scale images of another size (bilinear); otherwise they raise.
        out: uint8 [n, height, width, channels] to read them into; None makes one in memory.

    Returns:
        `out`, with the images in the order of `names`.

    Raises:
        DataError: a file is no readable image, has another size, or there is no memory for all.
    """
    pixels = in_memory(str(tree.path), (len(names), *size, channels)) if out is None else out

    def convert(image: Image.Image) -> np.ndarray:
        return _convert(image, size, channels, resize=resize)

    fill(pixels, _each(tree, [(name, convert) for name in names]))
    return pixels


def _header(image: Image.Image) -> tuple[int, int, bool]:
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):  # it lies on its side
        width, height = height, width
    return height, width, image.mode in _GREY_MODES


def _convert(
    image: Image.Image, size: tuple[int, int], channels: int, *, resize: bool
) -> np.ndarray:
    ImageOps.exif_transpose(image, in_place=True)
    height, width = size
    if image.size != (width, height) and not resize:
        raise DataError(f"expected {height}×{width} pixels, got {image.height}×{image.width}")
    if image.mode.startswith("I"):
        grey = np.rint(np.asarray(image) / 257).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(grey)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, channels)


def crop(tree: Tree, places: list[tuple[str, tuple[int, int, int, int]]], out: np.ndarray) -> None:
    """Cut boxes out of images, and scale them to one size.

    Args:
        tree: the files.
        places: the images' paths in it, and of each box left, top, right and bottom in pixels of
            the file as it is, the last two outside; what of it is not in the image is left out.
        out: uint8 [n, height, width, 1 or 3], to write them to, in the order of `places`.

    Raises:
        DataError: a file is no readable image, or a box is not in its image at all.
    """
    _, *size, channels = out.shape

    def cut(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
        left, top, right, bottom = box
        if left >= image.width or top >= image.height:
            raise DataError(f"expected the box {box} in an image of {image.width}×{image.height}")
        inside = (left, top, min(right, image.width), min(bottom, image.height))
        # Without what the file says of its orientation, which the box knows nothing of.
        part = image.crop(inside)
        part.info.pop("exif", None)
        return _convert(part, (size[0], size[1]), channels, resize=True)

    uses: list[tuple[str, Callable[[Image.Image], np.ndarray]]] = [
        (name, functools.partial(cut, box=box)) for name, box in places
    ]
    fill(out, _each(tree, uses))


@contextmanager
def open_image(content: BinaryIO) -> Iterator[Image.Image]:
    """Open an image file of a kind and a size that are read here; see `strict` for warnings.

    Args:
        content: the open file.

    Yields:
        The image, whose pixels are not decoded yet.

    Raises:
        DataError: it is damaged, found out here or in the block, or too large.
    """
    try:
        with Image.open(content, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"expected at most {MAX_PIXELS:,} pixels, got {image.height}×{image.width}"
                )
            yield image
    except DataError:
        raise
    # Pillow answers damaged files with nearly every built-in error there is.
    except Exception as error:
        raise DataError(
            f"expected a readable image ({', '.join(_FORMATS)}), got {say(error)}"
        ) from error


@contextmanager
def strict() -> Iterator[None]:
    """Make an error of Pillow's warning of too many pixels, for all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        # Said of metadata that is of no use here, such as damaged EXIF.
        warnings.simplefilter("ignore", UserWarning)
        yield


def _each(tree: Tree, uses: list[tuple[str, Callable[[Image.Image], T]]]) -> Iterator[T]:
    """Open images and use them, in order; in threads if the files are large enough."""

    def open_and_use(name: str, use: Callable[[Image.Image], T]) -> T:
        with _named(tree, name), open_image(io.BytesIO(tree.read(name))) as image:
            return use(image)

    with strict():
        if sum(tree.sizes[name] for name, _ in uses) < _BYTES_WORTH_A_THREAD * len(uses):
            yield from itertools.starmap(open_and_use, uses)
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            waiting: deque[Future[T]] = deque()
            for one in uses:
                waiting.append(pool.submit(open_and_use, *one))
                # No more than keep the threads busy: an image may have a hundred megabytes.
                if len(waiting) > 4 * _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


@contextmanager
def _named(tree: Tree, name: str) -> Iterator[None]:
    """Say of which file an error is."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name} in {tree.path}: {error}; mend or remove the file") from error
