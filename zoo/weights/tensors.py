"""The files of weights: safetensors, which hold numbers and nothing that could run."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError
from zoo.files import write_atomically
from zoo.text import first_line

if TYPE_CHECKING:  # `import zoo` does not load NumPy, so that it takes little time
    import numpy as np

SUFFIX = ".safetensors"

TYPES = ("F16", "F32", "U64")
"""The types of numbers that a file may have, as safetensors names them."""

_REMEDY = "Install the package again; do not use the file."


@dataclass(frozen=True)
class TensorFile:
    """A file of arrays of numbers, each with a name.

    Args:
        path: The file.
        sha256: The SHA-256 that the file must have.
    """

    path: Path
    sha256: str

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Read the shapes that the header declares: name of an array → its shape.

        Raises:
            DataError: The file is missing, or is no safetensors file.
        """
        with self._open() as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

    def read(self, check: Callable[[Mapping[str, tuple[int, ...]]], None]) -> dict[str, np.ndarray]:
        """Read the arrays, after the file was compared with its SHA-256 and the header was checked.

        Args:
            check: Called with the shapes that the header declares, name of an array → its shape,
                before any array is read. It raises an error about shapes that do not fit.

        Returns:
            Name of an array → the array.

        Raises:
            DataError: The file is missing, is not the file of the SHA-256, or has arrays of other
                types than `TYPES`.
        """
        self._check_sha256()
        with self._open() as file:
            headers = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            if foreign := {header.get_dtype() for header in headers.values()} - {*TYPES}:
                raise DataError(
                    f"{self.path.name} must have arrays of {', '.join(TYPES)} only. Received: "
                    f"{', '.join(sorted(foreign))}. {_REMEDY}"
                )
            check({name: tuple(header.get_shape()) for name, header in headers.items()})
            return {name: file.get_tensor(name) for name in headers}

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file with the library, whose errors become a `DataError`."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="numpy") as file:
                yield file
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{self.path.name} must be a safetensors file. Received: {self.path}, "
                f"{first_line(error)}. {_REMEDY}"
            ) from error

    def check_names(self, names: Iterable[str], expected: Iterable[str]) -> None:
        """Refuse a file that lacks an array, or has an array too many.

        Args:
            names: The names of the arrays in the file.
            expected: The names that it must have.

        Raises:
            DataError: The names are others.
        """
        known = {*names}
        for name in sorted(known ^ {*expected}):
            raise DataError(
                f"{self.path.name} must have the arrays of the model, and no others. Received: "
                f"{name if name in known else f'no {name}'}. {_REMEDY}"
            )

    def _check_sha256(self) -> None:
        try:
            with open(self.path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(
                f"The weights must be in {self.path}. Received: {error.strerror}. Install the "
                "package again."
            ) from error
        if found != self.sha256:
            raise DataError(
                f"{self.path.name} must have the SHA-256 {self.sha256}, which its paper names. "
                f"Received: {found}, so {self.path} is damaged or was changed. {_REMEDY}"
            )


def write_tensors(path: Path, arrays: Mapping[str, Any]) -> TensorFile:
    """Write arrays as a safetensors file.

    Args:
        path: The file.
        arrays: Name of an array → the array.

    Returns:
        The file, with its SHA-256.
    """
    import numpy as np
    from safetensors.numpy import save

    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return TensorFile(path, hashlib.sha256(content).hexdigest())
