"""Starting TensorFlow quietly.

TensorFlow writes pages of notes on standard error when it is imported: which processor it found,
and which graphics card it did not find. They hide the messages that a user must read.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from zoo.starting.streams import ensure_streams

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The environment variable by which TensorFlow's C++ code chooses the messages that it writes."""

SILENT = "3"


def silence_tensorflow() -> None:
    """Let TensorFlow write no notes, unless the user has chosen a level in the environment."""
    os.environ.setdefault(LEVEL, SILENT)


@contextlib.contextmanager
def without_start_up_notes() -> Iterator[None]:
    """Drop what TensorFlow's C++ code writes on standard error while TensorFlow is imported.

    TensorFlow writes its first notes before it looks at the level in the environment. What Python
    code writes is not dropped, and nothing is dropped if TensorFlow is imported already, or if the
    user has chosen another level.

    Example:
        >>> with without_start_up_notes():
        ...     import tensorflow
    """
    if "tensorflow" in sys.modules or os.environ.get(LEVEL, SILENT) != SILENT:
        yield
        return
    silence_tensorflow()
    ensure_streams()
    sys.stderr.flush()
    # C++ code writes to the file with the number 2, and Python code to sys.stderr.
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        if _writes_to_2(sys.stderr):
            # Loggers that are made during the import keep this file, so it is never closed.
            file = open(os.dup(kept), "w", buffering=1, closefd=False)  # noqa: SIM115
            with contextlib.redirect_stderr(file):
                yield
        else:
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _writes_to_2(stream: Any) -> bool:
    """Whether a stream writes to the process's own standard error."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False
