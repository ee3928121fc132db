"""CIFAR-10: photographs of 32×32 in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from zoo.datasets.base import Split
from zoo.datasets.cache import remember
from zoo.datasets.decode import decode
from zoo.datasets.info import DatasetInfo
from zoo.datasets.layout import class_folders
from zoo.datasets.places import find
from zoo.datasets.plain_pickle import load_batch
from zoo.datasets.tree import Tree, fingerprint, open_tree
from zoo.errors import DataError

INFO = DatasetInfo(
    name="cifar10",
    summary="60,000 photographs, 32×32 colour, 10 classes; 50,000 to train, 10,000 to test",
    source="www.cs.toronto.edu/~kriz/cifar.html: cifar-10-binary.tar.gz or cifar-10-python.tar.gz",
    options=("root", "cache"),
)

CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
SHAPE = (3, 32, 32)
"""Of an image in the files: planes, rows, columns."""

PIXELS = 3 * 32 * 32
MOST_IN_A_BATCH = 10_000

_BATCH = re.compile(r"(?:.*/)?(?:data_batch_(?P<number>[1-5])|test_batch)(?P<binary>\.bin)?")


def read(root: Path | None, *, cache: bool) -> dict[str, Split]:
    """Read CIFAR-10 from its binary or Python batches, or from folders of images.

    Args:
        root: the archive, the folder that holds it, or the unpacked folder. None: `$ZOO_DATA`
            and the platform's data folder are searched.
        cache: keep the decoded images on disk.

    Returns:
        The split "train" and, where it is there, "test"; images uint8 [n, 32, 32, 3].

    Raises:
        DataError: nothing is found, or a file is damaged or has another form.
    """
    path = find(
        INFO.name,
        root,
        signs=("data_batch_1*", "*/data_batch_1*", "train/airplane", "*/train/airplane"),
        archives=("cifar-10*", "cifar10*"),
        wanted="cifar-10-binary.tar.gz, cifar-10-python.tar.gz, the files in them, or "
        f"train/<class>/*.jpg and test/<class>/*.jpg ({INFO.source})",
    )

    def read_files() -> dict[str, Split]:
        with open_tree(path) as tree:
            batches = {name: match for name in tree.sizes if (match := _BATCH.fullmatch(name))}
            return _batches(tree, batches) if batches else _folders(tree)

    if not cache:
        return read_files()
    return remember(INFO.name, {"content": fingerprint(path)}, read_files)


def _batches(tree: Tree, found: dict[str, re.Match[str]]) -> dict[str, Split]:
    """Read the batches of the one form that is complete."""
    splits: dict[str, Split] = {}
    binary = any(match["binary"] for match in found.values())
    names = {
        match["number"]: name for name, match in found.items() if bool(match["binary"]) == binary
    }
    if missing := {"1", "2", "3", "4", "5", None} - names.keys():
        words = ", ".join(
            "test_batch" if n is None else f"data_batch_{n}" for n in sorted(missing, key=str)
        )
        raise DataError(f"{tree.path}: expected five batches and a test batch; missing: {words}")
    for part, numbers in {"train": "12345", "test": (None,)}.items():
        pairs = [_batch(tree, names[number], binary=binary) for number in numbers]
        images, labels = (np.concatenate(column) for column in zip(*pairs, strict=True))
        splits[part] = Split(part, images, labels, CLASS_NAMES)
    return splits


def _batch(tree: Tree, name: str, *, binary: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [n, 32, 32, 3] and labels int64 [n] of one file."""
    where = f"{name} in {tree.path}"
    content = tree.read(name)
    if binary:
        if (
            not content
            or len(content) % (1 + PIXELS)
            or len(content) > MOST_IN_A_BATCH * (1 + PIXELS)
        ):
            raise DataError(
                f"{where}: expected {1 + PIXELS:,} bytes for each of at most {MOST_IN_A_BATCH:,} "
                f"images, got {len(content):,} bytes; fetch it again"
            )
        rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
        pixels, labels = rows[:, 1:], rows[:, 0].astype(np.int64)
    else:
        batch = load_batch(content, where)
        pixels, labels = batch.get("data"), _labels(batch.get("labels"), where)
        if not (isinstance(pixels, np.ndarray) and pixels.shape == (len(labels), PIXELS)):
            raise DataError(
                f"{where}: expected data [{len(labels)}, {PIXELS}], got "
                f"{getattr(pixels, 'shape', type(pixels).__name__)}; fetch it again"
            )
    if not len(labels) or labels.max() > 9 or labels.min() < 0:
        raise DataError(f"{where}: expected labels 0..9, got {labels.min(initial=0)}.."
                        f"{labels.max(initial=0)}")  # fmt: skip
    return pixels.reshape(-1, *SHAPE).transpose(0, 2, 3, 1), labels


def _labels(labels: object, where: str) -> np.ndarray:
    if not (isinstance(labels, list) and all(label in range(10) for label in labels)):
        raise DataError(
            f"{where}: expected a list of labels 0..9, got another {type(labels).__name__}"
        )
    return np.array(labels, np.int64)


def _folders(tree: Tree) -> dict[str, Split]:
    splits = {}
    for part, classes in class_folders(tree).items():
        if tuple(classes) != CLASS_NAMES:
            raise DataError(
                f"{tree.path}: expected the classes {', '.join(CLASS_NAMES)} in {part}, got "
                f"{', '.join(classes)}"
            )
        files = [name for names in classes.values() for name in names]
        counts = [len(names) for names in classes.values()]
        labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        images = decode(tree, files, SHAPE[1:], 3, resize=False)
        splits[part] = Split(part, images, labels, CLASS_NAMES)
    return splits
