"""Arrays and JSON values in one file or message, in NumPy's own form, without pickles."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:  # `import zoo` stays quick without NumPy
    import numpy as np

FACTS = "facts"


def write_packed(stream: IO[bytes], arrays: Mapping[str, np.ndarray], facts: Any) -> None:
    """Write arrays and JSON values into an open file.

    Args:
        stream: The file, open for writing bytes.
        arrays: Arrays by name.
        facts: JSON values.
    """
    import numpy as np

    contents: dict[str, Any] = {FACTS: np.array(json.dumps(facts)), **arrays}
    np.savez(stream, **contents)


def read_packed(
    stream: IO[bytes], names: Sequence[str] | None = None
) -> tuple[dict[str, np.ndarray], Any]:
    """Read what `write_packed` wrote.

    Args:
        stream: The file, open for reading bytes.
        names: The arrays to read; None reads all.

    Returns:
        The arrays and the JSON values.

    Raises:
        ValueError: The arrays take more bytes than the file, so `write_packed` did not write it.
            Nothing is unpacked.
    """
    import numpy as np

    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as file:
        unpacked = sum(member.file_size for member in file.zip.infolist())
        if unpacked > size:
            raise ValueError(f"it has {size:,} bytes, and would take {unpacked:,} in memory")
        keys = {*file.files} - {FACTS} if names is None else names
        return {key: file[key] for key in keys}, json.loads(str(file[FACTS]))


def pack(arrays: Mapping[str, np.ndarray], facts: Any = None) -> bytes:
    """Pack arrays and JSON values into bytes.

    Args:
        arrays: Arrays by name.
        facts: JSON values.

    Returns:
        The bytes, which are those of the file that `write_packed` writes.

    Example:
        >>> import numpy as np
        >>> unpack(pack({"weights": np.array([1.0, 2.0])}, {"epoch": 3}))
        ({'weights': array([1., 2.])}, {'epoch': 3})
    """
    stream = io.BytesIO()
    write_packed(stream, arrays, facts)
    return stream.getvalue()


def unpack(
    contents: bytes, names: Sequence[str] | None = None
) -> tuple[dict[str, np.ndarray], Any]:
    """Take the arrays and the JSON values from the bytes that `pack` made.

    Args:
        contents: The bytes.
        names: The arrays to read; None reads all.

    Returns:
        The arrays and the JSON values.
    """
    return read_packed(io.BytesIO(contents), names)
