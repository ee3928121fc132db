"""Fetching a data set's files from where their owner has put them, when the user asks for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.datasets.info import DatasetInfo, Remote
from zoo.datasets.places import data_root
from zoo.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress

TIMEOUT = (10, 60)
"""Seconds: to connect, and between two pieces of the answer."""

PIECE = 2**18


def download(info: DatasetInfo, root: Path | None, parts: Iterable[str] = ()) -> Path:
    """Fetch a data set's files.

    A file that is there is not fetched again. What has come of a file is kept, as NAME.part, and
    the next try goes on from there.

    Args:
        info: the data set's description.
        root: the folder to put them in; None: a folder of the data set's name in `$ZOO_DATA` or
            the platform's data folder.
        parts: which of its parts are wanted; empty for all that are used by default.

    Returns:
        The folder.

    Raises:
        DataError: the owner gives the files only to people, no mirror has them, they are not what
            they should be, or another file of that name is there.
    """
    folder = root or data_root() / info.name
    if not info.remotes:
        page = f" ({info.page})" if info.page else ""
        why = "gives its files to people who ask" if info.page else "has nothing to fetch"
        raise DataError(
            f"{info.name} {why}{page}: no program may fetch them. Get {info.wanted} from "
            f"{info.source} and put them into {folder}"
        )
    wanted = {*parts} or {part for names in info.parts.values() for part in names}
    remotes = [one for one in info.remotes if one.part is None or one.part in wanted]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _progress() as progress:
            for remote in remotes:
                fetch(remote, folder, progress)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be written, got {error}") from error
    return folder


def fetch(remote: Remote, folder: Path, progress: Progress) -> None:
    """Fetch one file, from the first mirror that has it.

    Args:
        remote: what and from where.
        folder: where to put it.
        progress: shows how far it is.

    Raises:
        DataError: no mirror has it as it should be, or another file is in its place.
    """
    target = folder / remote.name
    if target.exists():
        if target.stat().st_size == remote.size and _checksum(target, remote) == remote.checksum:
            return
        raise DataError(
            f"{target} is there, but not as its owner has it ({remote.size:,} bytes, "
            f"{remote.algorithm} {remote.checksum}); nothing was changed. Move it away to fetch it"
        )
    partial = folder / f"{remote.name}.part"
    reasons = []
    task = progress.add_task(remote.name, total=remote.size)
    for url in remote.urls:
        reason = _stream(
            url, partial, remote.size, lambda done: progress.update(task, completed=done)
        )
        if not reason and _checksum(partial, remote) != remote.checksum:
            partial.unlink()
            reason = f"sent something else, of another {remote.algorithm} than {remote.checksum}"
        if not reason:
            os.replace(partial, target)
            return
        reasons.append(f"{url} {reason}")
    kept = "; what has come of it is kept, and trying again goes on from there"
    raise DataError(
        f"{remote.name}: expected it from one of {len(remote.urls)} mirrors, got: "
        f"{'; '.join(reasons)}{kept if partial.exists() else ''}"
    )


def _stream(url: str, partial: Path, size: int, tell: Callable[[int], None]) -> str:
    """Append what is missing of a file; gives why it did not work, or nothing."""
    import requests

    start = partial.stat().st_size if partial.exists() else 0
    if start >= size:
        start = 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if start and answer.status_code == requests.codes.requested_range_not_satisfiable:
                partial.unlink()
                return _stream(url, partial, size, tell)
            if not answer.ok:
                return f"answered {answer.status_code} {answer.reason}"
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if not (start and goes_on and answer.status_code == requests.codes.partial_content):
                start = 0
            return _write(answer.iter_content(PIECE), partial, start, size, tell)
    except requests.RequestException as error:
        return f"failed ({type(error).__name__})"  # which says the rest at length


def _write(
    pieces: Iterable[bytes], partial: Path, start: int, size: int, tell: Callable[[int], None]
) -> str:
    """Write pieces behind what is there; gives what is wrong with them, or nothing."""
    done = start
    with partial.open("r+b" if start else "wb") as file:
        file.seek(start)
        for piece in pieces:
            if not done and is_page(piece):
                break
            if done + len(piece) > size:
                done = size + 1
                break
            file.write(piece)
            done += len(piece)
            tell(done)
        file.flush()
        os.fsync(file.fileno())
    if done == size:
        return ""
    if 0 < done < size:
        return f"broke off after {done:,} of {size:,} bytes"
    partial.unlink()
    if done > size:
        return f"sent more than the {size:,} bytes that it should have"
    return "sent a page of HTML instead of the file: it wants a person, or it has moved"


def is_page(start: bytes) -> bool:
    """Whether bytes look like the beginning of a page of HTML.

    Example:
        >>> is_page(b"  <!DOCTYPE html><html>"), is_page(b"PK")
        (True, False)
    """
    start = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--"))


def _checksum(path: Path, remote: Remote) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, remote.algorithm).hexdigest()


def _progress() -> Progress:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        "{task.description}",
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
