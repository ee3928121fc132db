"""FER2013's CSV files: a row for each face, with its 48×48 pixels as numbers between spaces."""

from __future__ import annotations

import codecs
from typing import BinaryIO

import numpy as np

from zoo.datasets.files.checks import data_error

PIXELS = 48 * 48
LONGEST_ROW = 4 * PIXELS + 64  # bytes: up to three digits and a space a pixel, and other columns
COLUMNS = ("emotion", "pixels", "usage")


def read_rows(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the faces of `fer2013.csv` or `icml_face_data.csv`.

    The first line names the columns emotion, pixels and Usage, in any order, with spaces or quotes
    around them or not. Pixels are integers 0..255 between spaces. Returns images uint8
    [n, 48, 48, 1], labels int64 [n], and the Usage of each image, bytes [n]. A DataError names the
    file `where` and the row.
    """
    header = file.readline(LONGEST_ROW).removeprefix(codecs.BOM_UTF8)  # which Windows writes
    names = [cell.decode("latin-1").lower() for cell in _cells(header)]
    if sorted(names) != sorted(COLUMNS):
        raise data_error(where, "have the columns emotion, pixels and Usage", f"{header[:80]!a}")
    columns = [names.index(name) for name in COLUMNS]
    pixels, labels, usages = bytearray(), [], []
    lines = iter(lambda: file.readline(LONGEST_ROW + 1), b"")
    for number, line in enumerate(lines, 2):
        row = f"{where}, row {number},"
        cells = _cells(line)
        if len(cells) != len(COLUMNS) or len(line) > LONGEST_ROW:
            expected = f"have {len(COLUMNS)} columns and at most {LONGEST_ROW:,} bytes"
            raise data_error(row, expected, f"{len(cells)} columns, {len(line):,} bytes or more")
        emotion, text, usage = (cells[column] for column in columns)
        if not (len(emotion) == 1 and b"0" <= emotion <= b"6"):
            raise data_error(row, "have an emotion 0..6", f"{emotion[:20]!a}")
        pixels += _parse_pixels(text, row)
        labels.append(int(emotion))
        usages.append(usage[:20])
    if not labels:
        raise data_error(where, "have a row for each face", "only the first line")
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 48, 48, 1)
    return images, np.array(labels, np.int64), np.array(usages)


def _cells(line: bytes) -> list[bytes]:
    """The cells of a line without spaces and quotes around them."""
    return [cell.strip().strip(b'"').strip() for cell in line.split(b",")]


def _parse_pixels(text: bytes, row: str) -> bytes:
    """Parse the numbers 0..255 between spaces of one row."""
    strange = text.translate(None, b"0123456789 ")
    pixels = np.fromstring(b"" if strange else text, np.int64, sep=" ")
    if strange or pixels.max(initial=0) > 255:
        wrong = next(word for word in text.split(b" ") if not _is_pixel(word))
        raise data_error(row, "have pixels 0..255 between spaces", f"{wrong[:20]!a}")
    if len(pixels) != PIXELS:
        raise data_error(row, f"have {PIXELS:,} pixels", f"{len(pixels):,}")
    return pixels.astype(np.uint8).tobytes()


def _is_pixel(word: bytes) -> bool:
    return not word or (word.isdigit() and len(word) <= 3 and int(word) <= 255)
