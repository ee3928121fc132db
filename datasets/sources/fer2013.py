"""FER2013: faces of 48×48 with one of seven emotions.

Source: I. Goodfellow et al., "Challenges in Representation Learning: A report on three
machine learning contests", 2013. Kaggle has the data set as one CSV file, with a row for each face,
or as folders of JPEG files, which lose a little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.image_file import Target, find_images
from zoo.datasets.formats.pixel_csv import read_rows
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

INFO = DatasetInfo(
    name="fer2013",
    summary=(
        "35,887 faces, 48×48 grey, 7 emotions; 28,709 to train, 3,589 to test, PublicTest, "
        "and 3,589 more, PrivateTest"
    ),
    source=(
        "Kaggle: 'FER-2013' by msambare, or the 'Challenges in Representation Learning: "
        "Facial Expression Recognition' competition"
    ),
    expected_files=(
        "fer2013.csv, icml_face_data.csv, fer2013.zip, or train/<emotion>/*.jpg and test/"
    ),
    markers=("fer2013.csv", "icml_face_data.csv", "[Tt][Rr][Aa][Ii][Nn]*/[Aa][Nn][Gg]*/"),
    archive_patterns=("fer2013*", "challenges-in-representation-learning*"),
    complete_file=r"(fer2013|icml_face_data)\.csv",
    file_pattern=(
        r"(fer2013|icml_face_data)\.csv"
        r"|(?i:train|training|test|validation|publictest|privatetest)"
    ),
    parts={"train": ("Training",), "test": ("PublicTest",)},
    manual_download="https://www.kaggle.com/datasets/msambare/fer2013",
)

PARTS = ("Training", "PublicTest", "PrivateTest")

TABLES = ("fer2013.csv", "icml_face_data.csv")  # the same rows in the same order

MAX_BYTES = 2**30  # the largest CSV file that is read; the real files have 300 million bytes

# In the order of the class ids in the contest's fer2013.csv. Folders sort neutral fifth.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# The names that folders have.
_LABELS = {name: label for label, name in enumerate(CLASS_NAMES)} | {
    "anger": 0, "disgusted": 1, "fearful": 2, "happiness": 3, "sadness": 4, "surprised": 5,
}  # fmt: skip


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read FER2013 from one of its CSV files or from its folders of images.

    The images are sorted by class, and within a class in the order of the rows or file names.
    """
    tree, parts = request.tree, request.parts
    tables = [name for name in TABLES if name in tree.sizes]
    found = _read_csv(tree, tables[0], parts) if tables else _read_folders(request)
    splits = {}
    for part, (images, labels) in found.items():
        if missing := sorted({*range(len(CLASS_NAMES))} - {*labels.tolist()}):
            raise data_error(
                f"{part} in {tree.path}",
                f"hold the emotions {', '.join(CLASS_NAMES)}",
                f"no {CLASS_NAMES[missing[0]]}",
                f"Fetch it again from {INFO.source}; folders with some of the emotions are read as "
                "the data set folder",
            )
        splits[part] = request.split(part, images, labels, CLASS_NAMES)
    return splits


def _read_csv(
    tree: Tree, name: str, parts: Sequence[str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read a CSV file: images and labels by part."""
    where = f"{name} in {tree.path}"
    with tree.open(name, MAX_BYTES) as file:
        images, labels, usage = read_rows(file, where)
    if strange := {*np.unique(usage).tolist()} - {part.encode() for part in PARTS}:
        received = f"{sorted(strange)[0]!a:.40}"
        raise data_error(f"Usage in {where}", f"be {', '.join(PARTS)}", received)
    found = {}
    for part in parts:
        rows = np.flatnonzero(usage == part.encode())
        rows = rows[np.argsort(labels[rows], kind="stable")]
        if len(rows):
            found[part] = (images[rows], labels[rows])
    return found


def _read_folders(request: ReadRequest) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read images from `<part>/<emotion>/`; in `test` the name of a file tells the part."""
    tree, parts = request.tree, request.parts
    files: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in find_images(tree):
        folder, _, rest = name.partition("/")
        emotion, _, file = rest.rpartition("/")
        label = _LABELS.get(emotion.lower())
        if label is None:
            expected = f"be <part>/<emotion>/<image> with the emotions {', '.join(CLASS_NAMES)}"
            where = f"{name} in {tree.path}"
            raise data_error(where, expected, f"the folder {emotion!r}", "Rename or remove it")
        files[_part_of(folder, file)][label].append(name)
    others = sorted(files.keys() - {*PARTS, *parts})
    if others and {*parts} - files.keys():
        expected = f"hold the parts {' and '.join(parts)}, by the names of folders or files"
        remedy = f'If you want them, pass parts={{"train": "Training", "test": "{others[0]}"}}'
        received = ", ".join(sorted(files))
        raise data_error(tree.path, f"{expected} (PublicTest_1.jpg)", received, remedy)
    found = {}
    for part in parts:
        if part in files:
            classes = {name: files[part][label] for label, name in enumerate(CLASS_NAMES)}
            found[part] = request.decode(part, classes, Target((48, 48), 1))[:2]
    return found


def _part_of(folder: str, file: str) -> str:
    """The part of an image: the file's name tells it, or else the folder's name."""
    for part in PARTS:
        if file.lower().startswith(f"{part.lower()}_"):
            return part
    known = {"train": "Training"} | {part.lower(): part for part in PARTS}
    return known.get(folder.lower(), folder)
