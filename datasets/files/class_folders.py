"""The folders of a tree that are classes, and the split of the data that each belongs to."""

import contextlib
import itertools
import unicodedata
import warnings
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from zoo.datasets.files.checks import data_error, kind_of_file, left_out, printable
from zoo.datasets.files.tree import Tree
from zoo.errors import DataError

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_CONVERT = "Convert those that are pictures to JPEG or PNG"
_EXPECTED = "<class>/<image>, or train/<class>/<image> beside validation/ and test/"


def class_folders(tree: Tree, images: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Find the images of each class, in each split of the data.

    The classes are folders, side by side or in one folder for each split. All of them may lie in
    one single top folder, as in many archives. Images in folders inside a class folder belong to
    the class. Left out, with a warning, are images outside of the class folders, files in them
    that are no images, and the images of a test or validation folder without class folders.

    Args:
        tree: The files.
        images: Paths of the files that are images, sorted.

    Returns:
        Sorted paths of images by class name by split: "train", and "validation" and "test" if there
        are such folders.

    Raises:
        DataError: A class has no images, or the splits do not have the same classes.

    Example:
        >>> from pathlib import Path
        >>> names = ("data/cat/1.png", "data/dog/1.png", "data/dog/more/2.png", "data/notes.txt")
        >>> folders = frozenset({"data", "data/cat", "data/dog", "data/dog/more"})
        >>> tree = Tree(Path("pets.zip"), dict.fromkeys(names, 1), folders, open)
        >>> class_folders(tree, names[:3])["train"]["dog"]
        ['data/dog/1.png', 'data/dog/more/2.png']
    """
    top, split_folders = _top(tree, images)
    if split_folders and "train" not in split_folders.values():
        raise _misplaced(tree, top)
    roots = _roots(tree, images, top, split_folders)
    found = {"train": _classes(tree, images, roots["train"])}
    for split in ("validation", "test"):
        if split in roots and not _is_unlabelled(tree, images, roots[split], found["train"]):
            found[split] = _classes(tree, images, roots[split])
            if differing := found[split].keys() ^ found["train"].keys():
                expected = f"have the same classes in train and {split}"
                received = f"{', '.join(sorted(differing))} in only one of them"
                raise data_error(tree.path, expected, received, "Add or remove class folders")
    _report_left_out(tree, images, roots, found)
    return found


def class_folders_to_judge(
    tree: Tree, images: Sequence[str], known_classes: Collection[str]
) -> dict[str, dict[str, list[str]]]:
    """Find the images of each class, in each split of the data, to judge a model on them.

    The folders may lie as for `class_folders`. A single class is enough, and splits need neither
    have the same classes nor be there: images in a folder for one split only are found.

    Args:
        tree: The files.
        images: Paths of the files that are images, sorted.
        known_classes: Names of the classes that the model knows; empty if it knows no names. A
            single top folder with such a name is a class.

    Returns:
        Sorted paths of images by class name by split. Each split has all classes that have images
        in any split, sorted. Class folders outside of folders for splits are the split "train".

    Raises:
        DataError: No images are in class folders, or the folders of splits lie beside others.

    Example:
        >>> from pathlib import Path
        >>> folders = frozenset({"test", "test/cat"})
        >>> tree = Tree(Path("new.zip"), {"test/cat/1.png": 1}, folders, open)
        >>> class_folders_to_judge(tree, ["test/cat/1.png"], ["cat", "dog"])
        {'test': {'cat': ['test/cat/1.png']}}
    """
    top, split_folders = _top(tree, images, known_classes)
    roots = _roots(tree, images, top, split_folders)
    groups = {split: _by_class(_by_folder(images, root)) for split, root in roots.items()}
    groups = {split: classes for split, classes in groups.items() if classes}
    if not groups:
        folder = f"{tree.path}/{top}".rstrip("/")
        received = f"{len(images):,} images outside of class folders"
        remedy = "Put the images of each class in a folder with the name of the class"
        if not images and (others := _files_that_are_no_images(tree, top)):
            received, remedy = others, _CONVERT
        raise data_error(folder, "hold <class>/<image>, or test/<class>/<image>", received, remedy)
    _report_left_out(tree, images, {split: roots[split] for split in groups}, groups)
    names = sorted({*itertools.chain(*groups.values())})
    return {split: {name: group.get(name, []) for name in names} for split, group in groups.items()}


def _top(
    tree: Tree, images: Sequence[str], known_classes: Collection[str] = ()
) -> tuple[str, dict[str, str]]:
    """The path in which all folders lie, and the split of each folder there that is for a split."""
    parents = {name.rpartition("/")[0] for name in images}
    top, inside = "", _folders_in(tree, "")
    is_split_or_class = {name for name in inside if name.lower() in _SPLITS} | {*known_classes}
    if (
        len(inside) == 1
        and not {*map(_composed, inside)} & is_split_or_class
        and not parents & {"", inside[0]}
    ):
        top = f"{inside[0]}/"
        inside = _folders_in(tree, top)
    return top, {name: _SPLITS[name.lower()] for name in inside if name.lower() in _SPLITS}


def _roots(
    tree: Tree, images: Sequence[str], top: str, folders: Mapping[str, str]
) -> dict[str, str]:
    """The path in which the class folders of each split lie; `folders` has the splits by name."""
    if not folders:
        return {"train": top}
    outside = _by_folder(images, top).keys() - folders.keys()
    if len({*folders.values()}) < len(folders) or outside:
        raise _misplaced(tree, top)
    return {split: f"{top}{folder}/" for folder, split in folders.items()}


def _misplaced(tree: Tree, top: str) -> DataError:
    """Make the error for folders of splits that are missing, double, or beside other folders."""
    received = f"the folders {', '.join(_folders_in(tree, top))}"
    remedy = "Rename, merge or remove folders"
    return data_error(tree.path, f"hold {_EXPECTED}, each once", received, remedy)


def _is_unlabelled(
    tree: Tree, images: Sequence[str], prefix: str, classes: Collection[str]
) -> bool:
    """Whether a folder holds images that are in no class folder; a warning says so."""
    names = _folders_in(tree, prefix)
    count = sum(image.startswith(prefix) for image in images)
    if len(names) > 1 or {*map(_composed, names)} & {*classes} or not count:
        return False
    folder = f"{tree.path}/{prefix}".rstrip("/")
    warnings.warn(
        f"{folder} holds {count:,} images without class folders. They are left out, and images are "
        f"held out of the training images instead. Classify them with `zoo predict MODEL {folder}`",
        stacklevel=2,
    )
    return True


def _report_left_out(
    tree: Tree,
    images: Sequence[str],
    roots: Mapping[str, str],
    found: Mapping[str, Mapping[str, Sequence[str]]],
) -> None:
    """Warn of files in class folders that are no images, and of images outside of them."""
    taken = {name for classes in found.values() for names in classes.values() for name in names}
    labelled = tuple(roots[split] for split in found)
    unlabelled = tuple(root for split, root in roots.items() if split not in found)
    loose = [name for name in images if name not in taken and not name.startswith(unlabelled)]
    others = [
        name
        for name in sorted(tree.sizes.keys() - {*images})
        if any(name.startswith(root) and "/" in name[len(root) :] for root in labelled)
    ]
    for names, reason in ((loose, "they are images outside of the class folders"), (others, None)):
        if names:
            warnings.warn(left_out(tree.path, names, reason), stacklevel=3)


def labels_of(classes: Mapping[str, Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """Put the paths of all classes in one list; also return each path's class id, int64."""
    counts = [len(names) for names in classes.values()]
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return [name for names in classes.values() for name in names], labels


def _classes(tree: Tree, images: Sequence[str], prefix: str) -> dict[str, list[str]]:
    """The images by class, where the class folders lie in the folder `prefix`."""
    names = _folders_in(tree, prefix)
    if len(names) < 2:
        folder = f"{tree.path}/{prefix}".rstrip("/")
        received = ", ".join(names) or "no folder"
        remedy = "Put the images of each class in a folder"
        raise data_error(folder, f"hold {_EXPECTED}, with at least two classes", received, remedy)
    groups = _by_folder(images, prefix)
    if empty := [name for name in names if name not in groups]:
        expected = "hold images of a class"
        folder = f"{prefix}{empty[0]} in {tree.path}"
        received, remedy = "none", "Add some or remove the folder"
        if others := _files_that_are_no_images(tree, f"{prefix}{empty[0]}/"):
            received, remedy = others, _CONVERT
        raise data_error(folder, expected, received, remedy)
    return _by_class({name: groups[name] for name in names})


def _files_that_are_no_images(tree: Tree, prefix: str) -> str:
    """Name the files in a folder without images, and say what they are; nothing if it is empty."""
    names = sorted(name for name in tree.sizes if name.startswith(prefix))
    if not names:
        return ""
    kind = "a file"
    with contextlib.suppress(DataError), tree.open(names[0]) as content:
        kind = kind_of_file(content)
    count = f"{len(names):,} files such as " if names[1:] else ""
    return f"{count}{printable(names[0])}, {kind}, which is not read"


def _by_class(folders: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Give the images of folders by the names of classes, sorted."""
    classes: dict[str, list[str]] = {}
    for name, images in folders.items():
        classes.setdefault(_composed(name), []).extend(images)
    return {name: sorted(classes[name]) for name in sorted(classes)}


def _composed(name: str) -> str:
    """Write a letter with an accent as one character, as keyboards do.

    macOS takes the letter and the accent apart in the names of folders. Without this, a class would
    have two names, one from macOS and one from other systems.
    """
    return unicodedata.normalize("NFC", name)


def _by_folder(images: Sequence[str], prefix: str) -> dict[str, list[str]]:
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
