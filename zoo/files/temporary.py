"""Names of unfinished files and folders, which say whose they are, and sweeping abandoned ones.

A process that is killed leaves its unfinished files behind. The name of such a file holds the
machine and the process, so another process can tell later whether anybody still writes the file.
"""

import contextlib
import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import RunError, ZooError
from zoo.files.disk_errors import is_error_of_disk

SECONDS_OF_FOREIGN_FILES = 24 * 3600
"""After this time without a change, the files of processes on other machines are abandoned too."""

_NAME = re.compile(r"\.(?:.*-)?zoo_([0-9a-f]{8})_(\d+)_\w+(?:\.tmp.*)?", re.DOTALL)
_EARLIER_NAME = re.compile(
    r"\..+\.(\d{1,7})\.tmp\.(?:csv|html|json|keras|md|npz|onnx|png|tflite|txt)", re.DOTALL
)
"""Names of files of earlier versions, `.NAME.PROCESS.tmp.SUFFIX`, which do not tell the machine.

Other programs may give such names too, so the suffix must be one that Zoo wrote.
"""

_LARGE = 1000
"""The number of files above which a process looks for abandoned files in a folder only once."""

_numbers = itertools.count()
_token = secrets.token_hex(3)
_large_folders: set[Path] = set()


def temporary_name(prefix: str = "", suffix: str = "") -> str:
    """Name a file or folder that is unfinished. No other process or thread gets the same name.

    The name is hidden and short, whatever the name of the finished file is.

    Args:
        prefix: The beginning of the name.
        suffix: The end of the name, such as `".keras"`.

    Returns:
        The name, with the machine, the process and a number.

    Example:
        >>> temporary_name(suffix=".npz") != temporary_name(suffix=".npz")
        True
    """
    start = f"{prefix}-" if prefix else ""
    end = f".tmp{suffix}" if suffix or not prefix else ""
    return f".{start}zoo_{_machine()}_{os.getpid()}_{_token}{next(_numbers)}{end}"


@contextlib.contextmanager
def temporary_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """Make a folder for unfinished files, and delete it after the block.

    The abandoned folders of killed processes beside it are deleted before.

    Args:
        parent: The folder in which the new folder is made. It is made too if it is missing.
        prefix: The beginning of the name.

    Yields:
        The folder, which only this user can read.

    Example:
        >>> import tempfile
        >>> with temporary_folder(Path(tempfile.mkdtemp())) as folder:
        ...     folder.is_dir()
        True
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = parent / temporary_name(prefix)
    folder.mkdir(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder outside the user's own folders, and delete it after the block.

    Raises:
        RunError: The disk is full, or there is no folder for temporary files.

    Example:
        >>> with scratch_folder() as folder:
        ...     folder.is_dir()
        True
    """
    try:
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            yield Path(folder)
    except Exception as error:
        if isinstance(error, ZooError) or not is_error_of_disk(error):
            raise
        raise no_scratch_space(error) from error


def no_scratch_space(error: BaseException) -> RunError:
    """Make the error for temporary files that cannot be written.

    Args:
        error: The error of the system.

    Example:
        >>> isinstance(no_scratch_space(OSError("No space left")), OSError)
        True
    """
    return RunError(
        "The folder for temporary files must be writable, with free space. Received: "
        f"{os.environ.get('TMPDIR', 'no TMPDIR')} ({str(error).partition(chr(10))[0]}). Set the "
        "environment variable TMPDIR to a folder on a disk with free space."
    )


def is_temporary(path: Path) -> bool:
    """Whether the name of a file or folder is one that `temporary_name` gives, or ever gave."""
    return bool(_NAME.fullmatch(path.name) or _earlier_name(path))


def is_abandoned(path: Path) -> bool:
    """Whether nobody writes an unfinished file or folder any more.

    Args:
        path: The file or folder.

    Returns:
        True for a temporary name whose process has ended; if the process may be on another machine,
        only after a day without a change. False for all other names.
    """
    name, earlier = _NAME.fullmatch(path.name), _earlier_name(path)
    if not (name or earlier):
        return False
    if name and name[1] == _machine() and sys.platform != "win32":
        return not _is_running(int(name[2]))
    if earlier and _is_running(int(earlier[1])):
        return False
    with contextlib.suppress(OSError):  # another process deletes the files at this moment
        latest = max(file.stat().st_mtime for file in (path, *path.rglob("*")))
        return time.time() - latest > SECONDS_OF_FOREIGN_FILES
    return False


def sweep(folder: Path) -> None:
    """Delete the abandoned files and folders in a folder. Errors are left to the next sweep.

    Processes may sweep the same folder at the same time: the name of a file that is in use never
    belongs to a process that has ended.

    Args:
        folder: The folder; its own folders are not looked into.
    """
    if folder in _large_folders:
        return
    with contextlib.suppress(OSError):
        names = os.listdir(folder)
        if len(names) > _LARGE:
            _large_folders.add(folder)
        for name in names:
            if name.startswith(".") and is_abandoned(path := folder / name):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _earlier_name(path: Path) -> re.Match[str] | None:
    """Match the name of a file of an earlier version, which never left folders behind."""
    name = _EARLIER_NAME.fullmatch(path.name)
    return name if name and os.path.isfile(path) else None


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # the process of another user
        return True
    return True


def _machine() -> str:
    """Name the machine, or the container, in which process numbers mean what they mean here."""
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]
