"""What commands print, and how TensorFlow starts without its notes."""

import contextlib
import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text


def print_text(text: str) -> None:
    """Print a text as it is: nothing is taken for markup, and only the terminal breaks lines."""
    Console().print(text, highlight=False, markup=False, soft_wrap=True)


def print_error(message: str) -> None:
    """Print a message as one red line on standard error."""
    _print_note(" ".join(message.split()), "red")


def print_tensorboard(subject: str, folder: Path) -> None:
    """Print the command that shows in TensorBoard what `folder` holds: the `subject`."""
    print_text(f"{subject}: {_tensorboard()} --logdir {shlex.quote(str(folder))}")


def start_tensorflow(*, verbose: bool = True) -> None:
    """Import TensorFlow without its pages of start-up notes.

    `verbose` prints on standard error which device TensorFlow runs on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_standard_error():
        import tensorflow as tf

        gpus = tf.config.list_logical_devices("GPU")
    if verbose:
        device = f"{len(gpus)} GPU" if gpus else "the CPU"
        _print_note(f"TensorFlow {tf.__version__} on {device}", "")


@contextlib.contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Within this context, print warnings for the user as one line, and no other warnings."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        yield


def _show_warning(
    message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Print the text of a warning for the user, without the line of code that it comes from."""
    if issubclass(category, UserWarning):
        _print_note(f"Note: {message}", "yellow")


def _print_note(text: str, style: str) -> None:
    Console(stderr=True).print(Text(text, style=style), highlight=False, soft_wrap=True)


def _tensorboard() -> str:
    """TensorBoard's command, also where the environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    return shlex.quote(os.path.relpath(Path(sys.executable).with_name("tensorboard")))


@contextlib.contextmanager
def _without_standard_error() -> Iterator[None]:
    """Drop what C++ code writes on standard error; Python's own sys.stderr cannot catch that."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
