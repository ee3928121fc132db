"""Writing files so that a crash cannot spoil the file that was there before, nor the work."""

import contextlib
import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError, RunError


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file whole or not at all.

    The contents go to a temporary file in the same folder, are flushed to the disk, and take the
    place of the old file in one step. A crash before that step leaves the old file as it was.

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
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise RunError(
            f"{path} must be writable. Received: {error}. Name another file, or free disk space. "
            "The earlier file is unchanged."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


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
        values = json.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise damaged_file(path, error, remedy) from error
    if not isinstance(values, dict):
        raise damaged_file(path, "it is no JSON object", remedy)
    return values


def toml_text(table: Mapping[str, Any]) -> str:
    """Write a table as the text of a TOML file.

    Args:
        table: Texts, numbers, truth values, lists and tables. Values that are None are left out,
            since TOML has no None.

    Returns:
        The text, which `tomllib` reads as the same table.

    Example:
        >>> print(toml_text({"name": "vgg", "recipe": {"epochs": 3, "ema": None}}), end="")
        name = "vgg"
        <BLANKLINE>
        [recipe]
        epochs = 3
    """
    return "\n".join(_toml_sections(table, ())) + "\n"


def _toml_sections(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Write the values of a table, and then the tables in it with their headers."""
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    values = {key: value for key, value in table.items() if key not in tables and value is not None}
    if path and (values or not tables):
        yield f"\n[{'.'.join(map(_toml_key, path))}]"
    for key, value in values.items():
        yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in tables.items():
        yield from _toml_sections(value, (*path, key))


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{_toml_key(key)} = {_toml_value(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # inf, -inf and nan, which JSON writes otherwise
    # Texts, numbers and truth values are written as in JSON. TOML also wants DEL escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


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
    if fault:
        kind = "a file" if suffixes else "a folder"
        raise ArgumentError(
            f"{name} must be {kind} that can be written. Received: {path}, {fault}. Name another "
            "path."
        )
    return path


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
