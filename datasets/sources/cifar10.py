"""CIFAR-10: photographs of 32×32 in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. A binary batch
has one byte for the class of each image and 3,072 bytes for its planes red, green and blue. A
Python batch is a pickle of the same. The images also come as folders of JPEG files, which lose a
little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.class_folders import class_folders
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.image_file import Target, find_images
from zoo.datasets.formats.plain_pickle import load_batch
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}

INFO = DatasetInfo(
    name="cifar10",
    summary="60,000 photographs, 32×32 colour, 10 classes; 50,000 to train, 10,000 to test",
    source="www.cs.toronto.edu/~kriz/cifar.html",
    expected_files="cifar-10-binary.tar.gz, cifar-10-python.tar.gz or train/<class>/*.jpg",
    markers=("data_batch_1*", "train/airplane/"),
    folders=("cifar-10-batches-*/", "cifar-10-batches-*/*/"),  # of Keras
    keras_files="cifar-10-batches-py-target/",
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

Arrays = tuple[np.ndarray, np.ndarray]
PLANES = (3, 32, 32)
PIXELS = 3 * 32 * 32
# The largest batch that is read. It has 10,000 images, in some batches as text in UTF-8, and file
# names around them.
MAX_BYTES = 2 * 10_000 * (PIXELS + 1) + 2**20


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the parts "train" and "test" of CIFAR-10: batches (binary or Python), or folders."""
    tree = request.tree
    for ending, read_batch in ((".bin", _read_binary), ("", _read_pickle)):
        if any(f"{name}{ending}" in tree.sizes for name in BATCHES["train"]):
            found = {
                part: _join_batches(tree, [f"{name}{ending}" for name in BATCHES[part]], read_batch)
                for part in filter(BATCHES.get, request.parts)
            }
            break
    else:
        found = _read_folders(request)
    return {
        part: request.split(part, images, labels, CLASS_NAMES)
        for part, (images, labels) in found.items()
    }


def _join_batches(
    tree: Tree, names: list[str], read_batch: Callable[[Tree, str], Arrays]
) -> Arrays:
    """Read batches: images uint8 [n, 32, 32, 3] and labels int64 [n]."""
    batches = [read_batch(tree, name) for name in names]
    planes, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
    return planes.reshape(-1, *PLANES).transpose(0, 2, 3, 1), labels


def _read_binary(tree: Tree, name: str) -> Arrays:
    """Read a binary batch: planes uint8 [n, 3072] and labels int64 [n]."""
    content = tree.read(name, MAX_BYTES)
    where = f"{name} in {tree.path}"
    if not content or len(content) % (1 + PIXELS):
        expected = f"have {1 + PIXELS:,} bytes for each image"
        raise data_error(where, expected, f"{len(content):,} bytes in all")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return rows[:, 1:], _check_labels(rows[:, 0].tolist(), where)


def _read_pickle(tree: Tree, name: str) -> Arrays:
    """Read a Python batch: planes uint8 [n, 3072] and labels int64 [n]."""
    where = f"{name} in {tree.path}"
    batch = load_batch(tree.read(name, MAX_BYTES), where)
    planes, labels = batch.get("data"), _check_labels(batch.get("labels"), where)
    if not isinstance(planes, np.ndarray) or planes.shape != (len(labels), PIXELS):
        received = list(planes.shape) if isinstance(planes, np.ndarray) else type(planes).__name__
        raise data_error(where, f"have data [{len(labels)}, {PIXELS}]", received)
    return planes, labels


def _check_labels(labels: object, where: str) -> np.ndarray:
    found = labels if isinstance(labels, list) and labels else [labels]
    for label in found:
        if type(label) is not int or not 0 <= label <= 9:
            # Only numbers are shown: another value, and a very large number, may be very long.
            small = type(label) is int and abs(label) < 2**63
            received = f"{label:d}" if small else type(label).__name__
            raise data_error(where, "have labels 0..9", received)
    return np.array(found, np.int64)


def _read_folders(request: ReadRequest) -> dict[str, Arrays]:
    """Read folders of images: images uint8 [n, 32, 32, 3] and labels int64 [n] by part."""
    found = {}
    for part, classes in class_folders(request.tree, find_images(request.tree)).items():
        if tuple(classes) != CLASS_NAMES:
            expected = f"hold the classes {', '.join(CLASS_NAMES)}"
            remedy = "Read it as the data set folder, or rename the folders"
            subject = f"{part} in {request.tree.path}"
            raise data_error(subject, expected, ", ".join(classes), remedy)
        if part in request.parts:
            found[part] = request.decode(part, classes, Target(PLANES[1:], 3))[:2]
    return found
