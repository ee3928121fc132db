"""Your own images: a folder or an archive with one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.archive import is_archive
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.class_folders import class_folders, class_folders_to_judge
from zoo.datasets.files.locations import listed
from zoo.datasets.formats.conversion import CHANNELS
from zoo.datasets.formats.decode import first_header
from zoo.datasets.formats.image_file import ColorFound, ImageHeader, Target, find_images
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split


def locate_images(info: DatasetInfo, root: Path | None) -> Path:
    """Find the images: at the root, or in the archive that lies alone in the root."""
    if root is None:
        raise data_error("root", f"be {info.expected_files}", None, "Pass root= with the path")
    visible = [path for path in listed(root) if not path.name.startswith(".")]
    if len(visible) == 1 and os.path.isfile(visible[0]) and is_archive(visible[0]):
        return visible[0]
    return root


INFO = DatasetInfo(
    name="folder",
    summary="your own images: <class>/*.jpg, or train/<class>/*.jpg beside validation/ and test/",
    source="a folder, or a zip or tar archive, of yours (jpeg, png, bmp, webp)",
    expected_files="the folder or archive of your images",
    locate=locate_images,
)


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read class folders; `zoo.datasets.files.class_folders` tells how they may be arranged.

    Without a size, all images must have the same size; without a colour, they are grey if all of
    them are grey, and RGB otherwise.
    """
    images = find_images(request.tree)
    if request.known_classes is None:
        found = class_folders(request.tree, images)
    else:
        found = class_folders_to_judge(request.tree, images, request.known_classes)
    files = [file for classes in found.values() for names in classes.values() for file in names]
    header = first_header(request.tree, files, is_reduced=request.conversion.size is not None)
    if request.conversion.color or not header.is_grey:
        return _read_images(request, found, header, request.conversion.color or "rgb")
    try:
        return _read_images(request, found, header, "grayscale", only_grey=True)
    except ColorFound:
        return _read_images(request, found, header, "rgb")


def _read_images(
    request: ReadRequest,
    found: Mapping[str, Mapping[str, Sequence[str]]],
    header: ImageHeader,
    color: str,
    *,
    only_grey: bool = False,
) -> dict[str, Split]:
    """Decode the images of each split, whose first readable image has that header."""
    conversion, class_names = request.conversion, tuple(next(iter(found.values())))
    size, resize = conversion.size or header[:2], conversion.size and conversion.resize
    target = Target(size, CHANNELS[color], resize, only_grey=only_grey)
    alike = "" if conversion.size else header.name
    splits = {}
    for name, classes in found.items():
        images, labels, _ = request.decode(name, classes, target, alike=alike)
        splits[name] = Split(name, images, labels, class_names)
    return splits
