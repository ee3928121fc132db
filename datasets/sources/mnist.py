"""MNIST: handwritten digits of 28×28.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". The four files
are in idx format, big-endian: a magic number, which tells that the values are bytes and how many
axes they have; the lengths of the axes; and the bytes. Keras keeps them as arrays in `mnist.npz`.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import struct
import zipfile
from typing import BinaryIO

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.files.checks import as_data_errors, data_error
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.npy import read_npy
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def remote_file(mirrors: tuple[str, ...], stem: str, size: int, checksum: str) -> RemoteFile:
    """Describe a file of MNIST, or a file of the same name of another data set."""
    urls = tuple(f"{mirror}{stem}-ubyte.gz" for mirror in mirrors)
    part = "train" if stem.startswith("train") else "test"
    written_otherwise = rf"{stem[:-5]}[-.]{stem[-4:]}-ubyte(\.gz)?|mnist\.npz|x_{part}\.npy"
    return RemoteFile(f"{stem}-ubyte.gz", urls, size, checksum, part, (written_otherwise,))


IDX_PATTERN = r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?"


INFO = DatasetInfo(
    name="mnist",
    summary="70,000 handwritten digits, 28×28 grey, 10 classes; 60,000 to train, 10,000 to test",
    source="yann.lecun.com/exdb/mnist",
    expected_files=(
        "train-images-idx3-ubyte.gz and the three files beside it (gzipped or not), or mnist.npz"
    ),
    markers=("train-images?idx3-ubyte*", "mnist.npz"),
    folders=("MNIST/raw/", "raw/"),  # torchvision's
    keras_files="mnist.npz",
    archive_patterns=("mnist*",),
    file_pattern=rf"{IDX_PATTERN}|mnist\.npz|[xy]_(train|test)\.npy",
    parts={"train": ("train",), "test": ("test",)},
    remote_files=(
        remote_file(_MIRRORS, "train-images-idx3", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        remote_file(_MIRRORS, "train-labels-idx1", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        remote_file(_MIRRORS, "t10k-images-idx3", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        remote_file(_MIRRORS, "t10k-labels-idx1", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
)

CLASS_NAMES = tuple("0123456789")

PREFIXES = {"train": "train", "test": "t10k"}
KINDS = {"images": (2051, 3), "labels": (2049, 1)}  # magic number and number of axes of a file
MAX_BYTES = 2**31  # the most bytes that are read from a file


# The first labels of the parts, by which the data sets with files of these names are told apart.
FIRST_LABELS = {
    "mnist": {"train": b"\5\0\4\1\x09\2\1\3\1\4", "test": b"\7\2\1\0\4\1\4\x09\5\x09"},
    "fashion_mnist": {
        "train": b"\x09\0\0\3\0\2\7\2\5\5",
        "test": b"\x09\2\1\1\6\1\4\6\5\7",
    },
}


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the parts "train" and "test" of MNIST from its four files, or from Keras's mnist.npz."""
    return read_parts(request, INFO, CLASS_NAMES)


def read_parts(
    request: ReadRequest, info: DatasetInfo, class_names: tuple[str, ...]
) -> dict[str, Split]:
    """Read the parts "train" and "test" of a data set in the files of MNIST.

    A DataError says that a file is missing or damaged, or is a file of another data set.
    """
    tree, splits = request.tree, {}
    for part in filter(PREFIXES.get, request.parts):
        (_, images), (where, labels) = (_read_file(tree, info, part, kind) for kind in KINDS)
        if images.shape[1:] != (28, 28) or not len(images):
            raise data_error(tree.path, f"hold {part} images of 28×28", list(images.shape))
        if labels.shape != (len(images),) or labels.max() > 9:
            expected = f"have a class 0..9 for each of {len(images):,} images"
            received = f"{len(labels):,} labels up to {labels.max(initial=0)}"
            raise data_error(where, expected, received)
        for name, first in FIRST_LABELS.items():
            if name != info.name and labels.tobytes().startswith(first[part]):
                remedy = f"Load it as {name!r}, or pass another root"
                raise data_error(where, f"hold the labels of {info.name}", f"{name}'s", remedy)
        splits[part] = request.split(part, images[..., None], labels, class_names)
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


def _read_file(tree: Tree, info: DatasetInfo, part: str, kind: str) -> tuple[str, np.ndarray]:
    """Read the images or the labels of a part; also return the name of the file, for messages."""
    magic, axes = KINDS[kind]
    stem = f"{PREFIXES[part]}-{kind}"
    names = [f"{stem}{joint}idx{axes}-ubyte{end}" for joint in "-." for end in ("", ".gz")]
    name = next((name for name in names if name in tree.sizes), None)
    if name is not None:
        with tree.open(name) as file:
            return tree.subject(name), read_idx(file, tree.subject(name), magic, axes)
    array = f"{'x' if kind == 'images' else 'y'}_{part}.npy"
    if info is INFO and array in tree.sizes:  # the tree is mnist.npz itself
        with tree.open(array) as file:
            return tree.subject(array), read_npy(file, tree.subject(array), MAX_BYTES)
    if info is INFO and "mnist.npz" in tree.sizes:
        where = f"{array} of {tree.subject('mnist.npz')}"
        expected = "be an array in a readable npz file"
        with (
            tree.open("mnist.npz") as file,
            as_data_errors(where, expected),
            zipfile.ZipFile(file) as arrays,
            arrays.open(array) as member,
        ):
            return where, read_npy(member, where, MAX_BYTES)
    remedy = f"Fetch them ({info.source})"
    raise data_error(tree.path, f"hold {names[0]} or {names[1]}", "neither of them", remedy)
