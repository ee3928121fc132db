"""Look at a data set: sample images, mean images and counts of its classes, and duplicates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.files.mapped import release
from zoo.datasets.looking.duplicates import find_duplicates
from zoo.datasets.looking.sheet import Pictures, draw_sheet
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, RunError
from zoo.files import write_atomically
from zoo.text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BYTES_AT_ONCE = 2**23


def show(
    name: str,
    splits: Mapping[str, Split],
    path: str | os.PathLike[str] | None = None,
    *,
    log_dir: str | os.PathLike[str] | None = None,
    samples: int = 10,
    seed: int = 0,
) -> Figure:
    """Do what `ImageData.show` promises; its docstring describes the arguments."""
    whole_number("samples", samples, 1)
    whole_number("seed", seed, 0)
    train = splits["train"]
    height, width, channels = train.image_shape
    if channels not in (1, 3):
        raise ArgumentError(
            "images must be grey or RGB, with 1 or 3 channels, to be shown. "
            f"Received: {channels} channels. Leave out the other channels."
        )
    file, folder = _checked_path("path", path), _checked_path("log_dir", log_dir)
    if file and file.suffix != ".png":
        raise ArgumentError(f"path must end in .png. Received: {str(path)!r}")
    if folder:
        _make_folder(folder)

    colour = "grey" if channels == 1 else "RGB"
    title = f"{name}: {train.num_classes} classes of {height}×{width}, {colour}"
    duplicates = find_duplicates(splits)
    notes = [duplicates.sentence(), *([duplicates.details()] if duplicates else [])]

    def sampled() -> dict[str, Pictures]:
        return {"training images": sample_images(train, samples, seed)}

    means: dict[str, Pictures] = {
        "mean": [[] if one is None else [one] for one in mean_images(train)]
    }
    counts = {part: list(split.class_counts.values()) for part, split in splits.items()}
    names = [*train.class_names, "all"]

    figure = draw_sheet(names, sampled() | means, counts, title=title, notes=notes)
    if file:
        write_atomically(file, lambda temporary: figure.savefig(temporary))
    if folder:
        # TensorBoard sorts by name.
        pictures = {
            "1 samples": draw_sheet(train.class_names, sampled(), title=title),
            "2 mean images": draw_sheet(names, means, title=title),
            "3 class counts": draw_sheet(names, {}, counts, title=title),
        }
        _log(name, splits, folder, pictures)
    return figure


def sample_images(split: Split, count: int, seed: int) -> Iterator[np.ndarray]:
    """Draw images of each class at random, each at most once.

    Args:
        split: where from.
        count: how many of each class, where there are so many.
        seed: of the choice.

    Yields:
        For each class, uint8 [count or fewer, height, width, channels].

    Example:
        >>> import zoo.datasets
        >>> images = list(sample_images(zoo.datasets.load("digits").train, 3, seed=0))
        >>> len(images), images[9].shape
        (10, (3, 8, 8, 1))
    """
    for label in range(split.num_classes):
        rows = np.flatnonzero(split.labels == label)
        rng = np.random.default_rng([seed, label])
        yield split.take(rng.permutation(rows)[:count]).images
        release(split.store)


def mean_images(split: Split) -> list[np.ndarray | None]:
    """The mean image of each class, and of all.

    Pixels are summed exactly, and read some at a time: memory is that of the sums.

    Args:
        split: the images.

    Returns:
        For each class, and then for all of them, uint8 [height, width, channels], rounded; None
        without images.

    Example:
        >>> from zoo.datasets.split import as_split
        >>> images = np.array([0, 10, 40], "uint8")[:, None, None, None]
        >>> [int(mean.item()) for mean in mean_images(as_split(images, [0, 0, 1]))]
        [5, 40, 17]
    """
    enough = np.min_scalar_type(255 * len(split))
    sums = np.zeros((split.num_classes, *split.image_shape), enough)
    start = 0
    for images in split.blocks(max(BYTES_AT_ONCE // sums[0].size, 1)):
        labels = split.labels[start : start + len(images)]
        start += len(images)
        for label in np.unique(labels):
            sums[label] += images[labels == label].sum(axis=0, dtype=enough)
    counts = np.bincount(split.labels, minlength=split.num_classes)
    pairs = [*zip(sums, counts, strict=True), (sums.sum(axis=0, dtype=np.uint64), len(split))]
    return [np.rint(total / n).astype(np.uint8) if n else None for total, n in pairs]


def to_markdown(splits: Mapping[str, Split]) -> str:
    """The counts of each class in each part, and the duplicates, as Markdown text.

    Args:
        splits: The splits of the data set, by name.

    Returns:
        The tables.

    Example:
        >>> import zoo.datasets
        >>> data = zoo.datasets.load("digits", classes=["3", "8"])
        >>> print(to_markdown(data.splits))
        | class | train | validation | test |
        | --- | ---: | ---: | ---: |
        | 3 | 131 | 15 | 37 |
        | 8 | 125 | 14 | 35 |
        | **all** | 256 | 29 | 72 |
        <BLANKLINE>
        No two images are the same, pixel for pixel.
    """
    rows = zip(*(split.class_counts.values() for split in splits.values()), strict=True)
    table = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(splits["train"].class_names, rows, strict=True)
    ]
    table.append(["**all**", *(f"{len(split):,}" for split in splits.values())])
    counted = markdown_table(["class", *splits], table)
    return f"{counted}\n\n{find_duplicates(splits).to_markdown()}"


def _log(name: str, splits: Mapping[str, Split], folder: Path, pictures: dict[str, Any]) -> None:
    from zoo.tensorboard import TensorBoardLog

    log = TensorBoardLog(folder)
    for tag, figure in pictures.items():
        log.figure("data", f"{name}/{tag}", figure, 0)
    log.text("data", f"{name}/counts and duplicates", to_markdown(splits))
    log.close()


def _checked_path(name: str, path: Any) -> Path | None:
    try:
        return None if path is None else Path(path)
    except TypeError as error:
        raise ArgumentError(f"{name} must be a path. Received: {path!r}") from error


def _make_folder(folder: Path) -> None:
    """Before the work, so that a wrong name is found at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} is no folder and cannot become one: {error}") from error
