"""Images in an order, with their labels, answers and measures, as a picture and as a table."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import whole_number
from zoo.datasets.sampling import first_copies
from zoo.datasets.split import Split
from zoo.ensembles.reports.analysis import UNCERTAINTIES
from zoo.errors import ArgumentError
from zoo.inspect.pictures.image_files import write_images
from zoo.inspect.pictures.predictions import Predictions
from zoo.inspect.pictures.sheet import COLUMNS, draw_sheet, new_sheet
from zoo.pages.frame import fragment
from zoo.pages.parts import Thumbnail, image_sheet, paragraph
from zoo.text import data_frame

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 40
"""The number of images that a picture shows by default."""


@dataclass(frozen=True, eq=False, repr=False)
class RankedImages:
    """Images of a split in an order: the first is the one to look at first.

    Attributes:
        indices: Row of each image in the split, int64 [k].
        labels: Class id of the label of each image, int64 [k].
        answers: Class id that the model or committee decides for, int64 [k].
        confidences: Probability of the answer, float64 [k].
        quality: Probability of the label, float64 [k]: the lower, the more the answers contradict
            the label.
        measures: Entropies of the members' probabilities by name, float64 [k], in nats:
            `"predictive_entropy"`, `"expected_entropy"` and `"mutual_information"`.
        class_names: The name of each class id.
        title: What the images are, and the order in which they stand.
        split: The split that the images belong to; None for probabilities without images.

    Example:
        >>> import zoo
        >>> images, labels = np.zeros((2, 28, 28, 1), "uint8"), [0, 1]
        >>> found = zoo.inspect.mistakes(zoo.build("softmax"), images, labels)
        >>> bool((found.answers != found.labels).all())
        True
    """

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]
    confidences: NDArray[np.float64]
    quality: NDArray[np.float64]
    measures: dict[str, NDArray[np.float64]]
    class_names: tuple[str, ...]
    title: str
    split: Split | None = field(default=None, repr=False)

    @property
    def images(self) -> NDArray[np.uint8]:
        """The images in order, uint8 [k, height, width, channels].

        Raises:
            ArgumentError: There are no images, only probabilities.
        """
        return self._split().take(self.indices).images

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} images: {self.title})"

    def plot(
        self, ax: "Axes | None" = None, *, most: int = MOST_DRAWN, columns: int = COLUMNS
    ) -> "Axes | Figure":
        """Draw the first images, each with its label, the answer and the probability of the answer.

        Args:
            ax: Axes to draw into; None makes a figure.
            most: The largest number of images.
            columns: The most images side by side.

        Returns:
            The axes or the figure.

        Raises:
            ArgumentError: There are no images, they are neither grey nor RGB, or a number is out of
                range.
        """
        count = min(whole_number("most", most, 1), len(self))
        whole_number("columns", columns, 1)
        channels = self._split().image_shape[-1]
        if channels not in (1, 3):
            raise ArgumentError(
                f"The images must be grey or RGB to be drawn. Received: {channels} channels. "
                "Choose 1 or 3 of them."
            )
        images = self._split().take(self.indices[:count]).images
        captions = [self._caption(number) for number in range(count)]
        title = f"{self.title}; {count:,} of {len(self):,} images"
        if ax is None:
            return new_sheet(images, captions, title, columns)
        draw_sheet(ax, images, captions, title, columns)
        return ax

    def thumbnails(self, most: int = MOST_DRAWN) -> list[Thumbnail]:
        """Give the first images for an HTML page, each with its label and the answer.

        Args:
            most: The largest number of images.

        Raises:
            ArgumentError: There are no images, only probabilities.
        """
        images = self._split().take(self.indices[:most]).images
        return [
            Thumbnail(image, self._caption(number).split("\n"))
            for number, image in enumerate(images)
        ]

    def _repr_html_(self) -> str:
        """Show the first images in a notebook; probabilities without images only as a line."""
        if self.split is None:
            return fragment(paragraph(repr(self)))
        thumbnails = self.thumbnails()
        caption = f"{self.title}; {len(thumbnails):,} of {len(self):,} images"
        return fragment(image_sheet(thumbnails, caption))

    def to_frame(self, folder: Any = None) -> "pandas.DataFrame":
        """Make a table with a row for each image, which cleanlab, FiftyOne and Spotlight open.

        Args:
            folder: A folder into which the images are written as PNG files; the table then has
                their paths as `filepath`. None writes no files.

        Returns:
            A `pandas.DataFrame` with the columns `index`, the row in the split; `split`; `label`
            and `answer`, names of classes; `confidence`; `predictive_entropy`, `expected_entropy`
            and `mutual_information` in nats; `label_quality`; and `duplicate_group`, the index of
            the first image of the split with the same pixels.

        Raises:
            ArgumentError: pandas is not installed, or the folder cannot be written.

        Example:
            >>> from zoo.inspect import LabelSuspects
            >>> suspects = LabelSuspects.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
            >>> suspects.to_frame()["index"].tolist()
            [1, 0]
        """
        names = np.array(self.class_names, object)
        columns: dict[str, Any] = {
            "index": self.indices,
            "split": self.split.name if self.split else "",
            "label": names[self.labels],
            "answer": names[self.answers],
            "confidence": self.confidences,
            **self.measures,
            "label_quality": self.quality,
            "duplicate_group": self._duplicate_groups(),
        }
        columns |= self._more_columns()
        if folder is not None:
            files = [f"{self._split().name}_{index}" for index in self.indices]
            columns["filepath"] = write_images(folder, self.images, files)
        return data_frame(columns)

    def _more_columns(self) -> dict[str, Any]:
        """Give further columns of the table."""
        return {}

    def _duplicate_groups(self) -> NDArray[np.int64]:
        """Give for each image the index of the first image with the same pixels, int64 [k]."""
        if self.split is None:
            return self.indices
        _, first = first_copies(self.split.digests)
        return first[self.indices]

    def _caption(self, number: int) -> str:
        label = self.class_names[self.labels[number]]
        answer = self.class_names[self.answers[number]]
        lines = [f"#{self.indices[number]}", f"label: {label}"]
        return "\n".join([*lines, f"{answer}: p = {self.confidences[number]:.2f}"])

    def _split(self) -> Split:
        if self.split is None:
            raise ArgumentError(
                "There must be images for a picture. Received: probabilities without images. Pass "
                "data= to from_probabilities."
            )
        return self.split


def ranked(
    predictions: Predictions,
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    class_names: tuple[str, ...],
    title: str,
    split: Split | None,
    kind: type = RankedImages,
    **more: Any,
) -> Any:
    """Put images into an order.

    Args:
        predictions: The predictions for all images.
        labels: The labels of all images, int64 [n].
        order: Rows of the images that are kept, int64 [k].
        class_names: The name of each class id.
        title: What the images are.
        split: All images, or None.
        kind: `RankedImages`, or a class with more attributes.
        **more: The further attributes.

    Returns:
        An object of this kind.
    """
    members, weights = predictions.members[:, order], predictions.weights
    chosen = labels[order]
    measures = {
        name: function(members, weights) if len(order) else np.zeros(0)
        for name, function in UNCERTAINTIES.items()
    }
    return kind(
        order,
        chosen,
        predictions.answers[order],
        predictions.confidences[order],
        predictions.probabilities[order, chosen],
        measures,
        class_names,
        title,
        split,
        **more,
    )
