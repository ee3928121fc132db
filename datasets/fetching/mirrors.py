"""Fetching one file from the first of its mirrors that has it, going on where it broke off."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

from urllib3.exceptions import HTTPError

from zoo.datasets.description import RemoteFile
from zoo.datasets.fetching.public_web import MOST_REDIRECTS, Fault
from zoo.datasets.files.checks import checksum
from zoo.errors import DataError

if TYPE_CHECKING:
    import requests
    from rich.progress import Progress

TIMEOUT = (10, 60)
"""Seconds: to connect, and between two pieces of the answer."""

PIECE = 2**18
"""Bytes that are read, written and told at a time: two seconds of a slow line."""


def fetch(remote: RemoteFile, folder: Path, progress: Progress) -> None:
    """Fetch one file, from the first mirror that has it.

    Args:
        remote: what and from where.
        folder: where to put it.
        progress: shows how far it is.

    Raises:
        DataError: no mirror has it as it should be, another file is in its place, or another
            process is fetching it.
    """
    target = folder / remote.name
    if target.exists():
        if is_right(target, remote):
            return
        raise DataError(
            f"{target} is there, but not as its owner has it ({remote.size:,} bytes, "
            f"{remote.algorithm} {remote.checksum}); nothing was changed. Move it away to fetch it"
        )
    partial = folder / f"{remote.name}.part"
    reasons = []
    task = progress.add_task(remote.name, total=remote.size)
    with _alone(partial):
        for url in remote.urls:
            try:
                _complete(partial, url, remote, lambda done: progress.update(task, completed=done))
            except Fault as fault:
                reasons.append(f"{url} {fault}")
            else:
                os.replace(partial, target)
                return
        kept = "; what has come of it is kept, and trying again goes on from there"
        raise DataError(
            f"{remote.name}: expected it from one of {len(remote.urls)} mirrors, got: "
            f"{'; '.join(reasons)}{kept if partial.stat().st_size else ''}"
        )


@contextlib.contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Keep other processes from what is being fetched, and remove it if nothing has come."""
    with partial.open("ab") as file:
        free = _lock(file) and partial.exists()
        # Another process may have moved it to its place before it was locked here.
        if not (free and os.path.samestat(os.fstat(file.fileno()), partial.stat())):
            raise DataError(f"{partial}: another process is fetching it; wait until it is done")
        if sys.platform == "win32":
            file.close()  # what is open cannot be moved there
        try:
            yield
        finally:
            if partial.exists() and not partial.stat().st_size:
                partial.unlink()


def _lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed, if only by the end of the process; whether it did.

    Windows and file systems without locks do without.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _complete(partial: Path, url: str, remote: RemoteFile, tell: Callable[[int], None]) -> None:
    """Fetch what is missing of a file; and all of it, if it does not fit what was there."""
    start = partial.stat().st_size
    if start >= remote.size:
        start = 0
    while True:
        start = _receive(partial, url, remote, start, tell)
        if is_right(partial, remote):
            return
        os.truncate(partial, 0)
        if not start:
            raise Fault(
                f"sent something else, of another {remote.algorithm} than {remote.checksum}"
            )
        start = 0


def _receive(
    partial: Path, url: str, remote: RemoteFile, start: int, tell: Callable[[int], None]
) -> int:
    """Ask for a file from a byte on and write what comes; gives the byte that it began with.

    Nothing of what is there is given up before the answer has shown that it is the file: by its
    length, and by not being a page. What does not tell its length counts only as a whole.
    """
    import requests

    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.Session() as session, _ask(session, url, headers) as answer:
            piece = answer.status_code == requests.codes.partial_content
            fits = re.fullmatch(
                rf"bytes {start}-\d+/{remote.size}", answer.headers.get("Content-Range", "")
            )
            unsatisfiable = requests.codes.requested_range_not_satisfiable
            if start and (answer.status_code == unsatisfiable or (piece and not fits)):
                return _receive(partial, url, remote, 0, tell)
            if not answer.ok:
                reason = "".join(filter(str.isprintable, str(answer.reason)[:80]))
                raise Fault(f"answered {answer.status_code} {reason}")
            if not piece:
                start = 0
            # Not decoded: some servers take a file that is compressed for a way of sending it.
            pieces = answer.raw.stream(PIECE, decode_content=False)
            first = next(pieces, b"")
            html = answer.headers.get("Content-Type", "").lower().startswith("text/html")
            if html or (not start and is_page(first)):
                raise Fault("sent a page instead of the file: it wants a person, or it has moved")
            length = answer.headers.get("Content-Length")
            if not start and length not in (None, str(remote.size)):
                raise Fault(f"has another file there, which has not {remote.size:,} bytes")
            pieces = itertools.chain([first], pieces)
            if start or length:
                _write(pieces, partial, start, remote.size, tell)
            else:
                whole = partial.with_name(f"{partial.name}.whole")
                try:
                    _write(pieces, whole, 0, remote.size, tell)
                    shutil.copyfile(whole, partial)
                finally:
                    whole.unlink(missing_ok=True)
            return start
    # A ValueError: of an address that is none, in a redirect.
    except (requests.RequestException, HTTPError, ValueError) as error:
        # Which say the rest at length.
        raise Fault(f"failed ({type(error).__name__})") from error


def _ask(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    """Ask for a file, through redirects, of whose own content nothing is read."""
    import requests

    for _ in range(1 + MOST_REDIRECTS):
        request = session.prepare_request(requests.Request("GET", url, headers))
        settings = session.merge_environment_settings(url, {}, True, None, None)
        # Not by the session itself, which reads all that comes with a redirect.
        answer = session.get_adapter(url).send(request, timeout=TIMEOUT, **settings)
        target = session.get_redirect_target(answer)
        if not target:
            return answer
        answer.close()
        url = urljoin(url, target)
    raise Fault(f"sent more than {MOST_REDIRECTS} redirects")


def _write(
    pieces: Iterable[bytes], path: Path, start: int, size: int, tell: Callable[[int], None]
) -> None:
    """Write pieces in place of what is in a file from a byte on."""
    done = start
    with path.open("ab") as file:
        file.truncate(start)
        for piece in pieces:
            done += len(piece)
            if done > size:
                file.truncate(start)
                raise Fault(f"sent more than the {size:,} bytes that it should have")
            file.write(piece)
            tell(done)
        file.flush()
        os.fsync(file.fileno())
    if done < size:
        raise Fault(f"broke off after {done:,} of {size:,} bytes")


def is_page(start: bytes) -> bool:
    """Whether bytes look like the beginning of a page of HTML or XML.

    Example:
        >>> is_page(b"  <!DOCTYPE html><html>"), is_page(b"PK")
        (True, False)
    """
    start = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--", b"<?xml"))


def is_right(path: Path, remote: RemoteFile) -> bool:
    """Whether a file is what its owner has, by its size and checksum.

    Args:
        path: of the file.
        remote: what it should be.
    """
    if path.stat().st_size != remote.size:
        return False
    return checksum(path, remote.algorithm) == remote.checksum
