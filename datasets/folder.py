"""Your own images, in one folder for each class, or in a zip archive of such folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.datasets.arguments import check_whole
from zoo.datasets.base import Split
from zoo.datasets.cache import remember
from zoo.datasets.decode import decode, survey
from zoo.datasets.info import DatasetInfo
from zoo.datasets.layout import class_folders
from zoo.datasets.tree import Tree, fingerprint, open_tree
from zoo.errors import ArgumentError, DataError

INFO = DatasetInfo(
    name="folder",
    summary="your own images: <class>/*.jpg, or train/<class>/*.jpg beside validation/ and test/",
    source="a folder or zip archive of yours (jpeg, png, bmp, webp)",
    options=("root", "image_size", "color", "cache"),
)


def read(
    root: Path | None,
    *,
    image_size: int | tuple[int, int] | None,
    color: str | None,
    cache: bool,
) -> dict[str, Split]:
    """Read class folders; see `layout.class_folders` for how they may be arranged.

    Args:
        root: the folder, the archive, or a folder with nothing but the archive.
        image_size: height and width, or one number for both; images of other sizes are
            scaled. None: all images must have one size.
        color: "grayscale" or "rgb". None: grey if all images are grey.
        cache: keep the decoded images on disk.

    Returns:
        The splits "train" and, where there are such folders, "validation" and "test"; images
        uint8 [n, height, width, 1 or 3].

    Raises:
        DataError: the folders or an image are not what they should be, or sizes differ.
        ArgumentError: an option is out of range.
    """
    size = _checked_size(image_size)
    if color not in (None, "grayscale", "rgb"):
        raise ArgumentError(f'color must be "grayscale", "rgb" or None. Received: {color!r}')
    path = _find(root)

    def read_folders() -> dict[str, Split]:
        with open_tree(path) as tree:
            parts = class_folders(tree)
            class_names = tuple(parts["train"])
            files = {
                part: [name for names in classes.values() for name in names]
                for part, classes in parts.items()
            }
            every_file = [name for names in files.values() for name in names]
            height_width, channels = _format(tree, every_file, size, color)
            splits = {}
            for part, classes in parts.items():
                counts = [len(names) for names in classes.values()]
                labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
                images = decode(tree, files[part], height_width, channels, resize=True)
                splits[part] = Split(part, images, labels, class_names)
        return splits

    if not cache:
        return read_folders()
    facts = {"content": fingerprint(path), "size": size, "color": color}
    return remember(INFO.name, facts, read_folders)


def _find(root: Path | None) -> Path:
    if root is None:
        raise DataError(
            "folder: expected root=, the folder or zip archive of your images, got None"
        )
    visible = [path for path in root.glob("*") if not path.name.startswith(".")]
    if len(visible) == 1 and visible[0].suffix.lower() == ".zip":
        return visible[0]
    return root


def _checked_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(size) != 2:
        raise ArgumentError(
            f"image_size must be an integer or a pair, (height, width). Received: {image_size!r}"
        )
    for side in size:
        check_whole("image_size", side, 1)
    return int(size[0]), int(size[1])


def _format(
    tree: Tree, files: list[str], size: tuple[int, int] | None, color: str | None
) -> tuple[tuple[int, int], int]:
    """Settle the size and the channels, from the images' headers where they were left open."""
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
    return size, 1 if color == "grayscale" else 3
