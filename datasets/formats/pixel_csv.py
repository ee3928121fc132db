"""FER2013's CSV files: a row for each face, with its 48×48 pixels as numbers between spaces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from zoo.errors import DataError

PIXELS = 48 * 48
LONGEST_ROW = 4 * PIXELS + 64
"""Bytes: a number of three digits and a space for each pixel, and the other columns."""

AT_ONCE = 2**18
"""Bytes that are read and turned into numbers at a time; few enough to stay in a core's cache."""

COLUMNS = {"emotion", "pixels", "usage"}
QUOTE, SPACE, COMMA = b'"', ord(" "), b","


def read_rows(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Read the faces of `fer2013.csv` or `icml_face_data.csv`.

    The first line names the columns emotion, pixels and Usage, in any order and with spaces or
    not; pixels are integers 0..255 between spaces.

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
    names = [_bare(name).lower().decode("latin-1") for name in header.split(COMMA)]
    if set(names) != COLUMNS or len(names) != len(COLUMNS):
        raise DataError(
            f"{where}: expected the columns emotion, pixels and Usage, got {header[:80]!a}"
        )
    places = [names.index(name) for name in ("emotion", "pixels", "usage")]
    labels: list[int] = []
    usages: list[bytes] = []

    def texts_of(first: int, lines: list[bytes]) -> list[bytes]:
        """The pixels of some rows, as text; what else they have is kept."""
        texts = []
        for row, line in enumerate(lines, first):
            cells = line.split(COMMA)
            if len(cells) != len(names):
                raise DataError(
                    f"{where}, row {row}: expected {len(names)} columns, got {len(cells)}"
                )
            emotion, text, usage = (_bare(cells[place]) for place in places)
            if not (len(emotion) == 1 and b"0" <= emotion <= b"6"):
                raise DataError(
                    f"{where}, row {row}: expected an emotion 0..6, got {emotion[:20]!a}"
                )
            labels.append(int(emotion))
            usages.append(usage[:20])
            texts.append(text)
        return texts

    pieces = ((texts_of(first, lines), where, first) for first, lines in _lines(file, where))
    images = list(itertools.starmap(_pixels, pieces))
    if not images:
        raise DataError(f"{where}: expected a row for each face, got none after the first line")
    faces = np.concatenate(images).reshape(-1, 48, 48, 1)
    return faces, np.array(labels, np.int64), np.array(usages)


def _bare(cell: bytes) -> bytes:
    return cell.strip().strip(QUOTE).strip()


def _lines(file: BinaryIO, where: str) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines, some at a time, and the number of the first one's row."""
    rest, row = b"", 2
    while piece := file.read(AT_ONCE):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_ROW:
            raise DataError(
                f"{where}, row {row + len(lines)}: expected at most {LONGEST_ROW:,} bytes, got more"
            )
        if lines:
            yield row, lines
        row += len(lines)
    if rest.strip():
        yield row, [rest]


def _pixels(texts: list[bytes], where: str, first: int) -> np.ndarray:
    """Numbers 0..255 between spaces, uint8 [rows, 2304].

    For all bytes at once: a digit counts as ones, the one before it as tens, the one before that
    as hundreds; and it is the number's value that counts where no digit follows.
    """
    # Three spaces before, so that looking back needs no care, and one after.
    text = np.frombuffer(b"   " + b" ".join(texts) + b" ", np.uint8)
    digit = text - np.uint8(ord("0"))  # wraps round: what is no digit is above 9
    is_digit = digit <= 9
    digit *= is_digit
    ends = is_digit[3:-1] > is_digit[4:]
    below_hundred = digit[2:-2] * np.uint8(10)
    below_hundred += digit[3:-1]
    third = is_digit[2:-2] & is_digit[3:-1]  # with two digits before it, if these are digits
    hundreds = digit[1:-3] * third
    values = hundreds * np.uint8(100)
    values += below_hundred
    fits = (
        hundreds.max() <= 2
        and not (values < below_hundred).any()  # 256 wraps round to 0
        and not (third[2:] & third[:-2]).any()  # four digits
        and np.count_nonzero(is_digit) + np.count_nonzero(text == SPACE) == len(text)
    )
    if not fits:
        raise _wrong_number(texts, where, first)
    start = 0
    for row, row_text in enumerate(texts, first):
        count = np.count_nonzero(ends[start : start + len(row_text)])
        if count != PIXELS:
            raise DataError(f"{where}, row {row}: expected {PIXELS:,} pixels, got {count:,}")
        start += len(row_text) + 1
    # Five times as fast as values[ends].
    return values.take(np.flatnonzero(ends)).reshape(len(texts), PIXELS)


def _wrong_number(texts: list[bytes], where: str, first: int) -> DataError:
    """The error for the first number that is none, or too large."""
    for row, text in enumerate(texts, first):
        for number in text.split(b" "):
            if number and not (number.isdigit() and len(number) <= 3 and int(number) <= 255):
                return DataError(
                    f"{where}, row {row}: expected pixels 0..255 between spaces, got "
                    f"{number[:20]!a}"
                )
    raise AssertionError(first)
