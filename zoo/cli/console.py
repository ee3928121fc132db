"""What commands print, and how TensorFlow starts without its notes."""

import contextlib
import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from zoo.registry.start_up import without_start_up_notes


def print_text(text: str) -> None:
    """Print a text as it is: nothing is taken for markup, and only the terminal breaks lines."""
    Console().print(text, highlight=False, markup=False, soft_wrap=True)


def print_error(message: str) -> None:
    """Print a message as one red line on standard error."""
    _print_line(" ".join(message.split()), "red")


def print_tensorboard(subject: str, folder: Path) -> None:
    """Print the command that shows in TensorBoard what `folder` holds: the `subject`."""
    print_text(f"{subject}: {_tensorboard()} --logdir {shlex.quote(str(folder))}")


def start_tensorflow(*, verbose: bool = True) -> None:
    """Import TensorFlow without the notes that it prints when it starts.

    `verbose` prints on standard error which device TensorFlow runs on.
    """
    with without_start_up_notes():
        import tensorflow as tf

        gpus = tf.config.list_logical_devices("GPU")
    if verbose:
        device = f"{len(gpus)} GPU" if gpus else "the CPU"
        _print_line(f"TensorFlow {tf.__version__} on {device}", "")


@contextlib.contextmanager
def warnings_as_notes(write: Callable[[str], str]) -> Iterator[None]:
    """Within this context, print warnings for the user as one line, and no other warnings.

    Args:
        write: Writes the text of a warning in the words of the command line.
    """

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, (UserWarning, RuntimeWarning)):
            print_note(write(f"Note: {message}"))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def print_note(text: str) -> None:
    """Print a note as one yellow line on standard error."""
    _print_line(text, "yellow")


def _print_line(text: str, style: str) -> None:
    Console(stderr=True).print(Text(text, style=style), highlight=False, soft_wrap=True)


def _tensorboard() -> str:
    """TensorBoard's command, also where the environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    return shlex.quote(os.path.relpath(Path(sys.executable).with_name("tensorboard")))
