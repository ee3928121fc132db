"""Your own images: a folder or an archive with one folder for each class."""

from __future__ import annotations

from pathlib import Path

from zoo.datasets.archive import is_archive
from zoo.datasets.base import Split
from zoo.datasets.decode import decode, survey
from zoo.datasets.form import CHANNELS, Form
from zoo.datasets.info import DatasetInfo
from zoo.datasets.layout import class_folders, labels_of
from zoo.datasets.tree import Tree
from zoo.errors import DataError

INFO = DatasetInfo(
    name="folder",
    summary="your own images: <class>/*.jpg, or train/<class>/*.jpg beside validation/ and test/",
    source="a folder, or a zip or tar archive, of yours (jpeg, png, bmp, webp)",
    wanted="the folder or archive of your images",
)


def find(root: Path | None) -> Path:
    """Find the images: at the root, or in the archive that lies alone in it.

    Args:
        root: the folder, the archive, or a folder with nothing but the archive.

    Returns:
        The folder or archive.

    Raises:
        DataError: the root is None.
    """
    if root is None:
        raise DataError(f"folder: expected root=, {INFO.wanted}, got None")
    visible = [path for path in root.glob("*") if not path.name.startswith(".")]
    if len(visible) == 1 and visible[0].is_file() and is_archive(visible[0]):
        return visible[0]
    return root


def read(tree: Tree, form: Form) -> dict[str, Split]:
    """Read class folders; see `layout.class_folders` for how they may be arranged.

    Args:
        tree: the files.
        form: what the images are to become. Without a size, all images must have one; without a
            colour, they are grey if all of them are.

    Returns:
        The splits "train" and, where there are such folders, "validation" and "test"; images
        uint8 [n, height, width, 1 or 3].

    Raises:
        DataError: the folders or an image are not what they should be, or sizes differ.
    """
    found = class_folders(tree)
    parts = {part: labels_of(classes) for part, classes in found.items()}
    size, channels = _shape(tree, [name for files, _ in parts.values() for name in files], form)
    class_names = tuple(found["train"])
    splits = {}
    for part, (files, labels) in parts.items():
        images = form.new(part, (len(files), *size, channels))
        splits[part] = Split(
            part, decode(tree, files, size, channels, resize=True, out=images), labels, class_names
        )
    return splits


def _shape(tree: Tree, files: list[str], form: Form) -> tuple[tuple[int, int], int]:
    """Settle the size and the channels, from the images' headers where they were left open."""
    size, color = form.size, form.color
    if size is None or color is None:
        headers = survey(tree, files)
        if size is None:
            size = headers[0][:2]
            for name, header in zip(files, headers, strict=True):
                if header[:2] != size:
                    raise DataError(
                        f"{tree.path}: expected images of one size, got {size[0]}×{size[1]} "
                        f"({files[0]}) and {header[0]}×{header[1]} ({name}); "
                        "pass image_size= to scale them to one"
                    )
        if color is None:
            color = "grayscale" if all(grey for _, _, grey in headers) else "rgb"
    return size, CHANNELS[color]
