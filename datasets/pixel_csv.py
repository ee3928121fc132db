"""FER2013's CSV files: a row for each face, with its 48×48 pixels as numbers between spaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from zoo.errors import DataError

PIXELS = 48 * 48
LONGEST_ROW = 4 * PIXELS + 64
"""Bytes: a number of three digits and a space for each pixel, and the other columns."""

AT_ONCE = 2**22
"""Bytes that are read and turned into numbers at a time."""

COLUMNS = {"emotion", "pixels", "usage"}
QUOTE, SPACE, COMMA = b'"', ord(" "), b","


def read_rows(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Read the faces of `fer2013.csv` or `icml_face_data.csv`.

    The first line names the columns emotion, pixels and Usage, in any order and with spaces or
    not; pixels are integers 0..255 between single spaces.

    Args:
        file: The CSV file.
        where: What to call it in errors.

    Returns:
        Images uint8 [n, 48, 48, 1], labels int64 [n], and the Usage of each, bytes [n].

    Raises:
        DataError: The file has another form; the message names the row.

    Example:
        >>> import io
        >>> row = b"3," + b" ".join([b"7"] * PIXELS) + b",Training\n"
        >>> images, labels, usage = read_rows(io.BytesIO(b"emotion,pixels,Usage\n" + row), "a.csv")
        >>> images.shape, labels.tolist(), usage.tolist()
        ((1, 48, 48, 1), [3], [b'Training'])
    """
    header = file.readline(LONGEST_ROW)
    names = [name.strip().strip(QUOTE).lower().decode("latin-1") for name in header.split(COMMA)]
    if set(names) != COLUMNS or len(names) != len(COLUMNS):
        raise DataError(
            f"{where}: expected the columns emotion, pixels and Usage, got {header[:80]!a}"
        )
    images, labels, usages, row = [], [], [], 1
    for lines in _lines(file, where):
        cells = []
        for line in lines:
            row += 1
            parts = line.split(COMMA)
            if len(parts) != len(names):
                raise DataError(
                    f"{where}, row {row}: expected {len(names)} columns, got {len(parts)}"
                )
            cells.append(
                dict(zip(names, (part.strip().strip(QUOTE) for part in parts), strict=True))
            )
        if not cells:
            continue
        first = row - len(cells) + 1
        images.append(_pixels([cell["pixels"] for cell in cells], where, first))
        for place, cell in enumerate(cells):
            if not (len(cell["emotion"]) == 1 and b"0" <= cell["emotion"] <= b"6"):
                raise DataError(
                    f"{where}, row {first + place}: expected an emotion 0..6, got "
                    f"{cell['emotion'][:20]!a}"
                )
            labels.append(int(cell["emotion"]))
            usages.append(cell["usage"])
    if not images:
        raise DataError(f"{where}: expected a row for each face, got none after the first line")
    faces = np.concatenate(images).reshape(-1, 48, 48, 1)
    return faces, np.array(labels, np.int64), np.array(usages)


def _lines(file: BinaryIO, where: str) -> Iterator[list[bytes]]:
    """Whole lines, some at a time, without those that are empty at the end."""
    rest, rows = b"", 1
    while piece := file.read(AT_ONCE):
        *lines, rest = (rest + piece).split(b"\n")
        rows += len(lines)
        if len(rest) > LONGEST_ROW:
            raise DataError(
                f"{where}, row {rows + 1}: expected at most {LONGEST_ROW:,} bytes, got more"
            )
        yield lines
    yield [rest] if rest.strip() else []


def _pixels(texts: list[bytes], where: str, first: int) -> np.ndarray:
    """Numbers 0..255 between single spaces, uint8 [rows, 2304].

    All rows at once: a byte that is a digit counts as ones, tens or hundreds by how many digits
    follow it.
    """
    counts = [text.count(b" ") + 1 for text in texts]
    for place, count in enumerate(counts):
        if count != PIXELS:
            raise DataError(
                f"{where}, row {first + place}: expected {PIXELS:,} pixels, got {count:,}"
            )
    # Three spaces before, so that looking back needs no care.
    text = np.frombuffer(b"   " + b" ".join(texts) + b" ", np.uint8)
    digits = text - np.uint8(ord("0"))  # wraps round: what is no digit is above 9
    is_digit = digits <= 9
    if not (is_digit | (text == SPACE)).all():
        raise _named(texts, where, first)
    ends = np.flatnonzero(is_digit[:-1] & ~is_digit[1:])
    values = digits[ends].astype(np.uint16)
    tens = is_digit[ends - 1]
    hundreds = tens & is_digit[ends - 2]
    values += np.where(tens, digits[ends - 1], 0) * np.uint16(10)
    values += np.where(hundreds, digits[ends - 2], 0) * np.uint16(100)
    if len(ends) != len(texts) * PIXELS or (hundreds & is_digit[ends - 3]).any():
        raise _named(texts, where, first)
    if values.max() > 255:
        raise _named(texts, where, first)
    return values.astype(np.uint8).reshape(len(texts), PIXELS)


def _named(texts: list[bytes], where: str, first: int) -> DataError:
    """The error for the first number that is none, or too large."""
    for place, text in enumerate(texts):
        for number in text.split(b" "):
            if not (number.isdigit() and len(number) <= 3 and int(number) <= 255):
                return DataError(
                    f"{where}, row {first + place}: expected pixels 0..255 between single spaces, "
                    f"got {number[:20]!a}"
                )
    raise AssertionError(first)
