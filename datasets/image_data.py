"""A loaded data set: up to three `Split`s with the same classes and image shape."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.datasets.looking.duplicates import Duplicates, find_duplicates
from zoo.datasets.split import Split
from zoo.text import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class ImageData:
    """A loaded data set: splits to train, validate and test on.

    All splits have the same image shape and class names.

    Args:
        name: Name of the data set.
        train: Images to train on.
        validation: Images to validate on, or None.
        test: Images to test on, or None.

    Example:
        >>> import zoo.datasets
        >>> zoo.datasets.load("digits", classes=["3", "8"])
        ImageData('digits', 2 classes of 8×8×1)
          train            256  3 131, 8 125
          validation        29  3 15, 8 14
          test              72  3 37, 8 35
    """

    name: str
    train: Split
    validation: Split | None = None
    test: Split | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class id."""
        return self.train.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image."""
        return self.train.image_shape

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.train.num_classes

    @property
    def splits(self) -> dict[str, Split]:
        """The splits that are not None, by "train", "validation" and "test"."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in every.items() if split is not None}

    @property
    def parts(self) -> dict[str, Split]:
        """The earlier name of `splits`."""
        return self.splits

    def duplicates(self) -> Duplicates:
        """Count the images that are the same, pixel for pixel, within and across the splits.

        The counts are true if there are any duplicates, and a table when printed.

        Example:
            >>> import zoo.datasets
            >>> print(zoo.datasets.load("digits").duplicates())
            No two images are the same, pixel for pixel.
        """
        return find_duplicates(self.splits)

    def show(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        log_dir: str | os.PathLike[str] | None = None,
        samples: int = 10,
        seed: int = 0,
    ) -> Figure:
        """Draw for each class some training images, their mean, and the sizes of the splits.

        Args:
            path: Write the picture to this `.png` file too; an earlier file is replaced.
            log_dir: Write the picture for TensorBoard too, into the folder `data` in this folder,
                with the counts and the duplicates as text.
            samples: How many training images of each class to draw, if the class has so many.
            seed: Seed of the choice; 0 or more.

        Returns:
            A matplotlib figure, which a notebook displays.

        Raises:
            ArgumentError: An argument is out of range, or images are neither grey nor RGB.
            RunError: A file cannot be written.

        Example:
            >>> import zoo.datasets
            >>> figure = zoo.datasets.load("digits").show(samples=5)
            >>> figure.texts[0].get_text()
            'digits: 10 classes of 8×8, grey'
        """
        from zoo.datasets.looking.show import show  # loads matplotlib

        return show(self.name, self.splits, path, log_dir=log_dir, samples=samples, seed=seed)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.image_shape))
        lines = [f"ImageData({self.name!r}, {self.num_classes} classes of {shape})"]
        for split in self.splits.values():
            counts = ", ".join(f"{name} {count:,}" for name, count in split.class_counts.items())
            lines.append(visible(f"  {split.name:<10}{len(split):>10,}  {counts}"))
        return "\n".join(lines)
