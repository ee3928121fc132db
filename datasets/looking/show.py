"""Looking at a data set: sample images, mean images and counts of its classes, and duplicates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.arguments import argument_error, as_path, whole_number
from zoo.datasets.files.mapped import release
from zoo.datasets.looking.duplicates import Duplicates, find_duplicates
from zoo.datasets.looking.sheet import Rows, draw_sheet
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, RunError
from zoo.files import write_atomically
from zoo.text import for_markdown, markdown_table

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
    """Draw each class of the splits, "train" among them, as `ImageData.show` describes."""
    whole_number("samples", samples, 1)
    whole_number("seed", seed, 0)
    train = splits["train"]
    height, width, channels = train.image_shape
    if channels not in (1, 3):
        received = f"{channels} channels. Choose 1 or 3 of them."
        raise ArgumentError(f"The images must be grey or RGB to be shown. Received: {received}")
    file = None if path is None else as_path("path", path)
    folder = None if log_dir is None else as_path("log_dir", log_dir)
    if file and file.suffix != ".png":
        raise argument_error("path", "end in .png", str(path), "Rename it")
    if folder:
        _make_folder(folder)

    color = "grey" if channels == 1 else "RGB"
    title = f"{name}: {train.num_classes} classes of {height}×{width}, {color}"
    duplicates = find_duplicates(splits)
    notes = [duplicates.sentence(), *([duplicates.details()] if duplicates else [])]

    def sample_column() -> dict[str, Rows]:
        return {"training images": sample_images(train, samples, seed)}

    means: Rows = [[] if mean is None else [mean] for mean in mean_images(train)]
    mean_column = {"mean": means}
    counts = {key: list(split.class_counts.values()) for key, split in splits.items()}
    rows = [*train.class_names, "all"]

    figure = draw_sheet(rows, sample_column() | mean_column, counts, title=title, notes=notes)
    if file:
        write_atomically(file, lambda temporary: figure.savefig(temporary))
    if folder:
        from zoo.tensorboard import TensorBoardLog

        log = TensorBoardLog(folder)
        # TensorBoard sorts the pictures by their names.
        for tag, draw in {
            "1 samples": lambda: draw_sheet(train.class_names, sample_column(), title=title),
            "2 mean images": lambda: draw_sheet(rows, mean_column, title=title),
            "3 class counts": lambda: draw_sheet(rows, {}, counts, title=title),
        }.items():
            log.figure("data", f"{name}/{tag}", draw, 0)
        text = to_markdown(splits, duplicates)
        log.text("data", f"{name}/counts and duplicates", text)
        log.close()
    return figure


def sample_images(split: Split, count: int, seed: int) -> Iterator[np.ndarray]:
    """Draw `count` images of each class at random, each at most once; of smaller classes all.

    Yields for each class uint8 [count or fewer, height, width, channels].
    """
    for label in range(split.num_classes):
        rows = np.flatnonzero(split.labels == label)
        rng = np.random.default_rng([seed, label])
        yield split.take(rng.permutation(rows)[:count]).images
        release(split.store)


def mean_images(split: Split) -> list[np.ndarray | None]:
    """Compute the mean image of each class, and of all images, uint8 [height, width, channels].

    Pixels are summed exactly, and some images are read at a time: only the sums are in memory. The
    mean of a class without images is None.
    """
    dtype = np.min_scalar_type(255 * len(split))  # no sum is larger
    sums = np.zeros((split.num_classes, *split.image_shape), dtype)
    start = 0
    for images in split.blocks(max(BYTES_AT_ONCE // sums[0].size, 1)):
        labels = split.labels[start : start + len(images)]
        start += len(images)
        for label in np.unique(labels):
            sums[label] += images[labels == label].sum(axis=0, dtype=dtype)
    counts = np.bincount(split.labels, minlength=split.num_classes)
    pairs = [*zip(sums, counts, strict=True), (sums.sum(axis=0, dtype=np.uint64), len(split))]
    return [np.rint(total / n).astype(np.uint8) if n else None for total, n in pairs]


def to_markdown(splits: Mapping[str, Split], duplicates: Duplicates) -> str:
    """Write the counts of each class in each split, and the duplicates, as Markdown text."""
    counts = [split.class_counts for split in splits.values()]
    table = [[name, *(f"{count[name]:,}" for count in counts)] for name in counts[0]]
    table.append(["**all**", *(f"{len(split):,}" for split in splits.values())])
    text = f"{markdown_table(['class', *splits], table)}\n\n{duplicates.to_markdown()}"
    return for_markdown(text)


def _make_folder(folder: Path) -> None:
    """Make the folder before the work, so that a wrong name is found at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"log_dir must be a folder, or a path where a folder can be made. Received: "
            f"{str(folder)!r} ({error}). Choose another path."
        ) from error
