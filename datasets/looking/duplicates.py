"""Images that are the same, pixel for pixel: counting them, or keeping one image of each set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from rich.console import Group, RenderableType

from zoo.datasets.split import Split
from zoo.text import as_plain_text, markdown_table, rich_table, terminal_text


@dataclass(frozen=True)
class Duplicates:
    """The numbers of images of a data set that are the same, pixel for pixel.

    The value is true if there are any duplicates, and prints as a table.

    Attributes:
        images: Split → number of its images.
        repeated: Split → number of images that repeat an earlier image of the split.
        shared: (split, other split) → number of images of the split that are also in the other.
        dropped: Number of images that `load(..., drop_duplicates=True)` leaves out.
        conflicting: Number of sets of identical images with different labels.
    """

    images: dict[str, int]
    repeated: dict[str, int]
    shared: dict[tuple[str, str], int]
    dropped: int
    conflicting: int

    def __bool__(self) -> bool:
        return self.dropped > 0

    def sentence(self) -> str:
        """Say in a sentence how many duplicates there are."""
        if not self:
            return "No two images are the same, pixel for pixel."
        sets = "set" if self.conflicting == 1 else "sets"
        return (
            f"Duplicates, pixel for pixel: {self.dropped:,} of {sum(self.images.values()):,} "
            f"images; {self.conflicting:,} {sets} of identical images with different labels."
        )

    def details(self) -> str:
        """Say in words where the duplicates are; empty if there are none."""
        if not self:
            return ""
        within = ", ".join(f"{split} {count:,}" for split, count in self.repeated.items())
        across = ", ".join(
            f"{self.shared[split, other]:,} of {split} with {other}"
            for split, other in combinations(reversed(self.images), 2)
        )
        return f"Within a split: {within}." + (f" Shared: {across}." if across else "")

    def to_markdown(self) -> str:
        """The sentence and the table, as Markdown text."""
        table = f"\n\n{markdown_table(*self._table())}" if self else ""
        return self.sentence() + table

    def _table(self) -> tuple[list[str], list[list[str]]]:
        others = list(self.images) if len(self.images) > 1 else []
        header = ["duplicates", "images", "repeated", *(f"also in {other}" for other in others)]
        rows = []
        for split, count in self.images.items():
            shared = [self.shared.get((split, other)) for other in others]
            also_in = ["–" if number is None else f"{number:,}" for number in shared]
            rows.append([split, f"{count:,}", f"{self.repeated[split]:,}", *also_in])
        return header, rows

    def __rich__(self) -> RenderableType:
        sentence = terminal_text(self.sentence())
        return Group(rich_table(*self._table()), sentence) if self else sentence

    def __str__(self) -> str:
        return as_plain_text(self)


def find_duplicates(splits: Mapping[str, Split]) -> Duplicates:
    """Count the images that are the same, pixel for pixel, by a hash of 64 bits for each image.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> images = np.array([0, 0, 1, 2], "uint8")[:, None, None, None]
        >>> train = as_split(images, [0, 0, 1, 1], class_names=("cat", "dog"))
        >>> test = as_split(images[:1], [1], class_names=("cat", "dog"))
        >>> splits = {"train": train, "test": test}
        >>> print(find_duplicates(splits))
        duplicates  images  repeated  also in train  also in test
        train            4         1              –             2
        test             1         0              1             –
        Duplicates, pixel for pixel: 2 of 5 images; 1 set of identical images with different labels.
    """
    digests = {name: split.digests for name, split in splits.items()}
    every = np.concatenate(list(digests.values()))
    labels = np.concatenate([split.labels for split in splits.values()])
    order = np.lexsort([labels, every])
    every, labels = every[order], labels[order]
    same = every[1:] == every[:-1]
    mixed = every[1:][same & (labels[1:] != labels[:-1])]
    return Duplicates(
        images={name: len(split) for name, split in splits.items()},
        repeated={name: len(own) - len(np.unique(own)) for name, own in digests.items()},
        shared={
            (name, other): splits[name].count_among(digests[other])
            for name, other in permutations(digests, 2)
        },
        dropped=int(same.sum()),
        conflicting=len(np.unique(mixed)),
    )


def without_duplicates(splits: Mapping[str, Split]) -> dict[str, Split]:
    """Keep the first image of each set of identical images, in the last split that has one."""
    digests = np.empty(0, np.uint64)
    kept = {}
    for name, split in reversed([*splits.items()]):
        first = np.zeros(len(split), bool)
        first[np.unique(split.digests, return_index=True)[1]] = True
        kept[name] = split.take(first & ~np.isin(split.digests, digests))
        digests = np.concatenate([digests, split.digests])
    return {name: kept[name] for name in splits}
