"""How well labels agree with probabilities: the scores of confident learning.

Formulas by Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", 2021. The probabilities have to be those of models that were not trained on the images.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import is_among
from zoo.errors import ArgumentError


def self_confidence(probabilities: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Give the probability p_y of each label y.

    Args:
        probabilities: float64 [n, classes].
        labels: int64 [n].

    Returns:
        float64 [n], from 0 to 1; low for labels that are probably wrong.

    Example:
        >>> self_confidence(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([1, 0]))
        array([0.25, 0.5 ])
    """
    return np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]


def normalized_margin(probabilities: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Give (p_y − max_{k≠y} p_k + 1) / 2, for each label y.

    Args:
        probabilities: float64 [n, classes].
        labels: int64 [n].

    Returns:
        float64 [n], from 0 to 1; below 0.5 where another class is more probable than the label.

    Example:
        >>> normalized_margin(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([1, 0]))
        array([0.25, 0.5 ])
    """
    others = probabilities.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    return (self_confidence(probabilities, labels) - others.max(axis=1) + 1) / 2


SCORES = {"self_confidence": self_confidence, "normalized_margin": normalized_margin}
"""Name of a score → function of probabilities and labels."""


def find_score(name: str) -> object:
    """Find a score by its name.

    Raises:
        ArgumentError: There is no such score.
    """
    if not is_among(name, SCORES):
        raise ArgumentError(
            f"score must be {' or '.join(map(repr, SCORES))}. Received: {name!r}. Leave it out for "
            "'normalized_margin'."
        )
    return SCORES[name]


def confident_classes(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """Count each image as of the class that it is confidently of: the confident joint.

    A class counts for an image if its probability is at least the mean probability that the class
    has for the images with its label. If several classes count, the most probable of them is taken;
    if none counts, the image has no class. The images whose class is not their label are those
    whose label is probably wrong; their number estimates the number of wrong labels.

    Args:
        probabilities: float [n, classes].
        labels: int [n].

    Returns:
        Class ids, int64 [n]; -1 for an image without a class.

    Example:
        >>> confident_classes([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.2, 0.8]], [0, 0, 1, 1])
        array([ 0, -1,  0,  1])
    """
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    num_classes = probabilities.shape[1]
    thresholds = np.full(num_classes, np.inf)
    for label in np.unique(labels):
        thresholds[label] = probabilities[labels == label, label].mean()
    counting = np.where(probabilities >= thresholds - 1e-12, probabilities, -1.0)
    return np.where(counting.max(axis=1) < 0, -1, counting.argmax(axis=1))
