"""Images that are the same, pixel for pixel: count them, or keep one of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from zoo.datasets.split import Split
from zoo.text import as_plain_text, markdown_table, rich_table


@dataclass(frozen=True)
class Duplicates:
    """How many images of a data set are the same, pixel for pixel.

    It is true where there are any, and prints as a table.

    Attributes:
        images: part → its images.
        repeated: part → images that repeat an earlier one of that part.
        shared: (part, other part) → images of the part that are also in the other.
        dropped: images that `load(..., drop_duplicates=True)` leaves out.
        conflicting: sets of identical images that carry different labels.
    """

    images: dict[str, int]
    repeated: dict[str, int]
    shared: dict[tuple[str, str], int]
    dropped: int
    conflicting: int

    def __bool__(self) -> bool:
        return self.dropped > 0

    def sentence(self) -> str:
        """Say in words what was found."""
        if not self:
            return "No two images are the same, pixel for pixel."
        sets = "set" if self.conflicting == 1 else "sets"
        total = sum(self.images.values())
        return (
            f"Duplicates, pixel for pixel: {self.dropped:,} of {total:,} images; "
            f"{self.conflicting:,} {sets} of identical images with different labels."
        )

    def details(self) -> str:
        """Say in words where they are; empty where there are none."""
        if not self:
            return ""
        within = ", ".join(f"{part} {count:,}" for part, count in self.repeated.items())
        across = ", ".join(
            f"{self.shared[part, other]:,} of {part} with {other}"
            for part, other in combinations(reversed(self.images), 2)
        )
        return f"Within a part: {within}." + (f" Shared: {across}." if across else "")

    def to_markdown(self) -> str:
        """The sentence and the table, as Markdown text."""
        if not self:
            return self.sentence()
        header, *rows = self._rows()
        return f"{self.sentence()}\n\n{markdown_table(header, rows)}"

    def _rows(self) -> list[list[str]]:
        parts = list(self.images)
        also = [f"also in {part}" for part in parts] if len(parts) > 1 else []
        rows = [["duplicates", "images", "repeated", *also]]
        for part in parts:
            shared = [self.shared.get((part, other)) for other in parts] if also else []
            cells = ["–" if count is None else f"{count:,}" for count in shared]
            rows.append([part, f"{self.images[part]:,}", f"{self.repeated[part]:,}", *cells])
        return rows

    def __rich__(self) -> RenderableType:
        if not self:
            return Text(self.sentence())
        header, *rows = self._rows()
        return Group(rich_table(header, rows), Text(self.sentence()))

    def __str__(self) -> str:
        return as_plain_text(self)


def find_duplicates(splits: Mapping[str, Split]) -> Duplicates:
    """Count the images that are the same, pixel for pixel, by a hash of 64 bits each.

    Args:
        splits: the parts of a data set, by name, with the same classes.

    Returns:
        The counts.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> images = np.array([0, 0, 1, 2], "uint8")[:, None, None, None]
        >>> parts = {"train": as_split(images, [0, 0, 1, 1]), "test": as_split(images[:1], [1])}
        >>> print(find_duplicates(parts))
        duplicates  images  repeated  also in train  also in test
        train            4         1              –             2
        test             1         0              1             –
        Duplicates, pixel for pixel: 2 of 5 images; 1 set of identical images with different labels.
    """
    digests = {part: split.digests for part, split in splits.items()}
    every = np.concatenate(list(digests.values()))
    labels = np.concatenate([split.labels for split in splits.values()])
    order = np.lexsort([labels, every])
    every, labels = every[order], labels[order]
    same = every[1:] == every[:-1]
    mixed = every[1:][same & (labels[1:] != labels[:-1])]
    return Duplicates(
        images={part: len(split) for part, split in splits.items()},
        repeated={part: len(own) - len(np.unique(own)) for part, own in digests.items()},
        shared={
            (part, other): splits[part].count_among(digests[other])
            for part, other in permutations(digests, 2)
        },
        dropped=int(same.sum()),
        conflicting=len(np.unique(mixed)),
    )


def without_duplicates(splits: Mapping[str, Split]) -> dict[str, Split]:
    """Keep the first of images that are the same, looking at the last part first.

    Args:
        splits: the parts by name: train, validation, test, as far as there are any.

    Returns:
        The parts without their duplicates, in the order given.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> images = np.array([0, 0, 1, 2], "uint8")[:, None, None, None]
        >>> parts = {"train": as_split(images, [0, 0, 1, 1]), "test": as_split(images[:1], [1])}
        >>> {part: len(split) for part, split in without_duplicates(parts).items()}
        {'train': 2, 'test': 1}
    """
    seen = np.empty(0, np.uint64)
    kept = {}
    for part in reversed(list(splits)):
        split = splits[part]
        first = np.zeros(len(split), bool)
        first[np.unique(split.digests, return_index=True)[1]] = True
        kept[part] = split.take(first & ~np.isin(split.digests, seen))
        seen = np.concatenate([seen, split.digests])
    return {part: kept[part] for part in splits}
