"""Accuracy with and without the test images that nearly stand among the training images."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.datasets.looking.near_duplicates import NearDuplicates, near_duplicates
from zoo.datasets.split import Split
from zoo.inspect.pictures.predictions import BATCH, labelled_split, predict_split
from zoo.metrics import Accuracy, accuracy


@dataclass(frozen=True, eq=False)
class Leaks:
    """How much images that leak from the training images change the accuracy.

    Attributes:
        duplicates: The pairs: rows of the test images as `first`, of the training images as
            `second`.
        every: The accuracy on all test images.
        without: The accuracy on the test images without a near-duplicate among the training images;
            None if there are no such images.
        leaked: The accuracy on the other test images; None if there are none.
    """

    duplicates: NearDuplicates
    every: Accuracy
    without: Accuracy | None
    leaked: Accuracy | None

    def sentence(self) -> str:
        """Say in a few sentences how many images leak, and what the accuracy is without them."""
        if self.leaked is None:
            return f"Accuracy: {self.every}. {self.duplicates.sentence()}"
        without = self.without or "there are none"
        return (
            f"Accuracy: {self.every}. {self.duplicates.sentence()} Without these images: "
            f"{without}. On these images alone: {self.leaked}."
        )


def leaks(
    model_or_committee: Any,
    data: Any,
    training: Split,
    *,
    max_shift: int = 2,
    threshold: float = 0.97,
) -> Leaks:
    """Measure the accuracy with and without test images that the training images nearly hold.

    A test image that is also a training image, mirrored, moved or compressed again, says little
    about new images. `zoo.datasets.near_duplicates` finds these images.

    Args:
        model_or_committee: A built `keras.Model` of any kind, or a `zoo.ensembles.Committee`.
        data: The test images with labels: a `Split`, a tuple (images, labels), or a dataset of such
            pairs.
        training: The images that it was trained on.
        max_shift: As for `near_duplicates`.
        threshold: As for `near_duplicates`.

    Returns:
        The `Leaks`; `sentence()` says them in words.

    Raises:
        ArgumentError: An argument is out of range, or the model is not built.
        DataError: The images, labels or classes do not fit.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10)
        >>> leaks(model, data.test, data.train, max_shift=1).every.n
        359
    """
    split = labelled_split(model_or_committee, data)
    found = near_duplicates(split, training, max_shift=max_shift, threshold=threshold)
    answers = predict_split(model_or_committee, split, BATCH).answers
    leaked = np.zeros(len(split), bool)
    leaked[found.rows] = True
    return Leaks(
        found,
        accuracy(split.labels, answers),
        *(
            accuracy(split.labels[rows], answers[rows]) if rows.any() else None
            for rows in (~leaked, leaked)
        ),
    )
