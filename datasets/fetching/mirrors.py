"""Fetching one file from the first of its mirrors that has it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.datasets.description import RemoteFile
from zoo.datasets.files.checks import checksum, data_error
from zoo.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress

TIMEOUT = (10, 60)  # seconds: to connect, and between two pieces of the answer
PIECE = 2**18  # bytes that are read and written at a time


def fetch_file(remote: RemoteFile, folder: Path, progress: Progress) -> None:
    """Fetch one file from the first mirror that has it, with pooch, into an existing folder.

    The file gets its name only when it is complete and has the right checksum. A file of that name
    that is there already is never changed. Where another process fetches the file, this process
    waits for it. A DataError says that no mirror has the file, or that another file has its name;
    an OSError that the folder cannot be written.
    """
    import filelock

    target = folder / remote.name
    with filelock.FileLock(folder / f".{remote.name}.lock") as lock:
        try:
            if not target.exists():
                _fetch_from_mirrors(remote, folder, progress)
            elif not is_right(target, remote):
                expected = f"be its owner's file, with {_kind(remote)}"
                received = "another file, which was not changed"
                remedy = "Move it away to fetch the owner's file"
                raise data_error(target, expected, received, remedy)
        finally:
            with contextlib.suppress(OSError):  # Windows keeps a file that is open
                Path(lock.lock_file).unlink()


def is_right(path: Path, remote: RemoteFile) -> bool:
    """Whether a file has the size and the checksum of its owner's file."""
    same_size = path.stat().st_size == remote.size
    return same_size and checksum(path, remote.algorithm) == remote.checksum


def _fetch_from_mirrors(remote: RemoteFile, folder: Path, progress: Progress) -> None:
    """Try one mirror after another; raise a DataError with every mirror's failure."""
    import pooch

    task = progress.add_task(remote.name, total=remote.size)

    def receive(url: str, path: str, _: object) -> None:
        _receive(url, path, remote.size, lambda done: progress.update(task, completed=done))

    pooch.get_logger().setLevel(logging.WARNING)
    known_hash = f"{remote.algorithm}:{remote.checksum}"
    failures = []
    for url in remote.urls:
        try:
            pooch.retrieve(url, known_hash, remote.name, folder, downloader=receive)
            return
        except DataError as error:
            failures.append(f"{url} {error}")
        except ValueError:  # from pooch
            failures.append(f"{url} sent a file with another {remote.algorithm}")
    expected = f"come from one of {len(remote.urls)} mirrors, with {_kind(remote)}"
    remedy = f"Try again later, or put the file into {folder} by hand"
    raise data_error(remote.name, expected, "; ".join(failures), remedy)


def _kind(remote: RemoteFile) -> str:
    return f"{remote.size:,} bytes and the {remote.algorithm} {remote.checksum}"


def _receive(url: str, path: str, size: int, show_progress: Callable[[int], None]) -> None:
    """Write the bytes that an address sends into a file, but at most `size` bytes."""
    import requests
    from urllib3.exceptions import HTTPError

    # pooch's temporary file can be read by its owner only; a new file by whom the user allows.
    os.unlink(path)
    headers = {"Accept-Encoding": "identity"}
    received = 0
    try:
        with (
            requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer,
            open(path, "wb") as file,
        ):
            if not answer.ok:
                raise DataError(f"answered {answer.status_code}")
            # Without decoding: some servers say of a .gz file that it is compressed for sending.
            for piece in answer.raw.stream(PIECE, decode_content=False):
                received += len(piece)
                if received > size:
                    raise DataError("sent more bytes")
                file.write(piece)
                show_progress(received)
            file.flush()
            os.fsync(file.fileno())
    except DataError:
        raise
    # A redirect to an invalid address is a ValueError.
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise DataError(f"failed ({type(error).__name__})") from error
    if received < size:
        raise DataError(f"sent {received:,} bytes, perhaps a page of HTML")
