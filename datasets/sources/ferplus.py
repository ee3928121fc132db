"""FER+: the faces of FER2013 with the votes of ten people for one of eight emotions.

Source: E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang, "Training Deep Networks for Facial
Expression Recognition with Crowd-Sourced Label Distribution", 2016. Microsoft has the votes,
`fer2013new.csv`, and not the faces, which are those of FER2013. Labels are made as by Microsoft's
program in its mode "majority": a single vote for an emotion does not count; the label is the
emotion with more than half of the other votes; faces without such an emotion, and faces of which
the majority says "unknown" or "not a face", are left out.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.checks import data_error, printable
from zoo.datasets.files.locations import ARCHIVE_SUFFIXES
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.image_file import Target, find_images
from zoo.datasets.formats.pixel_csv import read_rows
from zoo.datasets.formats.vote_csv import COLUMNS, Votes, read_label_file, read_votes
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.sources.fer2013 import MAX_BYTES, PARTS, TABLES
from zoo.datasets.split import Split

# Archives of FER2013. Kaggle gives all its archives the name archive.zip.
ARCHIVES = (
    r"(?i:(fer2013[^/]*|challenges-in-representation-learning[^/]*|archive)"
    rf"({'|'.join(map(re.escape, ARCHIVE_SUFFIXES))}))"
)

INFO = DatasetInfo(
    name="ferplus",
    summary="35,887 faces of FER2013, 48×48 grey, with ten people's votes for 8 emotions",
    source="github.com/microsoft/FERPlus for the votes, and the faces of fer2013",
    expected_files=(
        "fer2013new.csv beside fer2013.csv, icml_face_data.csv, train/<emotion>/Training_N.png or "
        "an archive of these (fer2013.zip); or FER2013Train/, FER2013Valid/ and FER2013Test/ with "
        "label.csv"
    ),
    markers=("fer2013new.csv", "FER2013Train/label.csv"),
    folders=("fer2013/", "FERPlus/data/", "data/"),
    archive_patterns=("ferplus*", "fer+*", "fer?plus*"),
    file_pattern=(
        rf"(fer2013new|fer2013|icml_face_data)\.csv|{ARCHIVES}|FER2013(Train|Valid|Test)"
        r"|(?i:train|training|test|publictest|privatetest)"
    ),
    parts={"train": ("Training",), "test": ("PublicTest",)},
    manual_download="https://github.com/microsoft/FERPlus",
)

CLASS_NAMES = COLUMNS[:8]
_FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read FER+: the label of the majority, and the votes as `label_shares`.

    The images are sorted by class, and within a class in the order of the rows.
    """
    tree, splits = request.tree, {}
    if "fer2013new.csv" not in tree.sizes:
        for part in request.parts:
            if (folder := _FOLDERS.get(part)) and f"{folder}/label.csv" in tree.sizes:
                with tree.open(f"{folder}/label.csv") as file:
                    votes = read_label_file(file, tree.subject(f"{folder}/label.csv"))
                files = {name: f"{folder}/{name}" for name in votes.names}
                splits[part] = _split_of_files(request, part, votes, files)
        return splits
    with tree.open("fer2013new.csv") as file:
        votes = read_votes(file, tree.subject("fer2013new.csv"))
    return _read_faces(request, votes)


