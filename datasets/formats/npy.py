"""NumPy's `.npy` files of bytes, read so that no file can do harm."""

from __future__ import annotations

import math
from typing import IO

import numpy as np

from zoo.datasets.files.checks import as_data_errors, data_error


def read_npy(file: IO[bytes], where: str, most: int) -> np.ndarray:
    """Read an array of uint8 of at most `most` bytes; nothing in the file is unpickled.

    A DataError that names the file `where` says that it is damaged, of another kind, or too large.
    """
    with as_data_errors(where, "be a readable npy file"):
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, dtype = read_header(file)
        size = math.prod(shape)
        if dtype != np.uint8 or by_columns or size > most:
            expected = f"be uint8, row by row, of at most {most:,} bytes"
            raise data_error(where, expected, f"{dtype} of the shape {shape}")
        content = file.read(size + 1)  # a small compressed file may give bytes without end
    if len(content) != size:
        received = "more" if len(content) > size else f"{len(content):,}"
        raise data_error(where, f"have {size:,} bytes after the header", received)
    return np.frombuffer(content, np.uint8).reshape(shape)
