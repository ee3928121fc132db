"""Decoding many image files into one uint8 array."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from zoo.datasets.arrays.images import MOST_OF_16_BITS, value_advice
from zoo.datasets.files.checks import data_error, printable
from zoo.datasets.files.mapped import fill
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import in_memory
from zoo.datasets.formats.image_file import (
    NOT_READABLE,
    ImageHeader,
    OtherSize,
    Target,
    convert_image,
    header_of,
    open_image,
    read_header,
    read_pixels,
)
from zoo.errors import DataError

ON_ERROR = ("raise", "skip")
SKIPPED_NOTE = " cannot be read, and are left out: "
"""The words in a warning between the number of the files that are skipped and their names."""

# Decoding frees the interpreter lock: two threads halve the time of photographs, but images
# of 2 KB are decoded faster than they are handed to a thread.
_BYTES_WORTH_A_THREAD = 16 * 2**10
_THREADS = os.cpu_count() or 1
_MOST_NAMED = 20  # damaged files whose damage is described in a message
_REMEDY = "Mend, convert or remove"
_FEWER_BITS = (1, 8, 10, 12, 14)  # of masks and cameras, whose files may have 16 bits a value
_lock = threading.RLock()

Box = tuple[int, int, int, int]
Action = Literal["always", "ignore"]  # filters of `warnings`
# The path of an image file in a tree, or an image in memory.
Picture = str | Image.Image
T = TypeVar("T")


class Decoded(NamedTuple):
    """Images uint8 [k, height, width, channels], and which of the n files they are, bool [n]."""

    images: np.ndarray
    kept: np.ndarray


def first_header(tree: Tree, pictures: Sequence[Picture], *, is_reduced: bool) -> ImageHeader:
    """Read the header of the first image that has a readable header.

    `is_reduced` admits photographs that are too large unless they are made smaller. A DataError
    says that no image has a readable header.
    """
    faults = {}
    with without_warnings():
        for row, picture in enumerate(pictures):
            try:
                if isinstance(picture, Image.Image):
                    header = header_of(picture)
                else:
                    with tree.open(picture) as content:
                        header = read_header(content, is_reduced=is_reduced)
                return header._replace(name=_name_of(picture, row))
            except DataError as error:
                faults[row] = _fault(tree, picture, error)
    raise _damaged(tree, pictures, faults)


def decode(
    tree: Tree,
    pictures: Sequence[Picture],
    target: Target,
    *,
    on_error: str = "raise",
    alike: str = "",
    out: np.ndarray | None = None,
) -> Decoded:
    """Decode images into one array, in the order of `pictures`.

    Args:
        tree: The files.
        pictures: Paths of files in the tree, or images in memory.
        target: Size and colour of the array.
        on_error: "raise": files that are no readable images raise a DataError. "skip": a warning
            lists them, and the others are decoded.
        alike: Name of the image that the size was taken from, for the message about an image of
            another size. Empty: the user or the data set asks for the size.
        out: The array to write to, uint8 [n, height, width, channels]. None: a new array.

    Returns:
        The images, without gaps at the beginning of the array, and which files they are.

    Raises:
        DataError: At least one file is damaged, too large or of another size; the message names
            all of them.
        ColorFound: `target.only_grey` is set, and there is an image with colours.
    """
    if out is None:
        out = in_memory(str(tree.path), (len(pictures), *target.shape))
    faults: dict[int, str] = {}
    peaks: list[int] = []
    other_sizes: dict[int, OtherSize] = {}

    def attempt(row: int) -> np.ndarray | DataError:
        try:
            return _pixels_of(tree, pictures[row], target, peaks)
        except DataError as error:
            return error

    def sound_images() -> Iterator[np.ndarray]:
        for row, pixels in enumerate(_each(tree, pictures, attempt)):
            if alike and isinstance(pixels, OtherSize):
                other_sizes[row] = pixels
            elif isinstance(pixels, DataError):
                faults[row] = _fault(tree, pictures[row], pixels)
            else:
                yield pixels

    fill(out, sound_images())
    kept = np.ones(len(pictures), bool)
    if faults and on_error == "raise":
        raise _damaged(tree, pictures, faults)
    for row, error in other_sizes.items():
        height, width = target.size
        name = _name_of(pictures[row], row)
        received = f"{height}×{width} ({alike}) and {error.received} ({name})"
        subject = f"The images of {tree.path}" if tree.has_folder else "The images"
        remedy = "Pass image_size= to scale all images to the same size"
        raise data_error(subject, "have the same size", received, remedy)
    _warn_of_fewer_bits(tree, max(peaks, default=0))
    if faults:
        count = f"{len(faults):,} of {len(pictures):,} images{_place(tree)}"
        reasons = describe_faults(pictures, faults)
        warnings.warn(f"{count}{SKIPPED_NOTE}{reasons}", stacklevel=2)
        kept[list(faults)] = False
    return Decoded(out[: np.count_nonzero(kept)], kept)


def crop(tree: Tree, faces: Sequence[tuple[str, str, Box]], out: np.ndarray) -> list[str]:
    """Cut boxes out of images, and scale them to fit `out`, uint8 [n, height, width, 1 or 3].

    Each face is the path of an image in the tree, the SHA-256 in hexadecimal that the image file
    must have, and the box: left, top, right and bottom in pixels of the file (without EXIF
    orientation), right and bottom exclusive. The part of a box outside of the image is left out.

    The boxes that can be cut out stand in `out` without gaps, in the order of `faces`. Returns for
    each box an empty text, or the reason why nothing was cut out.
    """
    _, height, width, channels = out.shape
    target = Target((height, width), channels, resize="stretch")

    def cut(name: str, sha256: str, box: Box) -> np.ndarray:
        content = tree.read(name)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"must have the SHA-256 {sha256}. Received: another file")
        with open_image(io.BytesIO(content)) as image:
            if fault := box_fault(box, *image.size):
                raise DataError(fault)
            left, top, right, bottom = box
            face = image.crop((left, top, min(right, image.width), min(bottom, image.height)))
            face.info.pop("exif", None)  # the box counts pixels before the orientation is applied
            return convert_image(face, target, [])

    def attempt(row: int) -> np.ndarray | str:
        name, sha256, box = faces[row]
        try:
            return cut(name, sha256, box)
        except DataError as error:
            return f"{tree.subject(name)} {error}. Mend or remove the file."

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


def describe_faults(pictures: Sequence[Picture], faults: Mapping[int, str]) -> str:
    """List damaged images by the numbers of their rows, with what is wrong with each.

    Example:
        >>> describe_faults(["a.png", "b.png"], {1: "must have 8×8 pixels"})
        'b.png (must have 8×8 pixels)'
    """
    names = {row: _name_of(pictures[row], row) for row in sorted(faults)}
    listed = [
        f"{name} ({faults[row].removeprefix(NOT_READABLE)})" if count < _MOST_NAMED else name
        for count, (row, name) in enumerate(names.items())
    ]
    return ", ".join(listed)


@contextmanager
def recorded_warnings(action: Action = "always") -> Iterator[list[warnings.WarningMessage]]:
    """Record warnings in a list instead of showing them, until the block ends.

    `action` is the filter for a UserWarning: "ignore" leaves it out, and what Pillow warns of
    large images. The block may change the filters, which all threads share. A lock keeps other
    threads out meanwhile: two threads that change the filters would restore each other's filters
    at the end.
    """
    with _lock, warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter(action, UserWarning)
        if action == "ignore":
            warnings.simplefilter(action, Image.DecompressionBombWarning)
        yield recorded


def without_warnings() -> AbstractContextManager[object]:
    """Leave out what Pillow warns of: metadata that is not used here, such as damaged EXIF."""
    return recorded_warnings("ignore")


def _pixels_of(tree: Tree, picture: Picture, target: Target, peaks: list[int]) -> np.ndarray:
    if isinstance(picture, Image.Image):
        return convert_image(picture.copy(), target, peaks)
    return read_pixels(tree.read(picture), target, peaks)


def _warn_of_fewer_bits(tree: Tree, peak: int) -> None:
    """Warn of images with 16 bits a value of which the upper bits are not used.

    Args:
        tree: The files.
        peak: The largest value of all such images; 0 if there are none.
    """
    most = next((2**bits - 1 for bits in _FEWER_BITS if peak < 2**bits), None)
    if peak and most:
        _, advice = value_advice(np.array([0, most], np.uint16))
        warnings.warn(
            f"Images of 16 bits a value should have values up to {MOST_OF_16_BITS:,}, which is "
            f"white. Received: images{_place(tree)} without a value above {most:,}, which become "
            "nearly black. Read them by `numpy.asarray(PIL.Image.open(path))`, and make pixels of "
            f"the arrays. {advice}.",
            stacklevel=3,
        )


def _fault(tree: Tree, picture: Picture, error: DataError) -> str:
    """Give the message of an error without the name of the file."""
    subject = picture if isinstance(picture, Image.Image) else tree.subject(picture)
    return str(error).removeprefix(f"{subject} ").removesuffix(".")


def _damaged(tree: Tree, pictures: Sequence[Picture], faults: Mapping[int, str]) -> DataError:
    """Make the error that names all damaged images."""
    if len(faults) == 1:
        (row,) = faults
        picture = pictures[row]
        subject = f"image {row + 1}" if isinstance(picture, Image.Image) else tree.subject(picture)
        return DataError(f"{subject} {faults[row]}. {_REMEDY} it.")
    return data_error(
        f"All {len(pictures):,} images{_place(tree)}",
        "be readable",
        f"{len(faults):,} that are not: {describe_faults(pictures, faults)}",
        f'{_REMEDY} these files, or pass on_error="skip" to leave them out',
    )


def _place(tree: Tree) -> str:
    return f" in {tree.path}" if tree.has_folder else ""


def _name_of(picture: Picture, row: int) -> str:
    return f"image {row + 1}" if isinstance(picture, Image.Image) else printable(picture)


def _each(tree: Tree, pictures: Sequence[Picture], use: Callable[[int], T]) -> Iterator[T]:
    """Call a function with each image's row; give the results in order.

    Threads call it if the files are large. A result may have a hundred megabytes, so only a few
    wait to be taken.
    """
    size = sum(tree.sizes.get(name, 0) for name in pictures if isinstance(name, str))
    with without_warnings():
        if size < _BYTES_WORTH_A_THREAD * len(pictures):
            yield from map(use, range(len(pictures)))
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            step = 4 * _THREADS
            for start in range(0, len(pictures), step):
                yield from pool.map(use, range(start, min(start + step, len(pictures))))
