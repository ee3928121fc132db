"""What a data set is: `ImageData`, made of `Split`s with the same classes and image shape."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.datasets.looking.duplicates import Duplicates, find_duplicates
from zoo.datasets.split import Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class ImageData:
    """A data set: its parts share image shape and class names.

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
        """How many classes there are."""
        return self.train.num_classes

    @property
    def parts(self) -> dict[str, Split]:
        """The parts that there are, by "train", "validation" and "test"."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in every.items() if part is not None}

    def duplicates(self) -> Duplicates:
        """Count the images that are the same, pixel for pixel, within and across the parts.

        Returns:
            The counts; true where there are any, and a table when printed.

        Example:
            >>> import zoo.datasets
            >>> print(zoo.datasets.load("digits").duplicates())
            No two images are the same, pixel for pixel.
        """
        return find_duplicates(self.parts)

    def show(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        log_dir: str | os.PathLike[str] | None = None,
        samples: int = 10,
        seed: int = 0,
    ) -> Figure:
        """Draw each class: some of its training images, their mean, and its images in each part.

        Args:
            path: write the picture there too, a `.png`; one that stands there is replaced.
            log_dir: write it for TensorBoard too, into the folder `data` in this one, with the
                counts and the duplicates as text.
            samples: how many training images of each class to draw, where there are so many.
            seed: of the choice; at least 0.

        Returns:
            A matplotlib figure, which a notebook displays.

        Raises:
            ArgumentError: an argument is out of range, or images are neither grey nor RGB.
            RunError: a file could not be written.

        Example:
            >>> import zoo.datasets
            >>> figure = zoo.datasets.load("digits").show(samples=5)
            >>> figure.texts[0].get_text()
            'digits: 10 classes of 8×8, grey'
        """
        from zoo.datasets.looking.show import show

        return show(self.name, self.parts, path, log_dir=log_dir, samples=samples, seed=seed)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.image_shape))
        lines = [f"ImageData({self.name!r}, {self.num_classes} classes of {shape})"]
        for part in self.parts.values():
            counts = ", ".join(f"{name} {n:,}" for name, n in part.class_counts.items())
            lines.append(f"  {part.name:<10}{len(part):>10,}  {counts}")
        return "\n".join(lines)
