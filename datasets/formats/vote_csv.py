"""FER+'s CSV files: for each face of FER2013, the votes of ten people for what it shows."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from zoo.datasets.files.checks import data_error

# The columns of votes. "unknown" and "NF", not a face, are no emotions.
COLUMNS = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    *("unknown", "NF"),
)
_HEADER = ["usage", "image name", *map(str.lower, COLUMNS)]
_LONGEST_ROW = 400  # bytes; the real rows have some 50


class Votes(NamedTuple):
    """For each face: the Usage, bytes [n]; the name of the image; and the votes, int64 [n, 10].

    The name is empty for a row that was taken out. A `label.csv` has no Usage.
    """

    usages: np.ndarray
    names: list[str]
    counts: np.ndarray


def read_votes(file: BinaryIO, where: str) -> Votes:
    """Read `fer2013new.csv`, whose first line names the columns.

    A DataError names the file `where` and the row.
    """
    rows = _rows(file, where)
    _, header = next(rows, (0, []))
    if [cell.lower() for cell in header] != _HEADER:
        expected = f"have the columns Usage, Image name, {', '.join(COLUMNS)}"
        raise data_error(where, expected, f"{','.join(header)[:80]!a}")
    return _votes(where, ((number, row[0], row[1], row[2:]) for number, row in rows if row))


def read_label_file(file: BinaryIO, where: str) -> Votes:
    """Read a `label.csv` of FER+'s folders: name, box and votes in each line, without a header."""
    return _votes(
        where, ((number, "", row[0], row[2:]) for number, row in _rows(file, where) if row)
    )


def _votes(where: str, rows: Iterator[tuple[int, str, str, list[str]]]) -> Votes:
    usages, names, counts = [], [], []
    for number, usage, name, votes in rows:
        if len(votes) != len(COLUMNS) or not all(
            vote.isascii() and vote.isdigit() and len(vote) <= 3 for vote in votes
        ):
            expected = f"have {len(COLUMNS)} numbers of votes"
            raise data_error(f"{where}, row {number},", expected, f"{','.join(votes)[:60]!a}")
        usages.append(usage[:20].encode())
        names.append(name)
        counts.append([int(vote) for vote in votes])
    if not counts:
        raise data_error(where, "have a row for each face", "no row")
    return Votes(np.array(usages), names, np.array(counts, np.int64))


def _rows(file: BinaryIO, where: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line, with the number of the line."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_ROW + 1), b""), 1):
        if len(line) > _LONGEST_ROW:
            expected = f"have at most {_LONGEST_ROW} bytes"
            raise data_error(f"{where}, row {number},", expected, "more")
        # Windows writes a mark before the first line of a file of UTF-8.
        text = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
        cells = next(csv.reader(io.StringIO(text)), [])
        if len(cells) == 1 and not cells[0].strip():
            continue
        if cells and len(cells) < 2:
            raise data_error(f"{where}, row {number},", "have commas", f"{text[:60]!a}")
        yield number, [cell.strip() for cell in cells]
