"""Your own images: a folder or an archive with one folder for each class."""

from __future__ import annotations

from pathlib import Path

from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.archive import is_archive
from zoo.datasets.files.class_folders import class_folders, labels_of
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import CHANNELS, ImageConversion
from zoo.datasets.formats.decode import ImageMismatch, decode, survey
from zoo.datasets.split import Split
from zoo.errors import DataError

INFO = DatasetInfo(
    name="folder",
    summary="your own images: <class>/*.jpg, or train/<class>/*.jpg beside validation/ and test/",
    source="a folder, or a zip or tar archive, of yours (jpeg, png, bmp, webp)",
    expected_files="the folder or archive of your images",
)


def locate(root: Path | None) -> Path:
    """Find the images: at the root, or in the archive that lies alone in it.

    Args:
        root: the folder, the archive, or a folder with nothing but the archive.

    Returns:
        The folder or archive.

    Raises:
        DataError: the root is None.
    """
    if root is None:
        raise DataError(f"folder: expected root=, {INFO.expected_files}, got None")
    visible = [path for path in root.glob("*") if not path.name.startswith(".")]
    if len(visible) == 1 and visible[0].is_file() and is_archive(visible[0]):
        return visible[0]
    return root


def read(tree: Tree, conversion: ImageConversion) -> dict[str, Split]:
    """Read class folders; see `layout.class_folders` for how they may be arranged.

    Args:
        tree: the files.
        conversion: what the images are to become. Without a size, all images must have one; without a
            colour, they are grey if all of them are.

    Returns:
        The splits "train" and, where there are such folders, "validation" and "test"; images
        uint8 [n, height, width, 1 or 3].

    Raises:
        DataError: the folders or an image are not what they should be, or sizes differ.
    """
    found = class_folders(tree)
    parts = {part: labels_of(classes) for part, classes in found.items()}
    class_names = tuple(found["train"])

    def decoded(size: tuple[int, int], color: str) -> dict[str, Split]:
        splits = {}
        for part, (files, labels) in parts.items():
            images = decode(
                tree,
                files,
                size,
                CHANNELS[color],
                resize=conversion.size is not None,
                all_grey=conversion.color is None and color == "grayscale",
                out=conversion.new(part, (len(files), *size, CHANNELS[color])),
            )
            splits[part] = Split(part, images, labels, class_names)
        return splits

    if conversion.size and conversion.color:
        return decoded(conversion.size, conversion.color)
    files = [name for names, _ in parts.values() for name in names]
    try:
        # As the first image is; mostly so are the others, and each is opened only once.
        return decoded(*_shape(tree, files[:1], conversion))
    except ImageMismatch:
        return decoded(*_shape(tree, files, conversion))


def _shape(
    tree: Tree, files: list[str], conversion: ImageConversion
) -> tuple[tuple[int, int], str]:
    """Settle size and colour, from the images' headers where they were left open."""
    headers = survey(tree, files)
    size = conversion.size or headers[0][:2]
    for name, header in zip(files, headers, strict=True):
        if conversion.size is None and header[:2] != size:
            raise DataError(
                f"{tree.path}: expected images of one size, got {size[0]}×{size[1]} "
                f"({files[0]}) and {header[0]}×{header[1]} ({name}); "
                "pass image_size= to scale them to one"
            )
    grey = all(grey for _, _, grey in headers)
    return size, conversion.color or ("grayscale" if grey else "rgb")
