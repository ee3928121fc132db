"""What commands print, in lines that break between words, and how TensorFlow starts.

Where a command does not write to a terminal, but into a pipe or a file, a text is one line, however
long, and a table is as wide as its cells are.
"""

import contextlib
import copy
import errno
import io
import logging
import os
import re
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cyclopts.help import DefaultFormatter
from cyclopts.help.specs import DescriptionRenderer, NameRenderer
from rich.console import Console, RenderableType

from zoo.starting.start_up_notes import without_start_up_notes
from zoo.text import as_plain_text, terminal_text, without_tracebacks, wrapped

WRONG = 2
"""The exit code of wrong use, and of errors that Zoo raises on purpose."""

CLOSED = 141
"""The exit code of a program that writes to a pipe that nobody reads."""

ANY_WIDTH = 100_000
"""The number of columns of a pipe or a file: more than any table needs."""


def print_text(text: str) -> None:
    """Print a text as it is: nothing is taken for markup."""
    _print_words(Console(), text)


def standard_output(least: int = 0) -> Console:
    """Make the console for standard output: as wide as the terminal, or wide enough for all.

    Args:
        least: The number of columns that a terminal has at least: a terminal with fewer columns
            breaks the lines itself.
    """
    console = Console()
    return Console(width=max(console.width, least) if console.is_terminal else ANY_WIDTH)


def print_table(table: RenderableType, *, least: int = 0) -> None:
    """Print a table or a report. A word that is longer than a line of the terminal is kept.

    Args:
        table: What rich can print.
        least: As for `standard_output`.
    """
    standard_output(least).print(table, crop=False)


def print_error(message: str) -> None:
    """Print a message as one red line on standard error. Tracebacks follow line by line."""
    message, details = without_tracebacks(message)
    _print_line(" ".join(message.split()), "red")
    if details:
        lines = terminal_text(details.strip("\n"))
        Console(stderr=True).print(lines, soft_wrap=True, highlight=False)


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

    What Zoo logs, by the logger `zoo`, is printed too. The same line is printed once.

    Args:
        write: Writes the text of a warning in the words of the command line.
    """
    printed: set[str] = set()

    def print_once(message: object) -> None:
        note = write(f"Note: {message}")
        if note not in printed:
            printed.add(note)
            print_note(note)

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, (UserWarning, RuntimeWarning)):
            print_once(message)

    log, handler = logging.getLogger("zoo"), logging.Handler(logging.WARNING)
    handler.emit = lambda record: print_once(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        log.removeHandler(handler)


@contextlib.contextmanager
def errors_of_output() -> Iterator[None]:
    """Within this context, an output that cannot be written ends the command without a traceback.

    The reader of a pipe, such as `head`, may have enough and close the pipe; the disk of a file may
    be full. After the context, all that was printed has been written.

    Raises:
        SystemExit: The output cannot be written. The exit code is `CLOSED` if nobody reads it any
            more, and else `WRONG`, after a message.
    """
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as error:
        # Rich ends the program if it finds a pipe closed.
        fault = error.__context__ if isinstance(error, SystemExit) else error
        if isinstance(fault, BrokenPipeError):
            _drop(sys.stdout)
            _drop(sys.stderr)
            raise SystemExit(CLOSED) from None
        if not (isinstance(error, OSError) and _is_of_a_stream(error)):
            raise
        _drop(sys.stdout)
        try:
            print_error(
                f"Standard output must be writable. Received: {error.strerror}. Free disk space, "
                "or send the output to another place."
            )
        except OSError:  # it is standard error that cannot be written
            _drop(sys.stderr)
        raise SystemExit(WRONG) from error


def _is_of_a_stream(error: OSError) -> bool:
    """Whether the text of an error does not name a file, and says that nothing can be written."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    return error.errno in numbers and error.filename is None


def _drop(stream: Any) -> None:
    """Send to nowhere what a stream has still to write, so that Python does not try at the end."""
    with contextlib.suppress(OSError):  # a stream without a file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def print_note(text: str) -> None:
    """Print a note as one yellow line on standard error."""
    _print_line(text, "yellow")


def _print_line(text: str, style: str) -> None:
    _print_words(Console(stderr=True), text, style)


def _print_words(console: Console, text: str, style: str = "", *, indent: str = "") -> None:
    """Print a text in lines that break between words, if they are read on a terminal."""
    if console.is_terminal:
        text = wrapped(text, console.width, indent=indent)
    console.print(terminal_text(text, style=style), highlight=False, soft_wrap=True)


def _tensorboard() -> str:
    """TensorBoard's command, also where the environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    return shlex.quote(os.path.relpath(Path(sys.executable).with_name("tensorboard")))


class HelpFormatter(DefaultFormatter):
    """The help in boxes, and as a list where the terminal is too narrow for the words in a box."""

    def __call__(self, console: Console, options: Any, panel: Any) -> None:
        """Print the box, or the list, of a group of options."""
        if self._words_in_box(panel, console.width) <= self._words_in_box(panel, 1000):
            super().__call__(console, options, panel)
            return
        _print_words(console, panel.title, "bold")
        for entry in panel.entries:
            _print_words(console, str(NameRenderer()(entry)))
            text = as_plain_text(DescriptionRenderer()(entry), 10_000)
            _print_words(console, text, indent="  ")
        console.print()

    def _words_in_box(self, panel: Any, width: int) -> set[str]:
        """Give the words, and the parts of broken words, in the box of a group of options."""
        console = Console(file=io.StringIO(), width=width, color_system=None)
        # Drawing adds the defaults to the descriptions.
        console.print(self._render_panel(copy.deepcopy(panel), console, console.options))
        return set(re.sub("[│╭╮╰╯─]", " ", console.file.getvalue()).split())  # type: ignore[attr-defined]
