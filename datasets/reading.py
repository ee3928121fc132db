"""Reading the images of a data set, from the cache or from the files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.datasets.cache.fingerprint import ListedFiles
from zoo.datasets.cache.store import remember
from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.conversion import ImageConversion, NewArray, concatenate_splits, in_memory
from zoo.datasets.load_arguments import SPLITS
from zoo.datasets.registry import NO_FILES, Dataset, ReadRequest
from zoo.datasets.split import Split
from zoo.errors import DataError


@dataclass(frozen=True)
class Reading:
    """What is read of a data set: where the files are, and all that the pixels depend on.

    `known_classes` has the names of the classes of the model that the images are to judge, as for
    `ReadRequest`; None: the images are to train a model.
    """

    dataset: Dataset
    path: Path | None
    split_parts: dict[str, list[str]]
    size: tuple[int, int] | None
    color: str | None
    classes: tuple[str, ...] | None
    resize: str
    on_error: str = "raise"
    known_classes: tuple[str, ...] | None = None

    def from_cache(self, path: Path) -> dict[str, Split]:
        """Read the splits from the cache, or read the files and put the splits into the cache."""
        info = self.dataset.info
        listed = ListedFiles(path, info.file_pattern)

        def refuse_changes() -> None:
            if listed.have_changed():
                received = f"{path}, which has changed while it was read"
                expected = "stay as they are while they are read"
                raise data_error("The files", expected, received, "Load it again")

        def read(new: NewArray) -> dict[str, Split]:
            splits = self.from_files(new, listed)
            refuse_changes()
            return splits

        def last_facts() -> dict[str, Any]:
            content = listed.fingerprint()
            refuse_changes()  # a file that is hashed after the decoding may be another by then
            return {"content": content}

        content = listed.known_fingerprint()
        if not content and (not path.is_dir() or listed.are_familiar()):
            content = listed.fingerprint()
        facts: dict[str, Any] = {
            "parts": self.split_parts, "size": self.size,
            "color": self.color, "classes": self.classes and sorted(self.classes),
        }  # fmt: skip
        # Facts at their defaults are left out, so that entries of earlier versions stay in use.
        facts |= {"resize": self.resize} if self.resize != "stretch" else {}
        facts |= {"on_error": self.on_error} if self.on_error != "raise" else {}
        facts |= {"version": info.version} if info.version else {}
        if self.known_classes is not None:
            facts["known_classes"] = sorted(self.known_classes)
        if content:
            return remember(info.name, facts | {"content": content}, read)
        # Files that are here for the first time are hashed while they are decoded.
        return remember(info.name, facts, read, last_facts)

    def from_files(
        self, new: NewArray = in_memory, listed: ListedFiles | None = None
    ) -> dict[str, Split]:
        """Read the splits from the files, as far as the files hold them.

        `new` makes room for the images of a split. `listed` has listed the files; None: they are
        listed first.
        """
        info = self.dataset.info
        conversion = ImageConversion(self.size, self.color, new, self.resize)
        parts = tuple(dict.fromkeys(itertools.chain(*self.split_parts.values())))
        files = (
            open_tree(
                self.path,
                info.file_pattern,
                found=listed.found if listed else None,
                read_file=listed.read if listed else None,
            )
            if self.path
            else nullcontext(NO_FILES)
        )
        with files as tree:
            request = ReadRequest(
                tree, parts, self.classes, conversion, self.on_error, self.known_classes
            )
            found = self._check(self.dataset.read(request))
        if not info.parts:
            return found
        splits = {
            split: concatenate_splits(split, [found[part] for part in names], conversion)
            for split, names in self.split_parts.items()
            if {*names} <= {*found}
        }
        if "train" not in splits:
            raise lacks_parts(info, self.path, self.split_parts["train"])
        return splits

    def _check(self, found: Any) -> dict[str, Split]:
        """Refuse anything but splits with the same classes and image shape.

        The splits are those of a reader. They are "train", and perhaps others, if the images are to
        train a model.
        """
        info = self.dataset.info
        subject = f"The function that reads {info.name!r}"
        needed = {"train"} if self.known_classes is None else set()
        sound = isinstance(found, Mapping) and all(isinstance(s, Split) for s in found.values())
        if sound:
            alike = len({(split.class_names, split.image_shape) for split in found.values()}) <= 1
            sound = alike and (bool(info.parts) or needed <= {*found} <= {*SPLITS})
        if not sound:
            names = "a part" if info.parts else '"train", and perhaps "validation" and "test"'
            expected = f"return a dict of splits with the same class names and image shape: {names}"
            remedy = "Make each split by `request.split(name, images, labels, class_names)`"
            raise data_error(subject, expected, f"{found!r:.200}", remedy)
        if weighted := [name for name, split in found.items() if split.sample_weight is not None]:
            expected = "return splits without sample_weight, which the cache does not keep"
            remedy = "Pass the weights to fit(sample_weight=)"
            raise data_error(subject, expected, f"weights in {', '.join(weighted)}", remedy)
        # A selection of rows is copied: the cache keeps whole arrays.
        return {
            name: Split(
                name, split.images, split.labels, split.class_names, label_shares=split.label_shares
            )
            for name, split in found.items()
        }


def lacks_parts(info: DatasetInfo, path: Path | None, names: Sequence[str]) -> DataError:
    """Make the error for a data set whose files do not have all of the wanted parts."""
    expected = f"have the parts {' and '.join(names)}"
    remedy = f"Fetch them ({info.source}), or choose others by parts="
    return data_error(path, expected, "files that do not have all of them", remedy)
