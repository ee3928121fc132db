"""Ctrl-C while the command `zoo` starts: one line and exit code 130 instead of a traceback.

The imports of a command take some tenths of a second, before the command can handle anything. So
`import zoo` begins with `end_at_interrupt`, which does something in the process of a command only.
The command calls `raise_at_interrupt` as soon as it handles a `KeyboardInterrupt` itself.
"""

import os
import signal
import sys
from itertools import pairwise

STOPPED = "stopped"
"""The line that a command prints at Ctrl-C."""

EXIT_CODE = 130
"""The exit code of a command that Ctrl-C ended, as shells give it."""

MODULES = ("zoo", "zoo.ensembles.evaluate")
"""The modules that are a command after `python -m`."""

command_runs = False
"""Whether this process runs a command, which handles Ctrl-C itself by now."""


def is_command() -> bool:
    """Whether this process runs the command `zoo`, or `python -m` with one of `MODULES`.

    Example:
        >>> is_command()
        False
    """
    if sys.argv[:1] == ["-m"]:  # while Python looks for the module
        return any(
            f"-m {name}" == " ".join(pair) for pair in pairwise(sys.orig_argv) for name in MODULES
        )
    return os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0] == "zoo"


def end_at_interrupt() -> None:
    """Let Ctrl-C end the process of a command at once; other processes stay as they are.

    Example:
        >>> end_at_interrupt()
        >>> signal.getsignal(signal.SIGINT) is _end
        False
    """
    # A program whose parent ignores Ctrl-C ignores Ctrl-C too.
    if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_at_interrupt() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, if `end_at_interrupt` changed that."""
    global command_runs
    if signal.getsignal(signal.SIGINT) is _end:
        command_runs = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_at_next_interrupt() -> None:
    """Let the next Ctrl-C end the process of a command at once, while the command already ends."""
    if command_runs:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end(number: int, frame: object) -> None:
    """Handle the signal. No exception is raised, which an import could catch or print."""
    os.write(2, f"{STOPPED}\n".encode())
    os._exit(EXIT_CODE)
