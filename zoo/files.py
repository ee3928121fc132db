"""Writing files so that a crash cannot spoil what was there before."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import RunError


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file whole or not at all.

    The file is written beside its place, flushed to the disk, and moved there in one step, so
    a crash leaves the old file as it was.

    Args:
        path: Where the file shall stand. Missing folders are made.
        write: Called with the temporary path, which has the same suffix.

    Returns:
        The path.

    Raises:
        RunError: The file system refused.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomically(folder / "a.txt", lambda path: path.write_text("hello")).read_text()
        'hello'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise RunError(f"{path} could not be written, and is as it was before: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _sync_folder(folder: Path) -> None:
    """Bring a move within a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
