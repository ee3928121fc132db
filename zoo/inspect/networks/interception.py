"""Changes of how Keras runs layers, for the time of a `with` block and for the own thread only.

Keras runs each layer and each operation through `keras.Operation.__call__`, also inside nested and
subclassed models, and asks each layer for its `compute_dtype`. Both are replaced while a block of
`observed_calls` or `in_float32` is open in some thread, and restored when the last block ends, also
after an error. Threads that opened no block run as before. No layer and no model is changed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

Observer = Callable[[Any, Any], None]
"""A function of a layer or operation, and of the output of its call."""

_OBSERVERS: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())
_IN_FLOAT32: ContextVar[bool] = ContextVar("in_float32", default=False)
_LOCK = threading.Lock()
_OPEN_BLOCKS = 0
_ORIGINALS: dict[str, Any] = {}


@contextmanager
def observed_calls(observer: Observer) -> Iterator[None]:
    """Call a function after each call of a layer or operation of Keras in the block.

    Args:
        observer: Takes the `keras.Operation`, which may be a layer, and its output. Inside a
            `tf.function` the outputs are tensors of its graph.

    Example:
        >>> names = []
        >>> layer = keras.layers.ReLU(name="rectified")
        >>> with observed_calls(lambda operation, output: names.append(operation.name)):
        ...     output = layer(keras.ops.zeros((1, 2)))
        >>> names
        ['rectified']
    """
    with _replaced():
        token = _OBSERVERS.set((*_OBSERVERS.get(), observer))
        try:
            yield
        finally:
            _OBSERVERS.reset(token)


@contextmanager
def in_float32() -> Iterator[None]:
    """Run layers in the block in float32, although their policy is of half precision.

    Weights are float32 under the mixed policies of Keras, so that nothing has to be converted.
    Layers of other policies run as before.

    Example:
        >>> layer = keras.layers.Dense(1, dtype="mixed_bfloat16")
        >>> with in_float32():
        ...     layer.compute_dtype
        'float32'
        >>> layer.compute_dtype
        'bfloat16'
    """
    with _replaced():
        token = _IN_FLOAT32.set(True)
        try:
            yield
        finally:
            _IN_FLOAT32.reset(token)


@contextmanager
def _replaced() -> Iterator[None]:
    """Replace the two attributes of Keras's classes while a block is open in any thread."""
    global _OPEN_BLOCKS
    with _LOCK:
        if not _OPEN_BLOCKS:
            _ORIGINALS.update(
                call=keras.Operation.__call__, compute_dtype=keras.Layer.compute_dtype
            )
            keras.Operation.__call__ = _observing(keras.Operation.__call__)
            keras.Layer.compute_dtype = _without_half_precision(keras.Layer.compute_dtype)
        _OPEN_BLOCKS += 1
    try:
        yield
    finally:
        with _LOCK:
            _OPEN_BLOCKS -= 1
            if not _OPEN_BLOCKS:
                keras.Operation.__call__ = _ORIGINALS["call"]
                keras.Layer.compute_dtype = _ORIGINALS["compute_dtype"]


def _observing(call: Any) -> Any:
    """Make a `__call__` that tells the observers of the thread about each output."""

    def observed(operation: Any, *arguments: Any, **keywords: Any) -> Any:
        output = call(operation, *arguments, **keywords)
        for observer in _OBSERVERS.get():
            observer(operation, output)
        return output

    return observed


def _without_half_precision(compute_dtype: Any) -> Any:
    """Make a property that names float32 in place of float16 and bfloat16."""

    def name(layer: Any) -> Any:
        dtype = compute_dtype.fget(layer)
        return "float32" if _IN_FLOAT32.get() and dtype in ("float16", "bfloat16") else dtype

    return property(name)
