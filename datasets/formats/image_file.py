"""One image file: whether it is admitted, and its pixels in the size and colour that are wanted."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from zoo.datasets.arrays.images import value_advice
from zoo.datasets.files.checks import describe_error, kind_of_file
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import to_pixels
from zoo.datasets.formats.jpeg import MAX_SCANS, count_scans, decode_plain_jpeg, is_jpeg
from zoo.errors import DataError

MAX_PIXELS = 50_000_000
# The most pixels of an image that is made small. A JPEG file of a single scan is made smaller while
# it is decoded; the other kinds are in memory as a whole, with 4 bytes or more for each pixel.
MAX_PIXELS_OF_SCANNED_JPEG = 500_000_000
MAX_PIXELS_OF_OTHERS = 100_000_000
# Pillow can read many other formats; their readers never get a file.
FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
NOT_READABLE = f"must be a readable image ({', '.join(FORMATS)}). Received: "
IMAGE_SUFFIXES = (".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp")
_FIRST_BYTES = (b"BM", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")  # of the same formats
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)  # values of the orientation
# Where Pillow keeps the metadata that may have an orientation.
_ORIENTED = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
_one_large_image = threading.Lock()  # two of them at a time would take twice the memory


class ImageHeader(NamedTuple):
    """Height and width of an image as it is shown, whether it is grey, and the image's name."""

    height: int
    width: int
    is_grey: bool
    name: str = ""


class ColorFound(Exception):
    """An image has colours, where `Target.only_grey` expects none."""


class OtherSize(DataError):
    """An image has another size than `Target.size`, and is not to be scaled."""

    def __init__(self, received: str, expected: str) -> None:
        super().__init__(f"must have {expected} pixels. Received: {received}")
        self.received = received


@dataclass(frozen=True)
class Target:
    """What an image is converted to.

    Args:
        size: Height and width.
        channels: 1 for grey, 3 for RGB.
        resize: How an image of another size gets the size: "stretch" scales height and width each
            by its own factor, "crop" cuts the edges off that do not fit, and scales the rest.
            None: an image of another size raises an `OtherSize`.
        only_grey: An image with colours raises `ColorFound`.
    """

    size: tuple[int, int]
    channels: int
    resize: str | None = None
    only_grey: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return *self.size, self.channels


def find_images(tree: Tree) -> list[str]:
    """List the paths of the images in a tree, sorted.

    An image is a file with the suffix of an image, and any other file that has the content of an
    image, whatever the name.
    """
    return [
        name
        for name in sorted(tree.sizes)
        if name.lower().endswith(IMAGE_SUFFIXES) or _has_image(tree, name)
    ]


def _has_image(tree: Tree, name: str) -> bool:
    """Whether Pillow can open the file as an image of the `FORMATS`."""
    try:
        with tree.open(name) as content:
            if not content.read(16).startswith(_FIRST_BYTES):
                return False
            content.seek(0)
            read_header(content, is_reduced=True)
    except DataError:
        return False
    return True


def read_header(content: BinaryIO, *, is_reduced: bool = False) -> ImageHeader:
    """Read the header of an image file.

    `is_reduced` admits large images, as `open_image` does with a size. A DataError says that the
    file is no readable image.
    """
    with open_image(content, whole=False, size=(1, 1) if is_reduced else None) as image:
        return header_of(image)


def header_of(image: Image.Image) -> ImageHeader:
    """Give the header of an open image."""
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE:
        width, height = height, width
    return ImageHeader(height, width, image.mode in _GREY_MODES)


def read_pixels(content: bytes, target: Target, peaks: list[int]) -> np.ndarray:
    """Decode an image file, uint8 [height, width, channels].

    Transparent pixels are laid on white, palettes are resolved, 16-bit greys are scaled to 8 bits,
    and the EXIF orientation is applied. The largest value of an image of 16-bit greys is added to
    `peaks`. A DataError, without a subject, says that the file is no readable image, is too large,
    or has another size.
    """
    pixels = decode_plain_jpeg(content, MAX_PIXELS)
    if pixels is not None and pixels.shape == target.shape:
        return pixels
    if pixels is not None:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        return convert_image(image, target, peaks)
    size = target.size if target.resize else None
    with open_image(io.BytesIO(content), size=size) as image:
        return convert_image(image, target, peaks)


