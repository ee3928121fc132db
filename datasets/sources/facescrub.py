"""FaceScrub: faces of 530 actors, as lists of pictures on the web.

Source: H.-W. Ng and S. Winkler, "A data-driven approach to cleaning large face datasets", 2014. The
lists tell for each face where its picture is, the SHA-256 of the picture, and the box of the face.
Many pictures are no longer there. The lists are not trusted: a picture is fetched from public
addresses only, is kept under its hash, and counts if it has that hash, is an image, and holds the
box.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.fetching.facescrub_pictures import fetch_pictures
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import CHANNELS
from zoo.datasets.formats.decode import crop
from zoo.datasets.formats.face_list import SKIPPED, Face, read_lists
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

INFO = DatasetInfo(
    name="facescrub",
    summary="some 100,000 faces of 530 actors, from the web; cut out and scaled to 32×32 grey",
    source="vintage.winklerbros.net/facescrub.html, for the lists",
    expected_files="facescrub_actors.txt or facescrub_actresses.txt",
    markers=("facescrub_actors.txt", "facescrub_actresses.txt"),
    archive_patterns=("facescrub*",),
    file_pattern=r"facescrub_(actors|actresses)\.txt|pictures",
    reads_classes=True,
    manual_download="https://vintage.winklerbros.net/facescrub.html",
    fetch=fetch_pictures,
)

SIZE = (32, 32)  # default height and width: those of the CSC411 coursework


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Cut the faces out of the pictures that are there, `pictures/<sha256>`.

    Without classes, all actors who have pictures are read; without size and colour, faces are
    32×32 and grey. "train" has a class for each actor of the lists, sorted by name. Faces whose
    picture is missing, damaged or too small for the box are left out with a warning. A DataError
    says that a list is damaged, or that an actor has no picture.
    """
    tree, classes, conversion = request.tree, request.classes, request.conversion
    listed = read_lists(tree)
    faces = [face for face in listed if classes is None or face.name in classes]
    usable = [face for face in faces if f"pictures/{face.sha256}" in tree.sizes]
    _check_actors(tree, faces, usable, classes)
    if len(usable) < len(faces):
        warnings.warn(
            f"{len(faces) - len(usable):,} of {len(faces):,} faces are left out, since their "
            f"pictures are not in {tree.path}; {SKIPPED} there says why, once they were fetched",
            stacklevel=2,
        )
    size, color = conversion.size or SIZE, conversion.color or "grayscale"
    images = conversion.new("train", (len(usable), *size, CHANNELS[color]))
    boxes = [(f"pictures/{face.sha256}", face.sha256, face.box) for face in usable]
    reasons = crop(tree, boxes, images)
    if failures := [reason for reason in reasons if reason]:
        warnings.warn(
            f"{len(failures):,} of {len(usable):,} faces are left out, since they cannot be cut "
            f"out of their pictures; the first: {failures[0]}",
            stacklevel=2,
        )
        usable = [face for face, reason in zip(usable, reasons, strict=True) if not reason]
        _check_actors(tree, faces, usable, classes, failures[0])
        all_rows, images = images, conversion.new("train", (len(usable), *images.shape[1:]))
        images[:] = all_rows[: len(usable)]
    names = tuple(sorted({face.name for face in listed}))
    ids = {name: number for number, name in enumerate(names)}
    labels = np.array([ids[face.name] for face in usable], np.int64)
    return {"train": Split("train", images, labels, names)}


def _check_actors(
    tree: Tree,
    faces: Sequence[Face],
    usable: Sequence[Face],
    classes: Collection[str] | None,
    why: str = "their pictures are missing",
) -> None:
    """Raise if a wanted actor has no usable face, or if fewer than two actors have any."""
    names = {face.name for face in usable}
    for name in classes or ():
        if name not in names:
            listed = "in" if any(face.name == name for face in faces) else "not in"
            expected = f"hold pictures of {name!r}, who is {listed} the lists"
            remedy = "Fetch the pictures with download=True, or leave the actor out"
            raise data_error(tree.path, expected, f"no usable picture ({why})", remedy)
    if len(names) < 2:
        received = f"{len(usable):,} pictures of {len(names)} actors ({why})"
        remedy = "Fetch the pictures with download=True"
        raise data_error(tree.path, "hold pictures of two actors or more", received, remedy)
