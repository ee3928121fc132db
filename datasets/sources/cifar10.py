"""CIFAR-10: photographs of 32×32 in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Binary batches
have a byte for the class and 3,072 for the planes red, green and blue of each image; Python batches
are pickles of the same; and there are folders of JPEG files, which lose a little.
"""

from __future__ import annotations

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.files.class_folders import class_folders, labels_of
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import ImageConversion
from zoo.datasets.formats.decode import decode
from zoo.datasets.formats.plain_pickle import load_batch
from zoo.datasets.split import Split
from zoo.errors import DataError

BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}

INFO = DatasetInfo(
    name="cifar10",
    summary="60,000 photographs, 32×32 colour, 10 classes; 50,000 to train, 10,000 to test",
    source="www.cs.toronto.edu/~kriz/cifar.html",
    expected_files="cifar-10-binary.tar.gz, cifar-10-python.tar.gz or train/<class>/*.jpg",
    markers=("data_batch_1*", "train/airplane/"),
    archive_patterns=("cifar-10", "cifar-10[!0-9]*", "cifar10", "cifar10[!0-9]*"),
    file_pattern=r"data_batch_\d(\.bin)?|test_batch(\.bin)?|train|test",
    parts={"train": ("train",), "test": ("test",)},
    remote_files=tuple(
        RemoteFile(
            "cifar-10-binary.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
            170_052_171,
            "c32a1d4ab5d03f1284b67883e8d87530",
            part,
            tuple(rf"{batch}(\.bin)?|{part}/.+" for batch in batches),
        )
        for part, batches in BATCHES.items()
    ),
)

CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

PLANES = (3, 32, 32)
PIXELS = 3 * 32 * 32
MOST_BYTES = 2 * 10_000 * (PIXELS + 1) + 2**20
"""Of a batch: 10,000 images, as text in UTF-8 in some, and file names and the like around them."""


def read(tree: Tree, parts: list[str], conversion: ImageConversion) -> dict[str, Split]:
    """Read CIFAR-10 from its binary or Python batches, or from folders of images.

    Args:
        tree: the files.
        parts: "train", "test" or both.
        conversion: what the images are to become.

    Returns:
        Those of the parts that are there, images uint8 [n, 32, 32, 3] before they get their conversion.

    Raises:
        DataError: a file is missing or damaged, or has another conversion.
    """
    for ending, read_batch in ((".bin", _binary), ("", _pickled)):
        if any(f"{name}{ending}" in tree.sizes for name in BATCHES["train"]):
            found = {}
            for part in BATCHES.keys() & {*parts}:
                names = [f"{name}{ending}" for name in BATCHES[part]]
                if missing := [name for name in names if name not in tree.sizes]:
                    raise DataError(
                        f"{tree.path}: expected {', '.join(names)}, got no {missing[0]}"
                    )
                batches = [read_batch(tree, name) for name in names]
                planes, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
                found[part] = (planes.reshape(-1, *PLANES).transpose(0, 2, 3, 1), labels)
            break
    else:
        found = _folders(tree, parts)
    return {
        part: Split(part, conversion.convert(part, images), labels, CLASS_NAMES)
        for part, (images, labels) in found.items()
    }


def _binary(tree: Tree, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Planes uint8 [n, 3072] and labels int64 [n] of a binary batch."""
    content = tree.read(name, MOST_BYTES)
    where = f"{name} in {tree.path}"
    if not content or len(content) % (1 + PIXELS):
        raise DataError(
            f"{where}: expected {1 + PIXELS:,} bytes for each image, got {len(content):,} in all; "
            "fetch it again"
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return rows[:, 1:], _checked(rows[:, 0].tolist(), where)


def _pickled(tree: Tree, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of a Python batch."""
    where = f"{name} in {tree.path}"
    batch = load_batch(tree.read(name, MOST_BYTES), where)
    planes, labels = batch.get("data"), _checked(batch.get("labels"), where)
    if not isinstance(planes, np.ndarray) or planes.shape != (len(labels), PIXELS):
        shape = list(planes.shape) if isinstance(planes, np.ndarray) else type(planes).__name__
        raise DataError(
            f"{where}: expected data [{len(labels)}, {PIXELS}], got {shape}; fetch it again"
        )
    return planes, labels


def _checked(labels: object, where: str) -> np.ndarray:
    found = labels if isinstance(labels, list) and labels else [labels]
    for label in found:
        if type(label) is not int or not 0 <= label <= 9:
            # What is no number may be of any size.
            got = (
                f"{label:d}" if type(label) is int and abs(label) < 2**63 else type(label).__name__
            )
            raise DataError(f"{where}: expected labels 0..9, got {got}; fetch it again")
    return np.array(found, np.int64)


def _folders(tree: Tree, parts: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for part, classes in class_folders(tree).items():
        if tuple(classes) != CLASS_NAMES:
            raise DataError(
                f"{tree.path}: expected the classes {', '.join(CLASS_NAMES)} in {part}, got "
                f"{', '.join(classes)}"
            )
        if part in parts:
            files, labels = labels_of(classes)
            found[part] = (decode(tree, files, PLANES[1:], 3, resize=False), labels)
    return found