def majority_labels(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the label of the majority and the shares of the votes.

    Args:
        counts: Votes for the `COLUMNS`, int [n, 10].

    Returns:
        Labels int64 [n], -1 for a face without a majority for an emotion; and the shares of the
        eight emotions in the votes, without single votes, float32 [n, 8].

    Example:
        >>> labels, shares = majority_labels(np.array([[0, 8, 0, 0, 0, 0, 0, 1, 1, 0]]))
        >>> CLASS_NAMES[labels[0]], shares[0, 1]
        ('happiness', np.float32(1.0))
    """
    counts = np.where(counts > 1, counts, 0)
    labels = counts.argmax(1)
    clear = 2 * counts.max(1) > counts.sum(1)
    labels = np.where(clear & (labels < len(CLASS_NAMES)), labels, -1)
    emotions = counts[:, : len(CLASS_NAMES)].astype(np.float32)
    return labels, emotions / np.maximum(emotions.sum(1, keepdims=True), 1)


def _read_faces(request: ReadRequest, votes: Votes) -> dict[str, Split]:
    """Read the faces from a table, from folders, or from an archive of a table or of folders."""
    tree = request.tree
    tables = [path for path in tree.sizes if path.rpartition("/")[2] in TABLES]
    if tables:
        return _read_table(request, votes, min(tables, key=lambda path: (path.count("/"), path)))
    archives = sorted((name for name in tree.sizes if re.fullmatch(ARCHIVES, name)), key=len)
    if archives and tree.path.is_dir() and not any("/" in name for name in tree.sizes):
        with open_tree(tree.path / archives[0]) as inner:
            return _read_faces(replace(request, tree=inner), votes)
    return _read_folders(request, votes)


def _read_table(request: ReadRequest, votes: Votes, table: str) -> dict[str, Split]:
    """Read the faces from a table that has the rows of the votes in the same order."""
    where, splits = request.tree.subject(table), {}
    with request.tree.open(table, MAX_BYTES) as file:
        images, _, usages = read_rows(file, where)
    if len(usages) != len(votes.usages) or (usages != votes.usages).any():
        received = f"{len(votes.usages):,} rows for {len(usages):,} faces, or another Usage"
        expected = f"have the same rows as {where}, in the same order"
        raise data_error("fer2013new.csv", expected, received)
    labels, shares = majority_labels(votes.counts)
    labels[[not name for name in votes.names]] = -1  # rows that were taken out
    for part in request.parts:
        rows = _sorted_rows(labels, usages == part.encode())
        if len(rows):
            splits[part] = request.split(
                part, images[rows], labels[rows], CLASS_NAMES, shares[rows]
            )
    return splits


def _read_folders(request: ReadRequest, votes: Votes) -> dict[str, Split]:
    """Read faces `Training_N.png`, where N is the number in FER+'s name of the image."""
    files: dict[str, dict[str, str]] = {part: {} for part in PARTS}
    for name in find_images(request.tree):
        found = re.fullmatch(r"(?i:(\w+?)_0*(\d+)\.\w+)", name.rpartition("/")[2])
        part = found and next((part for part in PARTS if part.lower() == found[1].lower()), None)
        if found and part:
            files[part][f"fer{int(found[2]):07d}.png"] = name
    splits = {}
    for part in request.parts:
        rows = np.flatnonzero(votes.usages == part.encode())
        known = {votes.names[row] for row in rows}
        if strange := sorted(files.get(part, {}).keys() - known):
            raise data_error(
                request.tree.subject(files[part][strange[0]]),
                f"have the number of an image of {part} in fer2013new.csv",
                strange[0],
                "Take a copy of FER2013 with FER+'s numbers, or fer2013.csv",
            )
        if files.get(part):
            chosen = Votes(votes.usages[rows], [votes.names[r] for r in rows], votes.counts[rows])
            splits[part] = _split_of_files(request, part, chosen, files[part])
    return splits


def _split_of_files(request: ReadRequest, part: str, votes: Votes, files: dict[str, str]) -> Split:
    """Decode the faces that have a majority and a file, by the names of the images."""
    labels, shares = majority_labels(votes.counts)
    has_file = np.array([files.get(name, "") in request.tree.sizes for name in votes.names])
    rows = _sorted_rows(labels, has_file)
    if not len(rows):
        received = f"none of the {len(votes.names):,} images of {part}"
        raise data_error(request.tree.path, "hold the faces that were voted on", received)
    missing = [votes.names[row] for row in np.flatnonzero(~has_file & (labels >= 0))]
    if missing := [name for name in missing if name]:  # the others were taken out
        warnings.warn(
            f"{len(missing):,} faces of {part} that were voted on, such as {printable(missing[0])},"
            f" are left out, since they are not in {request.tree.path}",
            stacklevel=2,
        )
    by_class = {
        name: [files[votes.names[row]] for row in rows if labels[row] == label]
        for label, name in enumerate(CLASS_NAMES)
    }
    images, kept_labels, kept = request.decode(part, by_class, Target((48, 48), 1))
    return request.split(part, images, kept_labels, CLASS_NAMES, shares[rows][kept])


def _sorted_rows(labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The wanted rows with a label, class after class."""
    rows = np.flatnonzero(wanted & (labels >= 0))
    return rows[np.argsort(labels[rows], kind="stable")]