def convert_image(image: Image.Image, target: Target, peaks: list[int]) -> np.ndarray:
    """Decode an open image and give it size and channels, uint8 [height, width, channels].

    `peaks` is as for `read_pixels`.
    """
    if target.only_grey and image.mode not in _GREY_MODES:
        raise ColorFound
    if image.format == "PNG":
        image.load()  # the orientation may stand behind the pixels
    if not _ORIENTED.isdisjoint(image.info):
        ImageOps.exif_transpose(image, in_place=True)
    height, width = target.size
    if image.size != (width, height) and not target.resize:
        raise OtherSize(f"{image.height}×{image.width}", f"{height}×{width}")
    if image.mode == "F":
        _check_fractions(np.asarray(image))
    if image.mode.startswith("I"):
        values = np.asarray(image)
        peaks.append(int(values.max()))
        image = Image.fromarray(np.rint(values / 257).clip(0, 255).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return to_pixels(image, target.shape, target.resize or "stretch")


def _check_fractions(values: np.ndarray) -> None:
    """Refuse floats that are not from 0 to 255. Floats up to 1 would all become black."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255) or 0 < high <= 1:
        received, advice = value_advice(values)
        raise DataError(f"must have pixels 0..255. Received: {received}. {advice}")


@contextmanager
def open_image(
    content: BinaryIO, *, whole: bool = True, size: tuple[int, int] | None = None
) -> Iterator[Image.Image]:
    """Open an image file if its format and size are allowed; the pixels are not decoded yet.

    With `whole`, all checksums of the file are checked; otherwise only the header is read. With the
    `size`, height and width, to which the image will be scaled, photographs of more than
    `MAX_PIXELS` are opened too. A JPEG file among them is decoded at a half, a quarter or an eighth
    of its height and width. A DataError says that the image is damaged or too large, perhaps only
    in the block. Its message has no subject.
    """
    try:
        with ExitStack() as stack:
            yield _open(content, whole, size, stack)
    except (DataError, ColorFound):
        raise
    # Pillow raises almost every built-in error for damaged files.
    except Exception as error:
        is_unknown = isinstance(error, UnidentifiedImageError)
        received = kind_of_file(content) if is_unknown else describe_error(error)
        raise DataError(f"{NOT_READABLE}{received}") from error


def _open(
    content: BinaryIO, whole: bool, size: tuple[int, int] | None, stack: ExitStack
) -> Image.Image:
    start = content.read() if whole else content.read(16)
    scans = count_scans(start) if whole else 1
    if scans > MAX_SCANS:
        raise DataError(f"must be a JPEG file of at most {MAX_SCANS} scans. Received: {scans:,}")
    content.seek(0)
    if is_jpeg(start):  # not by `Image.open`, which admits some 180,000,000 pixels at most
        image: Image.Image = stack.enter_context(JpegImageFile(content))
        most = MAX_PIXELS_OF_SCANNED_JPEG if scans == 1 else MAX_PIXELS_OF_OTHERS
    else:
        image = stack.enter_context(Image.open(content, formats=FORMATS))
        most = MAX_PIXELS_OF_OTHERS
    pixels = image.width * image.height
    if pixels > (most if size else MAX_PIXELS):
        limit = f"{most if size else MAX_PIXELS:,}"
        remedy = "" if size or pixels > most else ". Pass image_size= to make it smaller"
        received = f"{image.height}×{image.width}{remedy}"
        raise DataError(f"must have at most {limit} pixels. Received: {received}")
    if whole and pixels > MAX_PIXELS:
        stack.enter_context(_one_large_image)
        if is_jpeg(start) and size:
            _reduce(image, size)
    if whole and image.format == "PNG":
        image.verify()  # Pillow decodes pixels without a look at their checksums
        content.seek(0)
        image = stack.enter_context(Image.open(content, formats=["PNG"]))
    return image


def _reduce(image: Image.Image, size: tuple[int, int]) -> None:
    """Let a JPEG image be decoded smaller, but not below twice the size that is wanted."""
    longer = 2 * max(size)  # the image may lie on its side
    image.draft(None, (longer, longer))
    if image.width * image.height > MAX_PIXELS:
        received = f"{image.height}×{image.width}, and a half of that is too small"
        raise DataError(
            f"must have at most {MAX_PIXELS:,} pixels when it is made smaller. Received: "
            f"{received}. Pass a smaller image_size"
        )
