"""Precision and recall of each class at many thresholds of its probability.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import checked_labels, checked_probabilities

THRESHOLDS = 101
"""The number of thresholds in reports: 0, 0.01, … 1."""


class ThresholdCounts(NamedTuple):
    """How many images each class is found in, for each threshold of its probability.

    The precision is `right / (right + wrong)`, and the recall `right / right[:, :1]`.

    Attributes:
        right: Images of the class whose probability of the class is at least the threshold, int64
            [classes, thresholds].
        wrong: Images of other classes whose probability of the class is at least the threshold,
            int64 [classes, thresholds].
    """

    right: NDArray[np.int64]
    wrong: NDArray[np.int64]


def threshold_counts(
    probabilities: ArrayLike, labels: ArrayLike, thresholds: int = THRESHOLDS
) -> ThresholdCounts:
    """Count for each class the images whose probability of the class reaches a threshold.

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        thresholds: The number of thresholds, 2 or more, in equal steps from 0 to 1.

    Returns:
        The counts.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> counts = threshold_counts([[0.9, 0.1], [0.4, 0.6]], labels=[0, 0], thresholds=3)
        >>> counts.right.tolist(), counts.wrong.tolist()
        ([[2, 1, 0], [0, 0, 0]], [[0, 0, 0], [2, 1, 0]])
    """
    values = checked_probabilities(probabilities, "[n, classes]")
    classes = values.shape[-1]
    labels = checked_labels(labels, len(values), classes)
    steps = whole_number("thresholds", thresholds, 2) - 1
    # Without the small number, rounding would put a probability of 0.29 below the threshold 0.29.
    reached = np.clip(np.floor(values * steps + 1e-6), 0, steps).astype(np.int64)
    is_label = np.arange(classes) == labels[:, None]
    right, wrong = (
        np.stack(
            [
                np.bincount(reached[chosen[:, column], column], minlength=steps + 1)
                for column in range(classes)
            ]
        )[:, ::-1].cumsum(axis=1)[:, ::-1]
        for chosen in (is_label, ~is_label)
    )
    return ThresholdCounts(right, wrong)
