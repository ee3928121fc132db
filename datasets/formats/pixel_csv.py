"""FER2013's CSV files: a row for each face, with its 48×48 pixels as numbers between spaces."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from zoo.errors import DataError

PIXELS = 48 * 48
LONGEST_ROW = 4 * PIXELS + 64
"""Bytes: a number of three digits and a space for each pixel, and the other columns."""

COLUMNS = ("emotion", "pixels", "usage")


def read_rows(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Read the faces of `fer2013.csv` or `icml_face_data.csv`.

    The first line names the columns emotion, pixels and Usage, in any order, with spaces or quotes
    around them or not. Pixels are integers 0..255 between spaces.

    Args:
        file: The CSV file.
        where: The name of the file, for errors.

    Returns:
        Images uint8 [n, 48, 48, 1], labels int64 [n], and the Usage of each image, bytes [n].

    Raises:
        DataError: The file has another form; the message names the row.

    Example:
        >>> import io
        >>> row = b"3," + b" ".join([b"7"] * PIXELS) + b",Training\n"
        >>> images, labels, usage = read_rows(io.BytesIO(b"emotion,pixels,Usage\n" + row), "a.csv")
        >>> images.shape, labels.tolist(), usage.tolist()
        ((1, 48, 48, 1), [3], [b'Training'])
    """
    # Python's csv module is not used: it has no limit for the length of a line.
    lines = iter(lambda: file.readline(LONGEST_ROW + 1), b"")
    header = next(lines, b"")
    names = [cell.decode("latin-1").lower() for cell in _cells(header)]
    if sorted(names) != sorted(COLUMNS):
        raise DataError(
            f"{where} must have the columns emotion, pixels and Usage. Received: {header[:80]!a}. "
            "Fetch the file again"
        )
    columns = [names.index(name) for name in COLUMNS]
    images, labels, usages = [], [], []
    for row, line in enumerate(lines, 2):
        try:
            cells = _cells(line)
            if len(line) > LONGEST_ROW or len(cells) != len(COLUMNS):
                raise ValueError(
                    f"must have {len(COLUMNS)} columns and at most {LONGEST_ROW:,} bytes. "
                    f"Received: {len(cells)} columns, {len(line):,} bytes or more"
                )
            emotion, text, usage = (cells[column] for column in columns)
            if not (len(emotion) == 1 and b"0" <= emotion <= b"6"):
                raise ValueError(f"must have an emotion 0..6. Received: {emotion[:20]!a}")
            images.append(_pixels(text))
        except ValueError as error:
            raise DataError(f"{where}, row {row}, {error}. Fetch the file again") from None
        labels.append(int(emotion))
        usages.append(usage[:20])
    if not images:
        raise DataError(
            f"{where} must have a row for each face. Received: only the first line. Fetch the file "
            "again"
        )
    faces = np.stack(images).reshape(-1, 48, 48, 1)
    return faces, np.array(labels, np.int64), np.array(usages)


def _cells(line: bytes) -> list[bytes]:
    """The cells of a line without spaces and quotes around them."""
    return [cell.strip().strip(b'"').strip() for cell in line.split(b",")]


def _pixels(text: bytes) -> np.ndarray:
    """Parse numbers 0..255 between spaces, uint8 [2304]; raise a ValueError for anything else."""
    is_plain = not text.translate(None, b"0123456789 ")
    # Five times as fast as NumPy's array of `text.split()`.
    pixels = np.fromstring(text, np.int64, sep=" ") if is_plain else np.array([256])
    if pixels.max(initial=0) > 255:
        wrong = next(
            number
            for number in text.split(b" ")
            if number and not (number.isdigit() and len(number) <= 3 and int(number) <= 255)
        )
        raise ValueError(f"must have pixels 0..255 between spaces. Received: {wrong[:20]!a}")
    if len(pixels) != PIXELS:
        raise ValueError(f"must have {PIXELS:,} pixels. Received: {len(pixels):,}")
    return pixels.astype(np.uint8)
