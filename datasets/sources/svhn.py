"""SVHN: house numbers of 32×32, cropped to one digit.

Source: Y. Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning",
2011. MATLAB files with `X`, uint8 [32, 32, 3, n], and `y`, [n, 1], where 10 stands for the digit 0.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.formats.matlab import read_arrays
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split
from zoo.errors import DataError

INFO = DatasetInfo(
    name="svhn",
    summary=(
        "99,289 house numbers, 32×32 colour, 10 classes; 73,257 to train, 26,032 to test, "
        "and 531,131 easier ones, extra"
    ),
    source="ufldl.stanford.edu/housenumbers",
    expected_files="train_32x32.mat and test_32x32.mat",
    markers=("*_32x32.mat",),
    archive_patterns=("svhn*",),
    file_pattern=r"(train|test|extra)_32x32\.mat",
    parts={"train": ("train",), "test": ("test",)},
    remote_files=tuple(
        RemoteFile(
            f"{part}_32x32.mat",
            (f"http://ufldl.stanford.edu/housenumbers/{part}_32x32.mat",),
            size,
            checksum,
            part,
        )
        for part, size, checksum in (
            ("train", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"),
            ("test", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"),
            ("extra", 1_329_278_602, "a93ce644f1a588dc4d68dda5feec44a7"),
        )
    ),
)

CLASS_NAMES = tuple("0123456789")

PIXELS = 32 * 32 * 3
MAX_BYTES = 2**31
"""The largest file that is read, and the most pixels; `extra` has 1.6 thousand million."""


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read SVHN from its cropped digits ("format 2").

    Args:
        request: The files; of the parts "train", "test" and "extra".

    Returns:
        The parts, images uint8 [n, 32, 32, 3] before the conversion; labels are the digits.

    Raises:
        DataError: A file is missing or damaged, or labels do not fit the images.
    """
    tree, splits = request.tree, {}
    for part in request.parts:
        name = f"{part}_32x32.mat"
        if name not in tree.sizes:
            raise DataError(
                f"{tree.path} must hold {name}. Received: no such file. Fetch it ({INFO.source})."
            )
        with tree.open(name, MAX_BYTES) as file:
            images, labels = read_mat(file, f"{name} in {tree.path}")
        splits[part] = request.split(part, images, labels, CLASS_NAMES)
    return splits


def read_mat(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and digits of one MATLAB file.

    Args:
        file: The open file, in the format of MATLAB 5 to 7.2.
        where: Name of the file in messages.

    Returns:
        Images uint8 [n, 32, 32, 3], a view with MATLAB's order of axes in memory, and digits
        int64 [n].

    Raises:
        DataError: The file is damaged or holds something else.
    """
    found = read_arrays(file, where, {"X": MAX_BYTES, "y": 8 * MAX_BYTES // PIXELS})
    if found.keys() != {"X", "y"}:
        raise DataError(
            f"{where} must hold X and y. Received: {' and '.join(found) or 'neither of them'}. "
            "Fetch it again."
        )
    images, labels = found["X"], found["y"].ravel()
    if images.dtype != np.uint8 or images.shape[:-1] != (32, 32, 3) or images.ndim != 4:
        raise DataError(
            f"X of {where} must be uint8 [32, 32, 3, n]. Received: {images.dtype} "
            f"{list(images.shape)}. Fetch it again."
        )
    if not len(labels) or found["y"].shape != (images.shape[-1], 1):
        raise DataError(
            f"y of {where} must be [{images.shape[-1]}, 1]. Received: {list(found['y'].shape)}. "
            "Fetch it again."
        )
    if not np.isin(labels, np.arange(1, 11)).all():
        raise DataError(
            f"y of {where} must be labels 1..10 (10 for the digit 0). Received: "
            f"{np.unique(labels)[:12].tolist()}. Fetch it again."
        )
    return images.transpose(3, 0, 1, 2), labels.astype(np.int64) % 10
