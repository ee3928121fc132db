"""Reading files that Zoo wrote, with errors that name the file and say what to do."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from zoo.errors import RunError, ZooError


def open_plain(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading. A pipe or a device, which may never end, is not opened.

    Args:
        path: The file.

    Raises:
        OSError: The file does not exist, is no plain file, or cannot be read.

    Example:
        >>> open_plain(os.devnull)
        Traceback (most recent call last):
        OSError: it is a pipe, a device or a folder
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is a pipe, a device or a folder")
    return open(path, "rb")


def read_json(path: str | os.PathLike[str], remedy: str) -> dict[str, Any]:
    """Read a JSON object that Zoo wrote.

    Args:
        path: The file.
        remedy: What to do if the file is damaged, as a sentence.

    Returns:
        The values of the object.

    Raises:
        RunError: The file is damaged, or cannot be read.
        FileNotFoundError: There is no file.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "run.json")
        >>> _ = file.write_text('{"status": "finished"}')
        >>> read_json(file, "Start the run anew.")
        {'status': 'finished'}
    """
    try:
        with open_plain(path) as file:
            values = json.loads(file.read().decode("utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise damaged_file(path, error, remedy) from error
    if not isinstance(values, dict):
        raise damaged_file(path, "it is no JSON object", remedy)
    return values


@contextlib.contextmanager
def values_of_file(path: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Turn the errors of using values that Zoo did not write into an error that names their file.

    Args:
        path: The file that the values were read from.
        remedy: What to do if the file is damaged, as a sentence.

    Raises:
        RunError: The values are missing, or of another type.

    Example:
        >>> with values_of_file("run.json", "Start anew."):
        ...     {"epoch": None}["epoch"] + 1
        Traceback (most recent call last):
        zoo.errors.RunError: run.json must be as Zoo wrote it. Received: run.json, which is \
damaged (TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'). Start anew.
    """
    try:
        yield
    except (
        *(LookupError, TypeError, ValueError, AttributeError, RecursionError),
        ArithmeticError,  # a number that is too large
    ) as error:
        if isinstance(error, ZooError):
            raise
        raise damaged_file(path, f"{type(error).__name__}: {error}", remedy) from error


def damaged_file(path: str | os.PathLike[str], reason: object, remedy: str) -> RunError:
    """Make the error for a file that is not as Zoo wrote it.

    Example:
        >>> str(damaged_file("run.json", "it is empty", "Start anew."))
        'run.json must be as Zoo wrote it. Received: run.json, which is damaged (it is empty). \
Start anew.'
    """
    return RunError(
        f"{Path(path).name} must be as Zoo wrote it. Received: {path}, which is damaged "
        f"({reason}). {remedy}"
    )
