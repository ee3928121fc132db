"""Your own images: a folder or an archive with one folder for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.archive import is_archive
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.class_folders import class_folders, labels_of
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import CHANNELS, ImageConversion
from zoo.datasets.formats.decode import decode, survey
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split


def locate_images(info: DatasetInfo, root: Path | None) -> Path:
    """Find the images: at the root, or in the archive that lies alone in the root."""
    if root is None:
        raise data_error("root", f"be {info.expected_files}", None, "Pass root= with the path")
    visible = [path for path in root.glob("*") if not path.name.startswith(".")]
    if len(visible) == 1 and visible[0].is_file() and is_archive(visible[0]):
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
    tree, conversion = request.tree, request.conversion
    found = class_folders(tree)
    class_names = tuple(found["train"])
    size, color = _size_and_color(tree, found, conversion)
    splits = {}
    for name, classes in found.items():
        files, labels = labels_of(classes)
        room = conversion.new(name, (len(files), *size, CHANNELS[color]))
        resize = conversion.size is not None
        images = decode(tree, files, size, CHANNELS[color], resize=resize, out=room)
        splits[name] = Split(name, images, labels, class_names)
    return splits


def _size_and_color(
    tree: Tree, found: Mapping[str, Mapping[str, Sequence[str]]], conversion: ImageConversion
) -> tuple[tuple[int, int], str]:
    """Take the size and the colour that the user asks for, or else those in the images' headers."""
    if conversion.size and conversion.color:
        return conversion.size, conversion.color
    files = [file for classes in found.values() for names in classes.values() for file in names]
    headers = survey(tree, files)
    size = conversion.size or headers[0][:2]
    for name, (height, width, _) in zip(files, headers, strict=True):
        if conversion.size is None and (height, width) != size:
            received = f"{size[0]}×{size[1]} ({files[0]}) and {height}×{width} ({name})"
            remedy = "Pass image_size= to scale all images to the same size"
            raise data_error(tree.path, "hold images of the same size", received, remedy)
    all_grey = all(grey for _, _, grey in headers)
    return size, conversion.color or ("grayscale" if all_grey else "rgb")
