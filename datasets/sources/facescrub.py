"""FaceScrub: faces of 530 actors, as lists of pictures on the web.

Source: H.-W. Ng and S. Winkler, "A data-driven approach to cleaning large face datasets", 2014. The
lists say for each face where its picture is, the SHA-256 of the picture, and the face's box. Many
pictures have gone since. What a list says is not trusted: a picture is fetched from public
addresses only, is kept by its hash, and counts if it has that hash, is an image, and has the box.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import CHANNELS, ImageConversion
from zoo.datasets.formats.decode import Box, crop
from zoo.datasets.split import Split
from zoo.errors import DataError
from zoo.files import write_atomically

INFO = DatasetInfo(
    name="facescrub",
    summary="some 100,000 faces of 530 actors, from the web; cut out and scaled to 32×32 grey",
    source="vintage.winklerbros.net/facescrub.html, for the lists",
    expected_files="facescrub_actors.txt or facescrub_actresses.txt",
    markers=("facescrub_actors.txt", "facescrub_actresses.txt"),
    archive_patterns=("facescrub*",),
    file_pattern=r"facescrub_(actors|actresses)\.txt|pictures",
    reads_classes=True,
    manual_download="https://vintage.winklerbros.net/facescrub.html",
)

LISTS = ("facescrub_actors.txt", "facescrub_actresses.txt")
COLUMNS = ["name", "image_id", "face_id", "url", "bbox", "sha256"]
SKIPPED = "skipped.tsv"
SKIPPED_COLUMNS = ["name", "image_id", "face_id", "url", "reason"]
MOST_BYTES = 2**26
"""Of a list; the real ones have 20 million bytes."""

SIZE = (32, 32)
"""Height and width, unless asked otherwise: those of the CSC411 coursework."""


@dataclass(frozen=True)
class Face:
    """A row of a list.

    Args:
        name: of the actor.
        image_id: the picture's number.
        face_id: the face's number.
        url: where the picture was.
        box: left, top, right and bottom in pixels, the last two outside.
        sha256: of the picture's file, in hexadecimal.
    """

    name: str
    image_id: str
    face_id: str
    url: str
    box: Box
    sha256: str


def read(
    tree: Tree, conversion: ImageConversion, classes: Sequence[str] | None
) -> dict[str, Split]:
    """Cut the faces out of the pictures that are there.

    Args:
        tree: the lists, and `pictures/<sha256>`, as `zoo.datasets.fetching.facescrub_pictures`
            fetches them.
        conversion: what the faces are to become; 32×32 and grey where it says nothing.
        classes: the actors; None takes all that have pictures.

    Returns:
        {"train": the faces}, with a class for each actor of the lists, sorted by name. Faces whose
        picture is missing or damaged or does not reach to them are left out with a warning.

    Raises:
        DataError: a list is damaged, an actor has no picture, or there are fewer than two.
    """
    listed = read_lists(tree)
    faces = [face for face in listed if classes is None or face.name in classes]
    there = [face for face in faces if f"pictures/{face.sha256}" in tree.sizes]
    _check_actors(tree, faces, there, classes)
    if len(there) < len(faces):
        warnings.warn(
            f"{len(faces) - len(there):,} of {len(faces):,} faces are left out, since their "
            f"pictures are not in {tree.path}; {SKIPPED} there says why, once they were fetched",
            stacklevel=2,
        )
    size, color = conversion.size or SIZE, conversion.color or "grayscale"
    images = conversion.new("train", (len(there), *size, CHANNELS[color]))
    places = [(f"pictures/{face.sha256}", face.sha256, face.box) for face in there]
    reasons = crop(tree, places, images)
    if bad := [reason for reason in reasons if reason]:
        warnings.warn(
            f"{len(bad):,} of {len(there):,} faces are left out, since they cannot be cut out of "
            f"their pictures; the first: {bad[0]}",
            stacklevel=2,
        )
        there = [face for face, reason in zip(there, reasons, strict=True) if not reason]
        _check_actors(tree, faces, there, classes, bad[0])
        all_rows, images = images, conversion.new("train", (len(there), *images.shape[1:]))
        images[:] = all_rows[: len(there)]
    names = tuple(sorted({face.name for face in listed}))
    ids = {name: number for number, name in enumerate(names)}
    labels = np.array([ids[face.name] for face in there], np.int64)
    return {"train": Split("train", images, labels, names)}


def _check_actors(
    tree: Tree,
    faces: Sequence[Face],
    there: Sequence[Face],
    classes: Sequence[str] | None,
    why: str = "fetch them with download=True",
) -> None:
    """Raise where an actor who was asked for has no face that is there, or only one has any."""
    names = {face.name for face in there}
    for name in classes or ():
        if name not in names:
            known = any(face.name == name for face in faces)
            raise DataError(
                f"{tree.path}: expected pictures of {name!r}, who is "
                f"{'in' if known else 'not in'} the lists; got none: {why}"
            )
    if len(names) < 2:
        raise DataError(
            f"{tree.path}: expected pictures of two actors or more, got {len(there):,} of "
            f"{len(names)}: {why}"
        )


def read_lists(tree: Tree) -> list[Face]:
    """Read the lists that are there.

    Args:
        tree: holds one or both.

    Returns:
        The faces, in the lists' order.

    Raises:
        DataError: there is no list, or a row is not what it should be; the message names it.
    """
    names = [name for name in LISTS if name in tree.sizes]
    if not names:
        raise DataError(
            f"{tree.path}: expected {' or '.join(LISTS)}, got neither. ({INFO.manual_download})"
        )
    return [face for name in names for face in _rows(tree, name)]


def _rows(tree: Tree, name: str) -> Iterator[Face]:
    where = f"{name} in {tree.path}"
    try:
        text = tree.read(name, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected text in UTF-8, got {error}; fetch it again") from error
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            if number == 1:
                if row != COLUMNS:
                    raise ValueError(f"the columns {', '.join(COLUMNS)}", row)
            elif row:
                yield _face(row)
    except (ValueError, csv.Error) as error:
        expected, got = error.args if len(error.args) == 2 else ("text with tabs", error)
        raise DataError(
            f"{where}, row {number}: expected {expected}, got {got!a:.80}; mend it"
        ) from error


def _face(row: list[str]) -> Face:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(COLUMNS)} columns", len(row))
    name, image_id, face_id, url, box, sha256 = row
    if not re.fullmatch(r"\w[\w .'’,-]{0,80}", name):
        raise ValueError("an actor's name", name)
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("a SHA-256 in hexadecimal", sha256)
    sides = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", box, re.ASCII)
    left, top, right, bottom = map(int, sides.groups()) if sides else (0, 0, 0, 0)
    if not (left < right and top < bottom):
        raise ValueError("a box x1,y1,x2,y2", box)
    if not all(re.fullmatch(r"\d{1,9}", one, re.ASCII) for one in (image_id, face_id)):
        raise ValueError("numbers of picture and face", f"{image_id} {face_id}")
    return Face(name, image_id, face_id, url, (left, top, right, bottom), sha256)


def write_skipped(folder: Path, faces: Iterable[Face], reasons: Mapping[Face, str]) -> Path:
    """Write which faces cannot be had, and why; what was written of others before stays.

    Args:
        folder: that holds the lists.
        faces: those that were asked for.
        reasons: why some of them cannot be had.

    Returns:
        The file, with tabs between its columns.
    """
    asked = {(face.name, face.image_id, face.face_id) for face in faces}
    rows = [row for row in _read_skipped(folder / SKIPPED) if tuple(row[:3]) not in asked]
    for face, reason in reasons.items():
        # An address may have anything in it.
        plain = face.url.encode("ascii", "backslashreplace").decode()
        rows.append([face.name, face.image_id, face.face_id, plain, reason])

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([SKIPPED_COLUMNS, *rows])

    return write_atomically(folder / SKIPPED, write)


def _read_skipped(path: Path) -> list[list[str]]:
    """What was written before; nothing if that is damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *rows = csv.reader(file, delimiter="\t", strict=True)
    except (FileNotFoundError, ValueError, csv.Error):
        return []
    sound = columns == SKIPPED_COLUMNS and all(len(row) == len(columns) for row in rows)
    return rows if sound else []


def has_hash(content: bytes, face: Face) -> bool:
    """Whether a picture is the one that was listed."""
    return hashlib.sha256(content).hexdigest() == face.sha256
