"""Decoding image files into one uint8 array, with Pillow."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import BinaryIO, Literal, TypeVar

import numpy as np
from PIL import Image, ImageOps

from zoo.datasets.files.checks import describe_error
from zoo.datasets.files.mapped import fill
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import in_memory, to_pixels
from zoo.errors import DataError

MAX_PIXELS = 50_000_000
MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"
# Pillow can read many other formats; their readers never get a file.
_FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_ORIENTATION = 0x0112
# Where Pillow keeps the metadata that may have an orientation.
_ORIENTED = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
# Decoding frees the interpreter lock: two threads halve the time of photographs, but images
# of 2 KB are decoded faster than they are handed to a thread.
_BYTES_WORTH_A_THREAD = 16 * 2**10
_THREADS = os.cpu_count() or 1
_lock = threading.RLock()

Box = tuple[int, int, int, int]
Action = Literal["always", "ignore"]  # filters of `warnings`
T = TypeVar("T")


def survey(tree: Tree, names: list[str]) -> list[tuple[int, int, bool]]:
    """Read the headers of images: height and width as they are shown, and whether they are grey.

    Raises:
        DataError: A file is no readable image.
    """
    headers = []
    with without_warnings():
        for name in names:
            with (
                tree.open(name) as content,
                _named(tree, name),
                open_image(content, whole=False) as image,
            ):
                width, height = image.size
                if image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):  # it lies on its side
                    width, height = height, width
                headers.append((height, width, image.mode in _GREY_MODES))
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
    """Decode images into one array, uint8 [n, *size, channels], in the order of `names`.

    Transparent pixels are laid on white, palettes are resolved, 16-bit greys are scaled to 8 bits,
    and the EXIF orientation is applied. With `resize`, images of another size are scaled
    (bilinear); otherwise they raise a DataError, as files do that are no readable images. Without
    `out`, the array is in memory.
    """
    pixels = in_memory(str(tree.path), (len(names), *size, channels)) if out is None else out
    convert = functools.partial(_convert, size=size, channels=channels, resize=resize)
    fill(pixels, _each(tree, names, lambda row: _use(tree, names[row], convert)))
    return pixels


def crop(tree: Tree, faces: Sequence[tuple[str, str, Box]], out: np.ndarray) -> list[str]:
    """Cut boxes out of images, and scale them to fit `out`, uint8 [n, height, width, 1 or 3].

    Each face is the path of an image in the tree, the SHA-256 in hexadecimal that the image file
    must have, and the box: left, top, right and bottom in pixels of the file (without EXIF
    orientation), right and bottom exclusive. The part of a box outside of the image is left out.

    The boxes that can be cut out stand in `out` without gaps, in the order of `faces`. Returns for
    each box an empty text, or the reason why nothing was cut out.
    """
    _, *size, channels = out.shape

    def cut(image: Image.Image, box: Box) -> np.ndarray:
        if fault := box_fault(box, *image.size):
            raise DataError(fault)
        left, top, right, bottom = box
        face = image.crop((left, top, min(right, image.width), min(bottom, image.height)))
        face.info.pop("exif", None)  # the box counts pixels before the orientation is applied
        return _convert(face, (size[0], size[1]), channels, resize=True)

    def attempt(row: int) -> np.ndarray | str:
        name, sha256, box = faces[row]
        try:
            return _use(tree, name, functools.partial(cut, box=box), sha256)
        except DataError as error:
            return str(error)

    reasons = []

    def cut_faces() -> Iterator[np.ndarray]:
        for face in _each(tree, [name for name, _, _ in faces], attempt):
            reasons.append(face if isinstance(face, str) else "")
            if not isinstance(face, str):
                yield face

    fill(out, cut_faces())
    return reasons


def box_fault(box: Box, width: int, height: int) -> str:
    """Say that a box (left, top, right, bottom) lies outside of its image; empty if it does not."""
    outside = box[0] >= width or box[1] >= height
    return f"must hold the box {box}. Received: an image of {width}×{height}" if outside else ""


@contextmanager
def open_image(content: BinaryIO, *, whole: bool = True) -> Iterator[Image.Image]:
    """Open an image file if its format and size are allowed; the pixels are not decoded yet.

    With `whole`, all checksums of the file are checked; otherwise only the header is read. A
    DataError says that the image is damaged or too large, perhaps only in the block. Its message
    has no subject: `_named` adds the subject.
    """
    try:
        if whole and content.read().count(_START_OF_SCAN) > MAX_SCANS:
            raise DataError(f"must be a JPEG file of at most {MAX_SCANS} scans. Received: more")
        content.seek(0)
        with ExitStack() as stack:
            image = stack.enter_context(Image.open(content, formats=_FORMATS))
            if image.width * image.height > MAX_PIXELS:
                received = f"{image.height}×{image.width}"
                raise DataError(f"must have at most {MAX_PIXELS:,} pixels. Received: {received}")
            if whole and image.format == "PNG":
                image.verify()  # Pillow decodes pixels without a look at their checksums
                content.seek(0)
                image = stack.enter_context(Image.open(content, formats=["PNG"]))
            yield image
    except DataError:
        raise
    # Pillow raises almost every built-in error for damaged files.
    except Exception as error:
        expected = f"be a readable image ({', '.join(_FORMATS)})"
        raise DataError(f"must {expected}. Received: {describe_error(error)}") from error


@contextmanager
def recorded_warnings(action: Action = "always") -> Iterator[list[warnings.WarningMessage]]:
    """Record warnings in a list instead of showing them, until the block ends.

    `action` is the filter for a UserWarning: "ignore" leaves it out. The block may change the
    filters, which all threads share. A lock keeps other threads out meanwhile: two threads that
    change the filters would restore each other's filters at the end.
    """
    with _lock, warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter(action, UserWarning)
        yield recorded


def without_warnings() -> AbstractContextManager[object]:
    """Leave out what Pillow warns of: metadata that is not used here, such as damaged EXIF."""
    return recorded_warnings("ignore")


def _convert(
    image: Image.Image, size: tuple[int, int], channels: int, *, resize: bool
) -> np.ndarray:
    """Decode an image and give it size and channels, uint8 [height, width, channels]."""
    if not _ORIENTED.isdisjoint(image.info):
        ImageOps.exif_transpose(image, in_place=True)
    height, width = size
    if image.size != (width, height) and not resize:
        received = f"{image.height}×{image.width}"
        raise DataError(f"must have {height}×{width} pixels. Received: {received}")
    if image.mode.startswith("I"):
        grey = np.rint(np.asarray(image) / 257).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(grey)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return to_pixels(image, (height, width, channels))


def _use(tree: Tree, name: str, use: Callable[[Image.Image], T], sha256: str | None = None) -> T:
    """Open an image, check its hash, and call a function with it."""
    content = tree.read(name)
    with _named(tree, name):
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"must have the SHA-256 {sha256}. Received: another file")
        with open_image(io.BytesIO(content)) as image:
            return use(image)


@contextmanager
def _named(tree: Tree, name: str) -> Iterator[None]:
    """Put the file's name before the message of an error, and the remedy behind it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name} in {tree.path} {error}. Mend or remove the file.") from error


def _each(tree: Tree, names: list[str], use: Callable[[int], T]) -> Iterator[T]:
    """Call a function with each image's row; give the results in order.

    Threads call it if the files are large. A result may have a hundred megabytes, so only a few
    wait to be taken.
    """
    with without_warnings():
        if sum(tree.sizes[name] for name in names) < _BYTES_WORTH_A_THREAD * len(names):
            yield from map(use, range(len(names)))
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            step = 4 * _THREADS
            for start in range(0, len(names), step):
                yield from pool.map(use, range(start, min(start + step, len(names))))
