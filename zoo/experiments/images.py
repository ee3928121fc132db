"""The images of an experiment: where they are found, and how many of them are taken."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import as_path
from zoo.datasets import ImageData, Split, load
from zoo.datasets.registry import get_dataset
from zoo.experiments.settings import DataSettings

QUICK_IMAGES = 6
"""The number of images of each class and split in a quick trial, at most."""


def load_images(
    settings: DataSettings,
    root: Any,
    seed: int = 0,
    *,
    new_split: bool = False,
    quick: bool = False,
) -> ImageData:
    """Load the images of an experiment.

    Args:
        settings: The data set, and how it is loaded.
        root: As for `zoo.experiments.reproduce`.
        seed: The seed of the images that are taken, where `settings` takes a number of them.
        new_split: Whether the seed also decides which images are held out.
        quick: Whether to take a few images only.

    Returns:
        The data set.
    """
    options = {**settings.options, "root": _root(settings, root)}
    if new_split:
        options["seed"] = seed
    data = load(settings.name, **options)
    if settings.training_images is not None:
        count = min(settings.training_images, len(data.train))
        data = replace(data, train=data.train.sample(count, stratified=True, seed=seed))
    if not quick:
        return data
    few = {name: _few(split) for name, split in data.splits.items()}
    return ImageData(data.name, **few)


def data_folder(root: Any) -> Path | None:
    """Give the folder of the data: `root`, else `$ZOO_DATA`; None if there is neither."""
    base = root if root is not None else os.environ.get("ZOO_DATA") or None
    return None if base is None else as_path("root", base)


def _few(split: Split) -> Split:
    """Take a few images of each class that has some."""
    rows = [
        np.flatnonzero(split.labels == label)[:QUICK_IMAGES] for label in range(split.num_classes)
    ]
    return split.take(np.concatenate(rows))


def _root(settings: DataSettings, root: Any) -> Path | None:
    """Find the archive in the folder of the data, where the experiment names the archive."""
    path = data_folder(root)
    if path is None:
        return None
    if settings.archive and os.path.isfile(path / settings.archive):
        return path / settings.archive
    return path if root is not None or not get_dataset(settings.name).info.markers else None
