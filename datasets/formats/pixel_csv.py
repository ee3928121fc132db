"""FER2013's CSV files: a row for each face, with its 48×48 pixels as numbers between spaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from zoo.datasets.files.checks import data_error

PIXELS = 48 * 48
LONGEST_ROW = 4 * PIXELS + 64  # bytes: up to three digits and a space a pixel, and other columns
AT_ONCE = 2**18  # bytes that are read and parsed at a time, so that they stay in a core's cache
COLUMNS = ("emotion", "pixels", "usage")


def read_rows(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the faces of `fer2013.csv` or `icml_face_data.csv`.

    The first line names the columns emotion, pixels and Usage, in any order, with spaces or quotes
    around them or not. Pixels are integers 0..255 between spaces. Returns images uint8
    [n, 48, 48, 1], labels int64 [n], and the Usage of each image, bytes [n]. A DataError names the
    file `where` and the row.
    """
    header = file.readline(LONGEST_ROW)
    names = [cell.decode("latin-1").lower() for cell in _cells(header)]
    if sorted(names) != sorted(COLUMNS):
        raise data_error(where, "have the columns emotion, pixels and Usage", f"{header[:80]!a}")
    columns = [names.index(name) for name in COLUMNS]
    images, labels, usages = [], [], []
    for first, lines in _lines(file, where):
        texts = []
        for row, line in enumerate(lines, first):
            cells = _cells(line)
            if len(cells) != len(COLUMNS):
                raise _wrong_row(where, row, f"{len(cells)} columns")
            emotion, text, usage = (cells[column] for column in columns)
            if not (len(emotion) == 1 and b"0" <= emotion <= b"6"):
                raise data_error(
                    f"{where}, row {row},", "have an emotion 0..6", f"{emotion[:20]!a}"
                )
            labels.append(int(emotion))
            usages.append(usage[:20])
            texts.append(text)
        images.append(_pixels(texts, where, first))
    if not images:
        raise data_error(where, "have a row for each face", "only the first line")
    faces = np.concatenate(images).reshape(-1, 48, 48, 1)
    return faces, np.array(labels, np.int64), np.array(usages)


def _cells(line: bytes) -> list[bytes]:
    """The cells of a line without spaces and quotes around them."""
    return [cell.strip().strip(b'"').strip() for cell in line.split(b",")]


def _wrong_row(where: str, row: int, received: str) -> Exception:
    expected = f"have {len(COLUMNS)} columns and at most {LONGEST_ROW:,} bytes"
    return data_error(f"{where}, row {row},", expected, received)


def _lines(file: BinaryIO, where: str) -> Iterator[tuple[int, list[bytes]]]:
    """Read some whole lines at a time; also give the number of the first line."""
    rest, row = b"", 2
    while piece := file.read(AT_ONCE):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_ROW:
            raise _wrong_row(where, row + len(lines), "more bytes")
        if lines:
            yield row, lines
        row += len(lines)
    if rest.strip():
        yield row, [rest]


def _pixels(texts: list[bytes], where: str, first: int) -> np.ndarray:
    """Parse the numbers 0..255 between spaces of some rows, uint8 [rows, 2304].

    All bytes are parsed at once. At each byte stands the number that would end there: its digit,
    ten times the digit before it, and a hundred times the digit before that. The numbers are those
    at the digits that no digit follows.
    """
    # Three spaces before the text, so that each byte has three bytes before it, and one behind it.
    text = np.frombuffer(b"   " + b" ".join(texts) + b" ", np.uint8)
    digit = text - np.uint8(ord("0"))  # bytes below "0" wrap round to numbers above 9
    is_digit = digit <= 9
    digit *= is_digit
    ends = is_digit[3:-1] > is_digit[4:]
    below_hundred = digit[2:-2] * np.uint8(10)
    below_hundred += digit[3:-1]
    third = is_digit[2:-2] & is_digit[3:-1]  # or later, if a digit stands two bytes before it
    hundreds = digit[1:-3] * third
    values = hundreds * np.uint8(100)
    values += below_hundred
    is_sound = (
        hundreds.max() <= 2
        and not (values < below_hundred).any()  # 256 wraps round to 0
        and not (third[2:] & third[:-2]).any()  # a number of four digits
        and np.count_nonzero(is_digit) + np.count_nonzero(text == ord(" ")) == len(text)
    )
    start = 0
    for row, row_text in enumerate(texts, first):
        wrong = None if is_sound else _wrong_number(row_text)
        if wrong is not None:
            expected = "have pixels 0..255 between spaces"
            raise data_error(f"{where}, row {row},", expected, f"{wrong[:20]!a}")
        count = np.count_nonzero(ends[start : start + len(row_text)])
        if count != PIXELS:
            raise data_error(f"{where}, row {row},", f"have {PIXELS:,} pixels", f"{count:,}")
        start += len(row_text) + 1
    # Five times as fast as values[ends].
    return values.take(np.flatnonzero(ends)).reshape(len(texts), PIXELS)


def _wrong_number(text: bytes) -> bytes | None:
    """The first word that is no number of one to three digits from 0 to 255."""
    for number in text.split(b" "):
        if number and not (number.isdigit() and len(number) <= 3 and int(number) <= 255):
            return number
    return None
