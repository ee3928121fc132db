"""MNIST: handwritten digits of 28×28.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". The four files
are in idx format, big-endian: a magic number, which tells that the values are bytes and how many
axes they have; the lengths of the axes; and the bytes.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import struct
from typing import BinaryIO

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def _remote_file(stem: str, size: int, checksum: str) -> RemoteFile:
    urls = tuple(f"{mirror}{stem}-ubyte.gz" for mirror in _MIRRORS)
    part = "train" if stem.startswith("train") else "test"
    written_otherwise = (rf"{stem[:-5]}[-.]{stem[-4:]}-ubyte(\.gz)?",)
    return RemoteFile(f"{stem}-ubyte.gz", urls, size, checksum, part, written_otherwise)


INFO = DatasetInfo(
    name="mnist",
    summary="70,000 handwritten digits, 28×28 grey, 10 classes; 60,000 to train, 10,000 to test",
    source="yann.lecun.com/exdb/mnist",
    expected_files="train-images-idx3-ubyte.gz and the three files beside it (gzipped or not)",
    markers=("train-images?idx3-ubyte*",),
    archive_patterns=("mnist*",),
    file_pattern=r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?",
    parts={"train": ("train",), "test": ("test",)},
    remote_files=(
        _remote_file("train-images-idx3", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        _remote_file("train-labels-idx1", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        _remote_file("t10k-images-idx3", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        _remote_file("t10k-labels-idx1", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
)

CLASS_NAMES = tuple("0123456789")

PREFIXES = {"train": "train", "test": "t10k"}
KINDS = {"images": (2051, 3), "labels": (2049, 1)}  # magic number and number of axes of a file
MAX_BYTES = 2**31  # the most bytes that are read from a file


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the parts "train" and "test" of MNIST from its four files, gzipped or not."""
    tree, splits = request.tree, {}
    for part in filter(PREFIXES.get, request.parts):
        (_, images), (where, labels) = (_read_file(tree, part, kind) for kind in KINDS)
        if images.shape[1:] != (28, 28) or not len(images):
            raise data_error(tree.path, f"hold {part} images of 28×28", list(images.shape))
        if len(images) != len(labels) or labels.max() > 9:
            expected = f"have a digit 0..9 for each of {len(images):,} images"
            received = f"{len(labels):,} labels up to {labels.max(initial=0)}"
            raise data_error(where, expected, received)
        splits[part] = request.split(part, images[..., None], labels, CLASS_NAMES)
    return splits


def read_idx(file: BinaryIO, where: str, magic: int, axes: int) -> np.ndarray:
    """Read bytes in idx format, gzipped or not, as uint8 of the shape in the header.

    `magic` is the number that the first four bytes must give. A DataError that names the file
    `where` says that it is of another kind, too short or too long. Damaged compressed bytes raise
    an OSError, EOFError or zlib.error.
    """
    is_packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    with gzip.open(file) if is_packed else contextlib.nullcontext(file) as stream:
        header = stream.read(4 + 4 * axes)
        if len(header) < 4 + 4 * axes:
            raise data_error(where, "be an idx file", f"{len(header)} bytes")
        found, *shape = struct.unpack(f">{1 + axes}I", header)
        if found != magic:
            raise data_error(where, f"be an idx file with magic {magic}", found)
        size = math.prod(shape)
        if size > MAX_BYTES:
            received = f"a header that tells of {size:,} bytes"
            raise data_error(where, f"have at most {MAX_BYTES:,} bytes", received)
        # Only one byte more than expected: a small compressed file may give bytes without end.
        content = stream.read(size + 1)
    if len(content) != size:
        received = "more" if len(content) > size else f"{len(content):,}"
        raise data_error(where, f"have {size:,} bytes after the header", received)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_file(tree: Tree, part: str, kind: str) -> tuple[str, np.ndarray]:
    """Read the images or the labels of a part; also return the name of the file, for messages."""
    magic, axes = KINDS[kind]
    stem = f"{PREFIXES[part]}-{kind}"
    names = [f"{stem}{joint}idx{axes}-ubyte{end}" for joint in "-." for end in ("", ".gz")]
    name = next((name for name in names if name in tree.sizes), None)
    if name is None:
        remedy = f"Fetch them ({INFO.source})"
        raise data_error(tree.path, f"hold {names[0]} or {names[1]}", "neither of them", remedy)
    where = f"{name} in {tree.path}"
    with tree.open(name) as file:
        return where, read_idx(file, where, magic, axes)
