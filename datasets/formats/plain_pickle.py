"""CIFAR-10's Python batches, read without running anything that a pickle may ask for.

A pickle is a program for a machine with a stack. This machine knows the steps that build lists,
tuples, dictionaries, numbers, text and bytes; and where a pickle calls one of the functions that
arrays are made with, it keeps what the call was, from which the array is made afterwards.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from zoo.datasets.files.tree import say
from zoo.errors import DataError

MOST_STEPS = 200_000
"""A batch of 10,000 images with labels and file names takes some 50,000."""

_FUNCTIONS = {
    "numpy": ("ndarray", "dtype"),
    "numpy.core.multiarray": ("_reconstruct",),
    "numpy._core.multiarray": ("_reconstruct",),
    "numpy.core.numeric": ("_frombuffer",),
    "numpy._core.numeric": ("_frombuffer",),
    "_codecs": ("encode",),
}
"""What a pickle may name, by module."""

_MARK = object()


class _Named(NamedTuple):
    """A function or class."""

    name: str


class _Call:
    """What was called, with what, and which state was set afterwards."""

    def __init__(self, name: str, arguments: Any) -> None:
        self.name, self.arguments, self.state = name, arguments, None


def load_batch(content: bytes, where: str) -> dict[str, Any]:
    """Read a pickled dictionary of lists, text and uint8 arrays.

    Args:
        content: The pickle, as Python 2 or 3 wrote it.
        where: What to call it in errors.

    Returns:
        The dictionary with text for keys; its arrays as NumPy's.

    Raises:
        DataError: It is damaged, or holds or calls something else.

    Example:
        >>> import pickle
        >>> batch = {"data": np.zeros((2, 3), "uint8"), "labels": [0, 1]}
        >>> load_batch(pickle.dumps(batch), "a")["data"].shape
        (2, 3)
    """
    try:
        found = _run(content)
        if not isinstance(found, dict):
            raise ValueError(f"{type(found).__name__} for a dictionary")
        # One array may stand under many keys.
        calls = {id(value): value for value in found.values() if isinstance(value, _Call)}
        arrays = {number: _array(call) for number, call in calls.items()}
        return {key: arrays.get(id(value), value) for key, value in found.items()}
    # What a damaged pickle makes of the stack is one of many built-in errors.
    except Exception as error:
        raise DataError(
            f"{where}: expected a batch of images as Python writes it, got {say(error)}; "
            "fetch it again"
        ) from error


def _run(content: bytes) -> Any:
    """The object that a pickle builds, with `_Call`s in it."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    argument: Any

    def since_mark() -> list[Any]:
        place = len(stack) - 1
        while stack[place] is not _MARK:
            place -= 1
        items = stack[place + 1 :]
        del stack[place:]
        return items

    for count, (step, argument, _) in enumerate(pickletools.genops(content)):
        if count > MOST_STEPS:
            raise ValueError("more steps than a batch needs")
        name = step.name
        if name in _CONSTANTS:
            stack.append(argument)
        elif name in _VALUES:
            stack.append(_VALUES[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("LIST", "TUPLE"):
            stack.append({"LIST": list, "TUPLE": tuple}[name](since_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            size = int(name[-1])
            stack[-size:] = [tuple(stack[-size:])]
        elif name == "APPEND":
            item = stack.pop()
            _list(stack[-1]).append(item)
        elif name == "APPENDS":
            items = since_mark()
            _list(stack[-1]).extend(items)
        elif name == "DICT":
            stack.append(_updated({}, since_mark()))
        elif name == "SETITEM":
            items = [stack.pop(), stack.pop()]
            _updated(stack[-1], items[::-1])
        elif name == "SETITEMS":
            items = since_mark()
            _updated(stack[-1], items)
        elif name == "GLOBAL":
            stack.append(_named(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            stack[-2:] = [_named(*stack[-2:])]
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_called(stack.pop(), arguments))
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], _Call):
                raise TypeError(f"the state of {type(stack[-1]).__name__}")
            stack[-1].state = state
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"the step {name}, which arrays do not need")
    raise EOFError("an end too soon")


_CONSTANTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BYTEARRAY8", "FLOAT"),
    "BINFLOAT",
}
_VALUES: dict[str, Callable[[], Any]] = {
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError(f"{type(found).__name__} for a list")
    return found


def _updated(found: Any, items: list[Any]) -> dict[str, Any]:
    """Keys are text: the hash of tuples in tuples in tuples takes for ever."""
    if not isinstance(found, dict):
        raise TypeError(f"{type(found).__name__} for a dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        text = key.decode("latin1") if isinstance(key, bytes) else key
        if not isinstance(text, str):
            raise TypeError(f"{type(text).__name__} for a key")
        found[text] = value
    return found


def _named(module: Any, name: Any) -> _Named:
    if not (isinstance(module, str) and isinstance(name, str)):
        raise TypeError(f"a name of {type(module).__name__} and {type(name).__name__}")
    if name not in _FUNCTIONS.get(module, ()):
        raise ValueError(f"it names {module}.{name}, which arrays do not need")
    return _Named(name)


def _called(function: Any, arguments: Any) -> Any:
    if not (isinstance(function, _Named) and isinstance(arguments, tuple)):
        raise TypeError(f"a call of {type(function).__name__}")
    if function.name != "encode":
        return _Call(function.name, arguments)
    # How Python 3 writes bytes for Python 2. Not now, since many may share one long text.
    text, *encoding = arguments
    if not isinstance(text, str) or encoding != ["latin1"]:
        raise ValueError("text in another encoding than latin1")
    return text


def _array(call: _Call) -> np.ndarray:
    """The array that a pickle describes."""
    if call.name == "_frombuffer":  # as protocol 5 has it
        content, dtype, shape, order = call.arguments
        by_columns = order == "F"
    else:
        _, shape, dtype, by_columns, content = call.state  # type: ignore[misc]
    if isinstance(content, str):
        content = content.encode("latin1")
    fits = (
        call.name in ("_reconstruct", "_frombuffer")
        and isinstance(content, bytes | bytearray)
        and isinstance(dtype, _Call)
        and dtype.name == "dtype"
        and dtype.arguments[0] in ("u1", "uint8")
        and isinstance(shape, tuple)
        and all(type(side) is int for side in shape)
    )
    if not fits:
        raise ValueError("another kind of array than uint8")
    order = "F" if by_columns else "C"
    return np.frombuffer(bytes(content), np.uint8).reshape(shape, order=order)  # type: ignore[call-overload]
