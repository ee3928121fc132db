"""CIFAR-10's Python batches, read without running anything that a pickle may ask for.

A pickle is a program. This one may build containers, numbers, text, and uint8 arrays; where it
names NumPy's functions it gets descriptions, from which the array is made afterwards.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np

from zoo.datasets.tree import say
from zoo.errors import DataError

MOST_OPERATIONS = 200_000
"""A batch of 10,000 images with labels and file names takes some 50,000."""


class _Named:
    """What a pickle called or set, and with what."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Array(_Named):
    """A NumPy array's description."""


class _DType(_Named):
    """A NumPy dtype's description."""


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """How protocol 5 writes an array."""
    if not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError("an array of something else than bytes")
    array = _Array()
    array.state = (1, shape, dtype, order == "F", bytes(content))
    return array


class _NDArray:
    """Stands for `numpy.ndarray` where that is only named."""


def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    """How Python 3 writes bytes into an old protocol."""
    if not (isinstance(text, str) and encoding == "latin1"):
        raise pickle.UnpicklingError("only text in latin1 is encoded")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _NDArray,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which arrays do not need"
            ) from None


def load_batch(content: bytes, where: str) -> dict[Any, Any]:
    """Read a pickled dictionary of lists, text and uint8 arrays.

    Args:
        content: The pickle, as Python 2 or 3 wrote it.
        where: What to call it in errors.

    Returns:
        The dictionary; its text keys as str, its arrays as NumPy's.

    Raises:
        DataError: It is damaged, or holds or calls something else.

    Example:
        >>> batch = {"data": np.zeros((2, 3), "uint8"), "labels": [0, 1]}
        >>> load_batch(pickle.dumps(batch), "a")["data"].shape
        (2, 3)
    """
    try:
        _check_operations(content)
        found = _Unpickler(io.BytesIO(content), encoding="latin1").load()
    # What a damaged pickle makes of the interpreter's stack is every built-in error there is.
    except Exception as error:
        raise DataError(
            f"{where}: expected a batch of images as Python writes it, got {say(error)}; "
            "fetch it again"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: expected a dictionary, got {type(found).__name__}")
    return {
        key: _array(value, where) if isinstance(value, _Array) else value
        for key, value in found.items()
    }


def _check_operations(content: bytes) -> None:
    """Refuse what would take memory or time without bound before it comes to an object.

    The unpickler makes room for as many remembered objects as the highest number says.
    """
    for count, (_, argument, _) in enumerate(pickletools.genops(content)):
        number = argument if isinstance(argument, int) else 0
        if count > MOST_OPERATIONS or number > max(len(content), MOST_OPERATIONS):
            raise pickle.UnpicklingError("more operations or larger numbers than a batch needs")


def _array(described: _Array, where: str) -> np.ndarray:
    try:
        _, shape, dtype, by_columns, content = described.state
        if isinstance(content, str):
            content = content.encode("latin1")
        fits = (
            isinstance(dtype, _DType)
            and dtype.arguments[0] in ("u1", "uint8")
            and isinstance(content, bytes)
            and by_columns in (False, True, 0, 1)
        )
        if not fits:
            raise ValueError("another kind of array")
        order = "F" if by_columns else "C"
        return np.frombuffer(content, np.uint8).reshape(shape, order=order)  # type: ignore[call-overload]
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise DataError(
            f"{where}: expected an array of uint8, got {error}; fetch it again"
        ) from error
