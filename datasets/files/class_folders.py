"""Which folders of a tree are the classes, and of which part of the data."""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.datasets.files.tree import Tree
from zoo.errors import DataError

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_OTHER_IMAGES = (".avif", ".gif", ".heic", ".pgm", ".ppm", ".tif", ".tiff")

_PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
_EXPECTED = "expected <class>/<image>, or train/<class>/<image> beside validation/ and test/"


def class_folders(tree: Tree) -> dict[str, dict[str, list[str]]]:
    """Find the images of each class, in each part of the data.

    The classes are folders, side by side or in one folder a part, and possibly all below
    one single top folder, as archives have it. Images in folders inside a class folder
    belong to the class. Files that are no images, and images outside the class folders, are
    left alone; images in a format that is not read are left out with a warning.

    Args:
        tree: the files.

    Returns:
        Sorted paths of images by class name by part: "train", and "validation" and "test" if
        there are such folders. Every part has the same classes, sorted by name.

    Raises:
        DataError: the folders are not laid out so, a class is empty, or the parts do not agree
            on the classes.

    Example:
        >>> from pathlib import Path
        >>> names = ("data/cat/1.png", "data/dog/1.png", "data/dog/more/2.png", "data/notes.txt")
        >>> folders = frozenset({"data", "data/cat", "data/dog", "data/dog/more"})
        >>> tree = Tree(Path("pets.zip"), dict.fromkeys(names, 1), folders, open)
        >>> class_folders(tree)["train"]["dog"]
        ['data/dog/1.png', 'data/dog/more/2.png']
    """
    images = [name for name in sorted(tree.sizes) if name.lower().endswith(IMAGE_SUFFIXES)]
    unread = [name for name in sorted(tree.sizes) if name.lower().endswith(_OTHER_IMAGES)]
    if unread:
        warnings.warn(
            f"{tree.path}: {len(unread):,} images such as {unread[0]} are left out; what is read "
            f"is {', '.join(IMAGE_SUFFIXES)}. Convert them to have them.",
            stacklevel=2,
        )
    parents = {name.rpartition("/")[0] for name in images}
    top = ""
    inside = _children(tree, top)
    if len(inside) == 1 and inside[0].lower() not in _PARTS and not parents & {"", inside[0]}:
        top = inside[0]
        inside = _children(tree, top)
    part_folders = [name for name in inside if name.lower() in _PARTS]
    if not part_folders:
        return {"train": _classes(tree, images, top)}

    parts = [_PARTS[name.lower()] for name in part_folders]
    strays = _by_folder(images, top).keys() - set(part_folders)
    if "train" not in parts or len(set(parts)) < len(parts) or strays:
        raise DataError(
            f"{tree.path}: {_EXPECTED}, each once; got the folders {', '.join(inside)}. "
            "Rename, merge or remove folders"
        )
    found = {
        part: _classes(tree, images, _join(top, folder))
        for part, folder in zip(parts, part_folders, strict=True)
    }
    for part, classes in found.items():
        if differing := classes.keys() ^ found["train"].keys():
            raise DataError(
                f"{tree.path}: expected the same classes in train and {part}, got "
                f"{', '.join(sorted(differing))} in only one of them; add or remove class folders"
            )
    return {part: found[part] for part in ("train", "validation", "test") if part in found}


def labels_of(classes: Mapping[str, Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """Put the images of all classes in one row.

    Args:
        classes: paths by class name.

    Returns:
        The paths, class after class, and for each the number of its class, int64.

    Example:
        >>> labels_of({"cat": ["1.png"], "dog": ["2.png", "3.png"]})
        (['1.png', '2.png', '3.png'], array([0, 1, 1]))
    """
    counts = [len(names) for names in classes.values()]
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return [name for names in classes.values() for name in names], labels


def _classes(tree: Tree, images: list[str], folder: str) -> dict[str, list[str]]:
    names = _children(tree, folder)
    if len(names) < 2:
        raise DataError(
            f"{_join(str(tree.path), folder)}: {_EXPECTED}, with at least two classes; got "
            f"{', '.join(names) or 'no folder'}. Put the images of each class in a folder"
        )
    groups = _by_folder(images, folder)
    for name in names:
        if name not in groups:
            raise DataError(
                f"{_join(folder, name)} in {tree.path}: expected images of a class "
                f"({', '.join(IMAGE_SUFFIXES)}), got none; add some or remove the folder"
            )
    return {name: groups[name] for name in names}


def _by_folder(images: list[str], folder: str) -> dict[str, list[str]]:
    """Group the images below a folder by the folder's own folders."""
    prefix = f"{folder}/" if folder else ""
    groups: dict[str, list[str]] = defaultdict(list)
    for image in images:
        if image.startswith(prefix):
            child, slash, _ = image[len(prefix) :].partition("/")
            if slash:
                groups[child].append(image)
    return dict(groups)


def _children(tree: Tree, folder: str) -> list[str]:
    return sorted(
        name.rpartition("/")[2] for name in tree.folders if name.rpartition("/")[0] == folder
    )


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name
