"""From image files to one uint8 array, through Pillow."""

from __future__ import annotations

import functools
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps

from zoo.datasets.files.mapped import fill
from zoo.datasets.files.tree import Tree, say
from zoo.datasets.formats.conversion import in_memory
from zoo.datasets.formats.ordered_map import in_order
from zoo.datasets.recorded_warnings import recorded_warnings
from zoo.errors import DataError

MAX_PIXELS = 50_000_000
MAX_SCANS = 100

_START_OF_SCAN = b"\xff\xda"

# Pillow's many other readers are never let near a file.
_FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_ORIENTATION = 0x0112
# Where Pillow keeps what may say it.
_ORIENTED = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
# Decoding frees the interpreter lock: two threads halve the time of photographs, but images
# of 2 KB are decoded faster than they are handed to a thread.
_BYTES_WORTH_A_THREAD = 16 * 2**10

Box = tuple[int, int, int, int]
T = TypeVar("T")


class Unlike(DataError):
    """An image is not like the others."""


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
            with (
                tree.open(name) as content,
                _named(tree, name),
                open_image(content, whole=False) as image,
            ):
                headers.append(_header(image))
    return headers


def decode(
    tree: Tree,
    names: list[str],
    size: tuple[int, int],
    channels: int,
    *,
    resize: bool,
    all_grey: bool = False,
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
        all_grey: whether colour images raise.
        out: uint8 [n, height, width, channels] to read them into; None makes one in memory.

    Returns:
        `out`, with the images in the order of `names`.

    Raises:
        DataError: a file is no readable image, or there is no memory for all.
        Unlike: an image has another size, or colours.
    """
    pixels = in_memory(str(tree.path), (len(names), *size, channels)) if out is None else out

    def convert(image: Image.Image) -> np.ndarray:
        if all_grey and image.mode not in _GREY_MODES:
            raise Unlike("expected a grey image, got one in colour")
        return _convert(image, size, channels, resize=resize)

    fill(pixels, _each(tree, names, lambda row: _use(tree, names[row], convert)))
    return pixels


def _header(image: Image.Image) -> tuple[int, int, bool]:
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):  # it lies on its side
        width, height = height, width
    return height, width, image.mode in _GREY_MODES


def _convert(
    image: Image.Image, size: tuple[int, int], channels: int, *, resize: bool
) -> np.ndarray:
    if not _ORIENTED.isdisjoint(image.info):
        ImageOps.exif_transpose(image, in_place=True)
    height, width = size
    if image.size != (width, height) and not resize:
        raise Unlike(f"expected {height}×{width} pixels, got {image.height}×{image.width}")
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


def crop(tree: Tree, places: list[tuple[str, str, Box]], out: np.ndarray) -> list[str]:
    """Cut boxes out of images, and scale them to one size.

    Args:
        tree: the files.
        places: the images' paths in it, the SHA-256 in hexadecimal that they should have, and of
            each box left, top, right and bottom in pixels of the file as it is, the last two
            outside; what of it is not in the image is left out.
        out: uint8 [n, height, width, 1 or 3], to write them to, in the order of `places`, those
            that can be cut out one behind another.

    Returns:
        For each place why nothing was cut out: the file is another or no readable image, or the
        box is not in it at all; or an empty text.
    """
    _, *size, channels = out.shape

    def cut(image: Image.Image, box: Box) -> np.ndarray:
        check_box(box, *image.size)
        left, top, right, bottom = box
        inside = (left, top, min(right, image.width), min(bottom, image.height))
        # Without what the file says of its orientation, which the box knows nothing of.
        part = image.crop(inside)
        part.info.pop("exif", None)
        return _convert(part, (size[0], size[1]), channels, resize=True)

    def attempt(row: int) -> np.ndarray | str:
        name, sha256, box = places[row]
        try:
            return _use(tree, name, functools.partial(cut, box=box), sha256)
        except DataError as error:
            return str(error)

    reasons = []

    def faces() -> Iterator[np.ndarray]:
        for face in _each(tree, [name for name, _, _ in places], attempt):
            reasons.append(face if isinstance(face, str) else "")
            if not isinstance(face, str):
                yield face

    fill(out, faces())
    return reasons


def check_box(box: Box, width: int, height: int) -> None:
    """Refuse a box that lies outside of its image.

    Args:
        box: left, top, right and bottom in pixels.
        width: of the image.
        height: of the image.

    Raises:
        DataError: nothing of it is in the image.
    """
    if box[0] >= width or box[1] >= height:
        raise DataError(f"expected the box {box} in an image of {width}×{height}")


@contextmanager
def open_image(content: BinaryIO, *, whole: bool = True) -> Iterator[Image.Image]:
    """Open an image file of a kind and a size that are read here; see `strict` for warnings.

    Args:
        content: the open file.
        whole: check all of it where it has checksums; False reads no more than the header.

    Yields:
        The image, whose pixels are not decoded yet.

    Raises:
        DataError: it is damaged, found out here or in the block, or too large.
    """
    try:
        if whole and content.read().count(_START_OF_SCAN) > MAX_SCANS:
            raise DataError(f"expected a JPEG file of at most {MAX_SCANS} scans, got more")
        content.seek(0)
        with ExitStack() as stack:
            image = stack.enter_context(Image.open(content, formats=_FORMATS))
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"expected at most {MAX_PIXELS:,} pixels, got {image.height}×{image.width}"
                )
            if whole and image.format == "PNG":
                # Pillow decodes pixels without a look at their checksums.
                image.verify()
                content.seek(0)
                image = stack.enter_context(Image.open(content, formats=["PNG"]))
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
    with recorded_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        # Said of metadata that is of no use here, such as damaged EXIF.
        warnings.simplefilter("ignore", UserWarning)
        yield


def _use(tree: Tree, name: str, use: Callable[[Image.Image], T], sha256: str | None = None) -> T:
    """Open an image and use it."""
    content = tree.read(name)
    with _named(tree, name):
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"expected a file with the SHA-256 {sha256}, got another")
        with open_image(io.BytesIO(content)) as image:
            return use(image)


@contextmanager
def _named(tree: Tree, name: str) -> Iterator[None]:
    """Say of which file an error is."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"{name} in {tree.path}: {error}; mend or remove the file") from error


def _each(tree: Tree, names: list[str], do: Callable[[int], T]) -> Iterator[T]:
    """Do something with each image, by its row, in order; in threads if the files are large."""
    with strict():
        if sum(tree.sizes[name] for name in names) < _BYTES_WORTH_A_THREAD * len(names):
            yield from map(do, range(len(names)))
        else:
            yield from in_order(do, ((row,) for row in range(len(names))))
