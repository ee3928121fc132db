"""FER2013: faces of 48×48 with one of seven emotions.

Source: I. Goodfellow et al., "Challenges in Representation Learning: A report on three
machine learning contests", 2013. Kaggle has it as one CSV file, with a row for each face, or as
folders of JPEG files, which lose a little.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.class_folders import IMAGE_SUFFIXES, labels_of
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import ImageConversion
from zoo.datasets.formats.decode import decode
from zoo.datasets.formats.pixel_csv import read_rows
from zoo.datasets.split import Split
from zoo.errors import DataError

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
    expected_files="fer2013.csv, icml_face_data.csv, fer2013.zip, or train/<emotion>/*.jpg and test/",
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

MOST_BYTES = 2**30
"""Of a CSV file; the real ones have 300 million bytes."""

# In the order of the class ids in the contest's fer2013.csv. Folders sort neutral fifth.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# As folders name them.
_LABELS = {name: label for label, name in enumerate(CLASS_NAMES)} | {
    "anger": 0, "disgusted": 1, "fearful": 2, "happiness": 3, "sadness": 4, "surprised": 5,
}  # fmt: skip


def read(tree: Tree, parts: list[str], conversion: ImageConversion) -> dict[str, Split]:
    """Read FER2013 from one of its CSV files or from its folders of images.

    Args:
        tree: the files.
        parts: of "Training", "PublicTest" and "PrivateTest".
        conversion: what the images are to become.

    Returns:
        Those of the parts that are there, images uint8 [n, 48, 48, 1] before they get their conversion,
        class after class, in each class in the order of the rows or file names.

    Raises:
        DataError: an emotion is missing, or something is damaged or not 48×48.
    """
    for name in ("fer2013.csv", "icml_face_data.csv"):
        if name in tree.sizes:
            found = _rows(tree, name, parts)
            break
    else:
        found = _folders(tree, parts)
    splits = {}
    for part, (images, labels) in found.items():
        if missing := sorted({*range(len(CLASS_NAMES))} - {*labels.tolist()}):
            raise DataError(
                f"{tree.path}: expected the emotions {', '.join(CLASS_NAMES)} in {part}; got no "
                f"{CLASS_NAMES[missing[0]]}. Fetch it again from {INFO.source}; folders of some of "
                "the emotions are read as the data set folder"
            )
        splits[part] = Split(part, conversion.convert(part, images), labels, CLASS_NAMES)
    return splits


def _rows(tree: Tree, name: str, parts: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    where = f"{name} in {tree.path}"
    with tree.open(name, MOST_BYTES) as file:
        images, labels, usage = read_rows(file, where)
    if strange := {*np.unique(usage).tolist()} - {part.encode() for part in PARTS}:
        raise DataError(
            f"{where}: expected a Usage of {', '.join(PARTS)}, got {sorted(strange)[0]!a:.40}"
        )
    found = {}
    for part in parts:
        rows = np.flatnonzero(usage == part.encode())
        rows = rows[np.argsort(labels[rows], kind="stable")]
        if len(rows):
            found[part] = (images[rows], labels[rows])
    return found


def _folders(tree: Tree, parts: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images by `<part>/<emotion>/`; what is in `test` tells its part in the file's name."""
    files: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in sorted(tree.sizes):
        if name.lower().endswith(IMAGE_SUFFIXES):
            folder, _, rest = name.partition("/")
            emotion, _, file = rest.rpartition("/")
            label = _LABELS.get(emotion.lower())
            if label is None:
                raise DataError(
                    f"{name} in {tree.path}: expected <part>/<emotion>/<image> with the emotions "
                    f"{', '.join(CLASS_NAMES)}; rename the folder {emotion!r} or remove it"
                )
            files[_part(folder, file)][label].append(name)
    others = sorted(files.keys() - {*PARTS, *parts})
    if others and {*parts} - files.keys():
        raise DataError(
            f"{tree.path}: expected {' and '.join(parts)}, as the folders' names or the files' "
            f"(PublicTest_1.jpg) tell them; got {', '.join(sorted(files))}. If that is what you "
            f'want, pass parts={{"train": "Training", "test": "{others[0]}"}}'
        )
    found = {}
    for part in parts:
        if part in files:
            names, labels = labels_of({str(k): files[part][k] for k in range(len(CLASS_NAMES))})
            found[part] = (decode(tree, names, (48, 48), 1, resize=False), labels)
    return found


def _part(folder: str, file: str) -> str:
    """The part of an image, as the file's name says or else the folder's."""
    for part in PARTS:
        if file.lower().startswith(f"{part.lower()}_"):
            return part
    known = {"train": "Training"} | {part.lower(): part for part in PARTS}
    return known.get(folder.lower(), folder)
