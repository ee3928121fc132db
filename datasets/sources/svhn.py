"""SVHN: house numbers of 32×32, cropped to one digit.

Source: Y. Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning",
2011. MATLAB files with `X`, uint8 [32, 32, 3, n], and `y`, [n, 1], where 10 stands for the digit 0.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.files.checks import data_error
from zoo.datasets.formats.matlab import read_arrays
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split


def _remote_file(part: str, size: int, checksum: str) -> RemoteFile:
    url = f"http://ufldl.stanford.edu/housenumbers/{part}_32x32.mat"
    return RemoteFile(f"{part}_32x32.mat", (url,), size, checksum, part)


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
    remote_files=(
        _remote_file("train", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"),
        _remote_file("test", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"),
        _remote_file("extra", 1_329_278_602, "a93ce644f1a588dc4d68dda5feec44a7"),
    ),
)

CLASS_NAMES = tuple("0123456789")

PIXELS = 32 * 32 * 3
# The largest file that is read, and the most pixels; `extra` has 1.6 thousand million.
MAX_BYTES = 2**31


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the parts "train", "test" and "extra" of SVHN's cropped digits ("format 2")."""
    tree, splits = request.tree, {}
    for part in request.parts:
        name = f"{part}_32x32.mat"
        with tree.open(name, MAX_BYTES) as file:
            images, labels = read_mat(file, f"{name} in {tree.path}")
        splits[part] = request.split(part, images, labels, CLASS_NAMES)
    return splits


def read_mat(file: BinaryIO, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and digits of one MATLAB file; `where` is the file's name in messages.

    Returns images uint8 [n, 32, 32, 3], a view with MATLAB's order of axes in memory, and digits
    int64 [n].
    """
    found = read_arrays(file, where, {"X": MAX_BYTES, "y": 8 * MAX_BYTES // PIXELS})
    if found.keys() != {"X", "y"}:
        raise data_error(where, "hold X and y", " and ".join(found) or "neither of them")
    images, labels = found["X"], found["y"].ravel()
    if images.dtype != np.uint8 or images.shape[:-1] != (32, 32, 3) or images.ndim != 4:
        received = f"{images.dtype} {list(images.shape)}"
        raise data_error(f"X of {where}", "be uint8 [32, 32, 3, n]", received)
    count = images.shape[-1]
    if not count or found["y"].shape != (count, 1):
        raise data_error(f"y of {where}", f"be [{count}, 1]", list(found["y"].shape))
    if not np.isin(labels, np.arange(1, 11)).all():
        received = np.unique(labels)[:12].tolist()
        raise data_error(f"y of {where}", "be labels 1..10 (10 for the digit 0)", received)
    return images.transpose(3, 0, 1, 2), labels.astype(np.int64) % 10
