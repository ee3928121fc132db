"""MNIST: handwritten digits of 28×28.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". The four files
in idx form: big-endian, a magic number that says bytes and how many axes, the axes' lengths, bytes.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from zoo.datasets.base import Split
from zoo.datasets.info import DatasetInfo
from zoo.errors import DataError

INFO = DatasetInfo(
    name="mnist",
    summary="70,000 handwritten digits, 28×28 grey, 10 classes; 60,000 to train, 10,000 to test",
    source="yann.lecun.com/exdb/mnist: train-images-idx3-ubyte.gz and the three files beside it",
    options=("root",),
)

PARTS = {"train": "train", "test": "t10k"}
KINDS = {"images": (2051, 3), "labels": (2049, 1)}
"""Of each kind of file the magic number and the number of axes."""

MOST_BYTES = 2**31


def read(root: Path | None) -> dict[str, Split]:
    """Read MNIST from its four files, gzipped or not.

    Args:
        root: the folder that holds them, or the folder that holds that one as `mnist`. None:
            `$ZOO_DATA` and the platform's data folder are searched.

    Returns:
        The splits "train" and "test", images uint8 [n, 28, 28, 1].

    Raises:
        DataError: a file is missing or damaged, or labels do not fit the images.
    """
    folder = _find(root)
    return {part: _part(folder, part, prefix) for part, prefix in PARTS.items()}


def read_idx(path: Path, magic: int, axes: int) -> np.ndarray:
    """Read bytes in idx form.

    Args:
        path: The file, gzipped or not.
        magic: What its first four bytes should say.
        axes: How many axes there should be.

    Returns:
        uint8, of the shape that the header tells.

    Raises:
        DataError: It is something else, too short or too long.

    Example:
        >>> import struct, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "two"
        >>> _ = path.write_bytes(struct.pack(">II", 2049, 2) + bytes([7, 1]))
        >>> read_idx(path, 2049, 1).tolist()
        [7, 1]
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else open(path, "rb") as file:
            header = file.read(4 + 4 * axes)
            if len(header) < 4 + 4 * axes:
                raise DataError(f"{path}: expected an idx file, got {len(header)} bytes")
            found, *shape = struct.unpack(f">{1 + axes}I", header)
            if found != magic:
                raise DataError(f"{path}: expected an idx file with magic {magic}, got {found}")
            size = 1
            for length in shape:
                size *= length
            if size > MOST_BYTES:
                raise DataError(f"{path}: its header tells of {size:,} bytes, which is too many")
            # A byte more than there should be, and no more: what a small file unpacks to may
            # have no end.
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if len(content) != size:
        more = "more" if len(content) > size else f"{len(content):,}"
        raise DataError(f"{path}: expected {size:,} bytes after the header, got {more}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _part(folder: Path, part: str, prefix: str) -> Split:
    paths = {kind: _file(folder, f"{prefix}-{kind}", axes) for kind, (_, axes) in KINDS.items()}
    images, labels = (read_idx(path, *KINDS[kind]) for kind, path in paths.items())
    if len(images) != len(labels) or not len(labels) or labels.max() > 9:
        raise DataError(
            f"{paths['labels']}: expected a digit 0..9 for each of {len(images):,} images, got "
            f"{len(labels):,} labels up to {labels.max(initial=0)}"
        )
    names = tuple(map(str, range(10)))
    return Split(part, images[..., None], labels.astype(np.int64), names)


def _file(folder: Path, stem: str, axes: int) -> Path:
    names = [f"{stem}{joint}idx{axes}-ubyte{end}" for joint in "-." for end in ("", ".gz")]
    for name in names:
        if os.path.isfile(folder / name):
            return folder / name
    raise DataError(f"{folder}: expected {names[0]} or {names[1]}, got neither. ({INFO.source})")


def _find(root: Path | None) -> Path:
    if root is None:
        import platformdirs

        places = [os.environ.get("ZOO_DATA"), platformdirs.user_data_path("zoo")]
        bases = [Path(place).expanduser() for place in places if place]
    else:
        bases = [root.parent if os.path.isfile(root) else root]
    for base in bases:
        for folder in (base, base / "mnist"):
            if os.path.isdir(folder) and any(folder.glob("train-images?idx3-ubyte*")):
                return folder
    raise DataError(
        "mnist: expected train-images-idx3-ubyte.gz and the three files beside it in "
        f"{' or '.join(map(str, bases))} or in a folder mnist there. Fetch them ({INFO.source}) "
        "and pass root=, or set ZOO_DATA"
    )
