"""Fetching FaceScrub's pictures, whose addresses anyone may have written."""

from __future__ import annotations

import functools
import io
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from zoo.datasets import public_web
from zoo.datasets.decode import open_image, strict
from zoo.datasets.facescrub import INFO, SKIPPED, Face, has_hash, read_lists, write_skipped
from zoo.datasets.mirrors import is_page
from zoo.datasets.places import find
from zoo.datasets.public_web import Fault
from zoo.datasets.tree import open_tree, say
from zoo.errors import DataError
from zoo.runs import write_atomically

THREADS = 8
MOST_BYTES = 20 * 2**20


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
            content = public_web.get(url, MOST_BYTES)
            _check(content, faces)
        except Fault as fault:
            reasons.append(str(fault))
            continue
        # What urllib3 and others say to strange addresses and answers.
        except Exception as error:
            reasons.append(say(error))
            continue
        write = functools.partial(Path.write_bytes, data=content)
        write_atomically(pictures / faces[0].sha256, write)
        return ""
    return "; ".join(dict.fromkeys(reasons))


def _check(content: bytes, faces: list[Face]) -> None:
    """Whether this is the picture, and the faces are in it."""
    if is_page(content):
        raise Fault("a page of HTML instead of a picture")
    if not has_hash(content, faces[0]):
        raise Fault("another picture: its SHA-256 is another")
    try:
        with open_image(io.BytesIO(content)) as image:
            image.load()
            width, height = image.size
    except DataError as error:
        raise Fault(str(error)) from error
    for face in faces:
        left, top, _, _ = face.box
        if left >= width or top >= height:
            raise Fault(f"the box {face.box} is outside of {width}×{height}")
