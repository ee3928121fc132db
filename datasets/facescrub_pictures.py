"""Fetching FaceScrub's pictures, whose addresses anyone may have written."""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from zoo.datasets.decode import open_image, strict
from zoo.datasets.facescrub import INFO, SKIPPED, Face, has_hash, read_lists, write_skipped
from zoo.datasets.places import find
from zoo.datasets.remotes import is_page
from zoo.datasets.tree import open_tree
from zoo.errors import DataError

THREADS = 8
TIMEOUT = (5, 20)
"""Seconds: to connect, and between two pieces of the answer."""

MOST_SECONDS = 60
MOST_BYTES = 20 * 2**20
MOST_HOPS = 5


class _Skip(Exception):
    """Why a picture is left out."""


def fetch_pictures(root: Path | None, classes: Sequence[str] | None = None) -> Path:
    """Fetch the pictures that the lists name, some at a time.

    Pictures are kept by their hash, as `pictures/<sha256>` beside the lists; those that are there
    are not fetched again, so that a run that was stopped goes on. Which faces have none, and why,
    is written to `skipped.tsv` there.

    Args:
        root: the folder that holds the lists; None: `$ZOO_DATA` and the platform's data folder are
            searched.
        classes: fetch those of these actors only.

    Returns:
        The folder.

    Raises:
        DataError: there is no list, a list is damaged, or the folder cannot be written.
    """
    folder = find(INFO, root)
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with the lists, got an archive; unpack it")
    with open_tree(folder, INFO.files) as tree:
        faces = [face for face in read_lists(tree) if classes is None or face.name in classes]
    of_picture: dict[str, list[Face]] = defaultdict(list)
    for face in faces:
        of_picture[face.sha256].append(face)
    pictures = folder / "pictures"
    try:
        pictures.mkdir(exist_ok=True)
        there = {path.name for path in pictures.iterdir()}
        wanted = {sha256: its for sha256, its in of_picture.items() if sha256 not in there}
        reasons = _fetch_all(wanted, pictures)
        skipped = [(face, reasons[face.sha256]) for face in faces if face.sha256 in reasons]
        write_skipped(folder, skipped)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be written, got {error}") from error
    Console(stderr=True).print(
        f"{len(wanted) - len(reasons):,} pictures fetched, {len(of_picture) - len(wanted):,} were "
        f"there, {len(reasons):,} left out; why: {folder / SKIPPED}",
        highlight=False,
        soft_wrap=True,
    )
    return folder


def _fetch_all(wanted: dict[str, list[Face]], pictures: Path) -> dict[str, str]:
    """Fetch pictures, by their hash; gives the reasons of those that were left out."""
    reasons = {}
    columns = ("pictures", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    pool = ThreadPoolExecutor(THREADS)
    try:
        with strict(), Progress(*columns, console=Console(stderr=True)) as progress:
            tasks = {pool.submit(_keep, faces, pictures): name for name, faces in wanted.items()}
            for task in progress.track(as_completed(tasks), total=len(tasks)):
                if reason := task.result():
                    reasons[tasks[task]] = reason
    finally:
        pool.shutdown(cancel_futures=True)
    return reasons


def _keep(faces: list[Face], pictures: Path) -> str:
    """Fetch one picture and keep it if it is what it should be; gives why not, or nothing."""
    reasons = []
    for url in dict.fromkeys(face.url for face in faces):
        try:
            content = _fetch(url)
            _check(content, faces)
        except _Skip as skip:
            reasons.append(str(skip))
            continue
        handle, partial = tempfile.mkstemp(prefix=".", dir=pictures)
        with open(handle, "wb") as file:
            file.write(content)
        os.replace(partial, pictures / faces[0].sha256)
        return ""
    return "; ".join(dict.fromkeys(reasons))


def _check(content: bytes, faces: list[Face]) -> None:
    """Whether this is the picture, and the faces are in it."""
    if is_page(content):
        raise _Skip("a page of HTML instead of a picture")
    if not has_hash(content, faces[0]):
        raise _Skip("another picture: its SHA-256 is another")
    try:
        with open_image(io.BytesIO(content)) as image:
            image.load()
            width, height = image.size
    except DataError as error:
        raise _Skip(str(error)) from error
    for face in faces:
        left, top, _, _ = face.box
        if left >= width or top >= height:
            raise _Skip(f"the box {face.box} is outside of {width}×{height}")


def _fetch(url: str) -> bytes:
    """A picture's bytes, from a public address, by however many others it is sent on."""
    import requests

    until = time.monotonic() + MOST_SECONDS
    try:
        for _ in range(MOST_HOPS):
            _check_address(url)
            with requests.get(url, stream=True, timeout=TIMEOUT, allow_redirects=False) as answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers["Location"])
                    continue
                if answer.status_code != requests.codes.ok:
                    raise _Skip(f"HTTP {answer.status_code}")
                content = bytearray()
                for piece in answer.iter_content(2**16):
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise _Skip(f"more than {MOST_BYTES:,} bytes")
                    if time.monotonic() > until:
                        raise _Skip(f"more than {MOST_SECONDS} seconds")
                return bytes(content)
    # requests and urllib3 answer an address that is none with errors of their own, and ValueErrors.
    except (requests.RequestException, ValueError, OSError) as error:
        raise _Skip(type(error).__name__) from error
    raise _Skip(f"sent on more than {MOST_HOPS} times")


def _check_address(url: str) -> None:
    """Refuse what is not on the public web, such as this machine and its neighbours."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        if parts.scheme not in ("http", "https") or not host:
            raise _Skip("no address on the web")
        found = {where[4][0] for where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (ValueError, OSError) as error:
        raise _Skip(f"unknown host ({type(error).__name__})") from error
    if not all(_is_public(str(address)) for address in found):
        raise _Skip("an address that is not public")


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global
