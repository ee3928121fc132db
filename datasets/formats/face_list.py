"""FaceScrub's lists of faces: text with tabs, a row for each face.

A row tells where the picture of a face is on the web, the SHA-256 of the picture, and the box of
the face. Anyone may have written the rows, so a row that is not as expected is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.decode import Box
from zoo.files import write_atomically

LISTS = ("facescrub_actors.txt", "facescrub_actresses.txt")
COLUMNS = ["name", "image_id", "face_id", "url", "bbox", "sha256"]
_NUMBER = ("numbers of picture and face", r"[0-9]{1,9}")
# What each cell of a row holds: in words, and as a regular expression.
_CELLS = [
    ("an actor's name", r"\w[\w .'’,-]{0,80}"),
    *(_NUMBER, _NUMBER),
    ("an address", r".*"),
    ("a box x1,y1,x2,y2", r"[0-9]{1,5}(,[0-9]{1,5}){3}"),
    ("a SHA-256 in hexadecimal", r"[0-9a-f]{64}"),
]
SKIPPED = "skipped.tsv"  # the file that says which faces have no picture, and why
SKIPPED_COLUMNS = ["name", "image_id", "face_id", "url", "reason"]
MAX_BYTES = 2**26  # the largest list that is read; the real lists have 20 million bytes


@dataclass(frozen=True)
class Face:
    """A row of a list.

    The box is left, top, right and bottom in pixels; right and bottom are outside of the box.
    """

    name: str
    image_id: str
    face_id: str
    url: str
    box: Box
    sha256: str

    def has_hash(self, content: bytes) -> bool:
        """Whether the bytes of a file are those of the listed picture."""
        return hashlib.sha256(content).hexdigest() == self.sha256


def read_lists(tree: Tree) -> list[Face]:
    """Read one list or both, in their order.

    Raises:
        DataError: There is no list, or a row is not as expected; the message names the row.
    """
    names = [name for name in LISTS if name in tree.sizes]
    if not names:
        remedy = "Ask for the lists on the page of the data set"
        raise data_error(tree.path, f"hold {' or '.join(LISTS)}", "neither of them", remedy)
    return [face for name in names for face in _read_rows(tree, name)]


def _read_rows(tree: Tree, name: str) -> Iterator[Face]:
    where = f"{name} in {tree.path}"
    try:
        text = tree.read(name, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise data_error(where, "be text in UTF-8", error) from error
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            if number == 1 and row != COLUMNS:
                raise ValueError(f"the columns {', '.join(COLUMNS)}", row)
            if number > 1 and row:
                yield _to_face(row)
    except (ValueError, csv.Error) as error:
        expected, received = error.args if len(error.args) == 2 else ("text with tabs", error)
        remedy = "Mend the row, or fetch the list again"
        subject = f"{where}, row {number}"
        raise data_error(subject, f"have {expected}", f"{received!a:.80}", remedy) from error


def _to_face(row: list[str]) -> Face:
    """Check a row; a ValueError has what was expected and what was received."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(COLUMNS)} columns", len(row))
    for cell, (expected, pattern) in zip(row, _CELLS, strict=True):
        if not re.fullmatch(pattern, cell):
            raise ValueError(expected, cell)
    name, image_id, face_id, url, box, sha256 = row
    left, top, right, bottom = map(int, box.split(","))
    if not (left < right and top < bottom):
        raise ValueError("a box x1,y1,x2,y2", box)
    return Face(name, image_id, face_id, url, (left, top, right, bottom), sha256)


def write_skipped(folder: Path, faces: Iterable[Face], reasons: Mapping[Face, str]) -> Path:
    """Write which of the faces have no picture, and why; earlier rows about other faces stay."""
    asked = {(face.name, face.image_id, face.face_id) for face in faces}
    rows = [row for row in _read_skipped(folder / SKIPPED) if tuple(row[:3]) not in asked]
    for face, reason in reasons.items():
        # An address may have any characters.
        plain = face.url.encode("ascii", "backslashreplace").decode()
        rows.append([face.name, face.image_id, face.face_id, plain, reason])

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([SKIPPED_COLUMNS, *rows])

    return write_atomically(folder / SKIPPED, write)


def _read_skipped(path: Path) -> list[list[str]]:
    """Read the rows that were written before; none if the file is damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *rows = csv.reader(file, delimiter="\t", strict=True)
    except (FileNotFoundError, ValueError, csv.Error):
        return []
    sound = columns == SKIPPED_COLUMNS and all(len(row) == len(columns) for row in rows)
    return rows if sound else []
