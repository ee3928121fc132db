"""Fetching FaceScrub's pictures from addresses on the web that anyone may have written."""

from __future__ import annotations

import functools
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from zoo.datasets.description import DatasetInfo
from zoo.datasets.fetching import public_web
from zoo.datasets.files.checks import as_data_errors, data_error, describe_error
from zoo.datasets.files.locations import locate
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.decode import box_fault, without_warnings
from zoo.datasets.formats.face_list import SKIPPED, Face, read_lists, write_skipped
from zoo.datasets.formats.image_file import open_image
from zoo.errors import DataError
from zoo.files import write_atomically

THREADS = 8
MOST_BYTES = 20 * 2**20


def fetch_pictures(
    info: DatasetInfo, root: Path | None, classes: Sequence[str] | None = None
) -> Path:
    """Fetch the pictures that the lists name, several at a time, for some or all actors.

    Each picture is kept as `pictures/<sha256>` beside the lists, under its hash. A picture that is
    there is not fetched again unless it is damaged, so that a run that was stopped can be
    continued. The file `skipped.tsv` beside the lists says which faces have no picture, and why.
    Returns the folder; or an archive, if it has all the pictures.
    """
    folder = locate(info, root)
    with open_tree(folder, info.file_pattern) as tree:
        listed = read_lists(tree)
        there = {name.removeprefix("pictures/") for name in tree.sizes}
    known = {face.name for face in listed}
    if unknown := [name for name in classes or () if name not in known]:
        expected = f"be actors of the lists in {folder}"
        raise data_error("classes", expected, repr(unknown[0]), "Look into the lists for the names")
    wanted = {face.sha256 for face in listed if classes is None or face.name in classes}
    if not folder.is_dir():
        if missing := wanted - there:
            expected = f"be a folder, to fetch {len(missing):,} pictures into it"
            raise data_error(folder, expected, "an archive", "Unpack it")
        return folder
    # Faces of other actors are among them: the same picture may have another address there.
    faces = [face for face in listed if face.sha256 in wanted]
    expected, remedy = "be a folder that can be written", "Copy the lists into another folder"
    with as_data_errors(folder, expected, remedy, OSError):
        (folder / "pictures").mkdir(exist_ok=True)
        counts, reasons = _fetch_all(faces, folder / "pictures")
        write_skipped(folder, faces, reasons)
    Console(stderr=True).print(
        f"{counts['fetched']:,} pictures fetched, {counts['there']:,} were there, "
        f"{counts['left out']:,} left out; why: {folder / SKIPPED}",
        highlight=False,
        soft_wrap=True,
    )
    return folder


def _fetch_all(faces: list[Face], pictures: Path) -> tuple[Counter[str], dict[Face, str]]:
    """Fetch the faces' pictures; return how many came how, and why faces are left out."""
    faces_of_picture: dict[str, list[Face]] = defaultdict(list)
    for face in faces:
        faces_of_picture[face.sha256].append(face)
    counts: Counter[str] = Counter()
    reasons: dict[Face, str] = {}
    columns = ("pictures", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    pool = ThreadPoolExecutor(THREADS)
    try:
        with without_warnings(), Progress(*columns, console=Console(stderr=True)) as progress:
            tasks = [pool.submit(_fetch, group, pictures) for group in faces_of_picture.values()]
            for task in progress.track(as_completed(tasks), total=len(tasks)):
                how, why = task.result()
                counts[how] += 1
                reasons |= why
    finally:
        pool.shutdown(cancel_futures=True)
    return counts, {face: reasons[face] for face in faces if face in reasons}


def _fetch(faces: list[Face], pictures: Path) -> tuple[str, dict[Face, str]]:
    """Fetch one picture; return "there", "fetched" or "left out", and why faces are left out."""
    path = pictures / faces[0].sha256
    reasons = []
    if path.exists():
        try:
            return "there", _outside(faces, _size(path.read_bytes(), faces[0], decode=False))
        except DataError as error:
            reasons.append(f"the file in {pictures.name} is {error}")
    for url in dict.fromkeys(face.url for face in faces):
        try:
            content = public_web.get(url, MOST_BYTES)
            size = _size(content, faces[0])
        # urllib3 and others raise many kinds of errors for strange addresses and answers.
        except Exception as error:
            known = isinstance(error, DataError)
            reasons.append(str(error) if known else describe_error(error))
            continue
        write_atomically(path, functools.partial(Path.write_bytes, data=content))
        return "fetched", _outside(faces, size)
    return "left out", dict.fromkeys(faces, "; ".join(dict.fromkeys(reasons)))


def _size(content: bytes, face: Face, *, decode: bool = True) -> tuple[int, int]:
    """Return the picture's width and height; raise a DataError unless it is the listed picture."""
    if content.lstrip().startswith(b"<"):
        raise DataError("a page of HTML instead of a picture")
    if not face.has_hash(content):
        raise DataError("another picture: its SHA-256 is another")
    with open_image(io.BytesIO(content)) as image:
        if decode:
            image.load()
        return image.size


def _outside(faces: list[Face], size: tuple[int, int]) -> dict[Face, str]:
    """Return the faces whose box is not in the picture, with the reason."""
    return {face: fault for face in faces if (fault := box_fault(face.box, *size))}
