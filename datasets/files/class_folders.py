"""The folders of a tree that are classes, and the split of the data that each belongs to."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import Tree

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_OTHER_IMAGES = (".avif", ".gif", ".heic", ".pgm", ".ppm", ".tif", ".tiff")

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_EXPECTED = "<class>/<image>, or train/<class>/<image> beside validation/ and test/"


def class_folders(tree: Tree) -> dict[str, dict[str, list[str]]]:
    """Find the images of each class, in each split of the data.

    The classes are folders, side by side or in one folder for each split. All of them may lie in
    one single top folder, as in many archives. Images in folders inside a class folder belong to
    the class. Files that are no images, and images outside of the class folders, are ignored;
    images in a format that is not read are left out with a warning.

    Returns sorted paths of images by class name by split: "train", and "validation" and "test" if
    there are such folders. A DataError says that a class has no images, or that the splits do not
    have the same classes.

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
            f"{tree.path}: {len(unread):,} images such as {unread[0]} are left out. Only "
            f"{', '.join(IMAGE_SUFFIXES)} are read. Convert the others",
            stacklevel=2,
        )
    parents = {name.rpartition("/")[0] for name in images}
    top, inside = "", _folders_in(tree, "")
    if len(inside) == 1 and inside[0].lower() not in _SPLITS and not parents & {"", inside[0]}:
        top = f"{inside[0]}/"
        inside = _folders_in(tree, top)
    split_folders = {name: _SPLITS[name.lower()] for name in inside if name.lower() in _SPLITS}
    if not split_folders:
        return {"train": _classes(tree, images, top)}

    splits = [*split_folders.values()]
    outside = _by_folder(images, top).keys() - split_folders.keys()
    if "train" not in splits or len(set(splits)) < len(splits) or outside:
        received = f"the folders {', '.join(inside)}"
        remedy = "Rename, merge or remove folders"
        raise data_error(tree.path, f"hold {_EXPECTED}, each once", received, remedy)
    found = {
        split: _classes(tree, images, f"{top}{folder}/") for folder, split in split_folders.items()
    }
    for split, classes in found.items():
        if differing := classes.keys() ^ found["train"].keys():
            expected = f"have the same classes in train and {split}"
            received = f"{', '.join(sorted(differing))} in only one of them"
            raise data_error(tree.path, expected, received, "Add or remove class folders")
    return {split: found[split] for split in ("train", "validation", "test") if split in found}


def labels_of(classes: Mapping[str, Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """Put the paths of all classes in one list; also return each path's class id, int64."""
    counts = [len(names) for names in classes.values()]
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return [name for names in classes.values() for name in names], labels


def _classes(tree: Tree, images: list[str], prefix: str) -> dict[str, list[str]]:
    """The images by class, where the class folders lie in the folder `prefix`."""
    names = _folders_in(tree, prefix)
    if len(names) < 2:
        folder = f"{tree.path}/{prefix}".rstrip("/")
        received = ", ".join(names) or "no folder"
        remedy = "Put the images of each class in a folder"
        raise data_error(folder, f"hold {_EXPECTED}, with at least two classes", received, remedy)
    groups = _by_folder(images, prefix)
    if empty := [name for name in names if name not in groups]:
        expected = f"hold images of a class ({', '.join(IMAGE_SUFFIXES)})"
        folder = f"{prefix}{empty[0]} in {tree.path}"
        raise data_error(folder, expected, "none", "Add some or remove the folder")
    return {name: groups[name] for name in names}


def _by_folder(images: list[str], prefix: str) -> dict[str, list[str]]:
    """Group the images in the folder `prefix` by that folder's own folders."""
    groups: dict[str, list[str]] = {}
    for image in images:
        if image.startswith(prefix):
            child, slash, _ = image.removeprefix(prefix).partition("/")
            if slash:
                groups.setdefault(child, []).append(image)
    return groups


def _folders_in(tree: Tree, prefix: str) -> list[str]:
    """The names of the folders in the folder `prefix`."""
    inside = (name.removeprefix(prefix) for name in tree.folders if name.startswith(prefix))
    return sorted(name for name in inside if "/" not in name)
