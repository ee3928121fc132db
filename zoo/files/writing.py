"""Writing files so that a crash cannot spoil the file that was there before, nor the work."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError, RunError
from zoo.files.disk_errors import is_error_of_disk
from zoo.files.temporary import sweep, temporary_name


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file whole or not at all.

    The contents go to a temporary file in the same folder, are flushed to the disk, and take the
    place of the old file in one step. A crash before that step leaves the old file as it was, and
    the temporary file, which the next write into the folder deletes. Several threads and processes
    may write the same file: the last one wins.

    Args:
        path: The file. Missing folders are made.
        write: A function that writes the contents to a path. The path is of a temporary file with
            the same suffix.

    Returns:
        The path of the file.

    Raises:
        RunError: The file cannot be written; the old file is unchanged.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomically(folder / "a.txt", lambda path: path.write_text("hello")).read_text()
        'hello'
    """
    path = Path(path)
    check_name(path)
    temporary = path.with_name(temporary_name(suffix=path.suffix))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except Exception as error:
        if not is_error_of_disk(error):
            raise
        raise RunError(
            f"{path} must be writable. Received: {str(error).partition(chr(10))[0]}. Name "
            "another file, or free disk space. The earlier file is unchanged."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def check_name(path: Path) -> None:
    """Check that a path can be the name of a file.

    Raises:
        RunError: The path has a character that no file name can have.

    Example:
        >>> check_name(Path("a.txt"))
    """
    try:
        if b"\0" not in os.fsencode(path):
            return
        fault = "a zero character"
    except UnicodeEncodeError:
        fault = "half of a character"
    raise RunError(
        f"The path of a file must be text that the system can write. Received: {str(path)!a}, "
        f"which has {fault} in it. Name another file."
    )


def check_suffix(name: str, path: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """Check that the path of a file ends in a suffix that can be written.

    Args:
        name: The name of the argument or option, for the message.
        path: The file.
        suffixes: The suffixes that the file may have, such as `[".json", ".md"]`.

    Returns:
        The path.

    Raises:
        ArgumentError: The file has another suffix.

    Example:
        >>> check_suffix("output", "report.pdf", [".json", ".md"])
        Traceback (most recent call last):
        zoo.errors.ArgumentError: output must end in .json or .md. Received: report.pdf. Rename it.
    """
    path = Path(path)
    if path.suffix not in suffixes:
        *others, last = suffixes
        known = f"{', '.join(others)} or {last}" if others else last
        raise ArgumentError(f"{name} must end in {known}. Received: {path}. Rename it.")
    return path


def check_writable(name: str, path: str | os.PathLike[str], suffixes: Sequence[str] = ()) -> Path:
    """Check before long work that the result of the work can be written. Nothing is made.

    Args:
        name: The name of the argument or option, for the message.
        path: The file, or the folder if there are no suffixes. Folders may be missing.
        suffixes: The suffixes that the file may have, such as `[".json", ".md"]`.

    Returns:
        The path.

    Raises:
        ArgumentError: The file has another suffix, or cannot be written.

    Example:
        >>> check_writable("output", "new folder/report.md", [".json", ".md"]).name
        'report.md'
    """
    path = check_suffix(name, path, suffixes) if suffixes else Path(path)
    full = path.expanduser().absolute()
    nearest = next(folder for folder in (full, *full.parents) if os.path.lexists(folder))
    fault = ""
    if suffixes and nearest == full:
        if os.path.isdir(full):
            fault = "which is a folder"
        elif not os.access(full.parent, os.W_OK | os.X_OK):
            fault = f"and files in {full.parent} must not be changed"
    elif not os.path.isdir(nearest):
        fault = f"where {nearest} is no folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        fault = f"and nothing can be written in {nearest}"
    else:
        fault = _fault_of_names(nearest, full.relative_to(nearest).parts)
    if fault:
        kind = "a file" if suffixes else "a folder"
        raise ArgumentError(
            f"{name} must be {kind} that can be written. Received: {path}, {fault}. Name another "
            "path."
        )
    return path


def _fault_of_names(folder: Path, names: Sequence[str]) -> str:
    """Say why no file in a folder can have one of these names; nothing if it can."""
    for name in names:
        try:
            os.lstat(folder / name)
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"of which the system says: {error.strerror}"
    return ""


@contextlib.contextmanager
def errors_as_warnings(what: str) -> Iterator[None]:
    """Turn any error into a warning, where what is written is for looking at.

    A picture that cannot be drawn must not cost the training that it belongs to.

    Args:
        what: The name of what is written.

    Example:
        >>> with errors_as_warnings("the picture"):
        ...     print("drawn")
        drawn
    """
    try:
        yield
    except Exception as error:
        warnings.warn(
            f"{what} could not be written ({type(error).__name__}: {error}). Everything else goes "
            "on.",
            RuntimeWarning,
            stacklevel=4,
        )


def _sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
