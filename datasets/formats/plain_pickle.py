"""CIFAR-10's Python batches, read without running anything that a pickle may ask for.

A pickle is a program: it can call any function by its name. Here Python's own `pickle.Unpickler`
runs it, with two precautions. Its steps are counted first, since a short program can ask for
endless work. And where it names the functions that make NumPy arrays, it gets functions of this
module instead, which note what they were given; every other name ends the reading.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.datasets.files.checks import as_data_errors

MOST_STEPS = 200_000  # a batch of 10,000 images with labels and file names takes some 50,000
# The most steps that repeat an object, that make a tuple, and that do something else. Tuples that
# hold each other twice, or that lie deep within each other, have a hash that takes for ever, or
# more than the stack. 20 repetitions can multiply work by 3^7 at most.
_MOST = {"repeating": 20, "tuple": 1_000, "other": MOST_STEPS}
_FAMILIES = {
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET", "DUP"), "repeating"),
    **dict.fromkeys(("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), "tuple"),
}


def load_batch(content: bytes, where: str) -> dict[str, Any]:
    """Read a pickled dictionary of lists, text and uint8 arrays, as Python 2 or 3 wrote it.

    The keys become text. A DataError says that the pickle is damaged, or holds or calls anything
    else.
    """
    with as_data_errors(where, "be a batch of images as Python writes it"):
        _check_steps(content)
        found = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise TypeError(f"{type(found).__name__} for a dictionary")
        return {
            key if isinstance(key, str) else key.decode("latin1"): (
                value.array if isinstance(value, _Array) else value
            )
            for key, value in found.items()
        }


def _check_steps(content: bytes) -> None:
    """Refuse a pickle whose steps ask for more memory or time than a batch needs."""
    counts: Counter[str] = Counter()
    for step, argument, _ in pickletools.genops(content):
        family = _FAMILIES.get(step.name, "other")
        counts[family] += 1
        if counts[family] > _MOST[family]:
            raise ValueError(f"more {family} steps than a batch needs")
        # The memory of the machine is as long as the largest number that something is put under.
        if step.name.endswith("PUT") and (argument or 0) > MOST_STEPS:
            raise ValueError("a larger memory than a batch needs")


class _BatchUnpickler(pickle.Unpickler):
    """Python's unpickler, which knows only the functions below."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            function = _FUNCTIONS[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise ValueError(f"it names {module}.{name}, which arrays do not need") from None
        # A new function each time: a pickle can change attributes of what it names.
        return lambda *arguments: function(*arguments)


class _Dtype:
    """The type of an array's numbers, as a pickle describes it."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.is_uint8 = name in (b"u1", "u1", "uint8")

    def __setstate__(self, state: Any) -> None:
        """Nothing to keep: bytes have no order and no fields."""


class _Array:
    """An array of bytes, as a pickle describes it."""

    array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        """Make the array out of what NumPy writes before protocol 5."""
        _, shape, dtype, by_columns, content = state
        self._fill(content, dtype, shape, "F" if by_columns else "C")

    def _fill(self, content: Any, dtype: Any, shape: Any, order: Any) -> None:
        is_bytes = isinstance(content, bytes | bytearray)
        if not (is_bytes and isinstance(dtype, _Dtype) and dtype.is_uint8):
            raise ValueError("another kind of array than uint8")
        self.array = np.frombuffer(content, np.uint8).reshape(shape, order=order)


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """Make the array out of what NumPy writes in protocol 5."""
    array = _Array()
    array._fill(content, dtype, shape, order)
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Take bytes as Python 3 writes them for Python 2: as text."""
    if encoding != "latin1":
        raise ValueError("text in another encoding than latin1")
    return text.encode("latin1")


# What stands for the functions that a batch names, by module and name.
_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): lambda *arguments: None,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): lambda *arguments: _Array(),
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}
