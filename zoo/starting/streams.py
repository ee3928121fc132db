"""Streams that can be written, whatever the shell or the program has closed."""

import contextlib
import io
import os
import sys


def ensure_streams() -> None:
    """Open what is closed of the standard streams.

    A shell closes streams by `>&-`, a service has none, and a program may close its own. Then the
    next file that is opened gets the number of the stream, and TensorFlow's C++ code writes its
    notes into that file. What is written to a stream that was closed is dropped.

    Example:
        >>> ensure_streams()
    """
    with contextlib.suppress(OSError):  # no file can be opened
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def write_every_letter() -> None:
    """Let standard output and error write letters that their encoding lacks with a backslash.

    Example:
        >>> write_every_letter()
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
