"""Locks of folders in which a single process may work."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.errors import RunError
from zoo.files.temporary import is_temporary

LOCK, HOLDER = ".lock", ".holder.json"


class FolderLock:
    """A lock of a folder, which says who holds it. The system frees the lock of a killed process.

    The empty file `.lock` stays in the folder for ever: deleting it would let two processes in.

    Args:
        folder: The folder, which is made if it is missing.
        what: What the folder is, for the message, such as `"run folder"`.

    Raises:
        RunError: Another process, or another thread of this process, works in the folder.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> lock = FolderLock(folder, "run folder")
        >>> is_locked(folder)
        True
        >>> lock.release()
        >>> is_locked(folder)
        False
    """

    def __init__(self, folder: Path, what: str) -> None:
        import filelock

        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _file_lock(folder)
            # Another process holds the lock for a moment when it looks whether the folder is free.
            self._lock.acquire(timeout=0.3)
        except filelock.Timeout as error:
            raise RunError(
                f"A {what} must be free for this process. Received: {folder}, in which "
                f"{_holder(folder)} works. Wait until that process ends, or name another folder."
            ) from error
        except NotImplementedError:  # a network folder without locks
            return
        except OSError as error:
            raise RunError(
                f"A {what} must be a folder that can be written. Received: {folder}, which cannot "
                f"({error}). Name another folder, or free disk space."
            ) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"process": os.getpid(), "host": platform.node(), "since": now}
        with contextlib.suppress(OSError):
            (folder / HOLDER).write_text(json.dumps(holder), "utf-8")

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def release(self) -> None:
        """Let other processes into the folder. A second call does nothing."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self._folder / HOLDER).unlink()
            self._lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process works in a folder now. Nothing is made.

    Args:
        folder: The folder, which may be missing.
    """
    import filelock

    if not (folder / LOCK).exists():
        return False
    try:
        with _file_lock(folder).acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def holds_files(folder: Path) -> bool:
    """Whether a folder holds other files than a lock and what a killed process left unfinished.

    Args:
        folder: The folder, which may be missing.
    """
    return folder.is_dir() and not all(
        path.name in (LOCK, HOLDER) or is_temporary(path) for path in folder.iterdir()
    )


def _file_lock(folder: Path) -> Any:
    import filelock

    # A lock that is taken in a thread may be released in another.
    return filelock.FileLock(folder / LOCK, thread_local=False, is_singleton=False)


def _holder(folder: Path) -> str:
    """Say who works in a folder."""
    try:
        holder = json.loads((folder / HOLDER).read_text("utf-8"))
        return f"process {holder['process']} on {holder['host']}, since {holder['since']},"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"
