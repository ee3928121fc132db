"""Whether probabilities can be taken at their word, and what to do if not."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import FLOOR, checked_labels, checked_probabilities
from zoo.errors import ArgumentError
from zoo.metrics import accuracy_interval

BINS = 17
"""Bins of reports and leaderboards: no share of a few members' votes is the end of one."""

# What `fit_temperature` looks through. Its ends mean: as sharp, or as flat, as you like.
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 100.0


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """How often the answers are right that are given with about the same confidence.

    Bins without images are left out.

    Attributes:
        confidence: float64 [bins], mean confidence in each bin, rising.
        accuracy: float64 [bins], the fraction of its answers that are right.
        low: float64 [bins], lower end of the accuracy's 95 % Wilson interval.
        high: float64 [bins], upper end of it.
        count: int64 [bins], how many images are in it.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error of these bins."""
        return float(np.average(abs(self.accuracy - self.confidence), weights=self.count))


def expected_calibration_error(
    probabilities: ArrayLike,
    labels: ArrayLike,
    bins: int = 15,
    binning: Literal["width", "mass"] = "width",
) -> float:
    """Measure how far confidence is from accuracy.

    An answer's confidence is its probability. With the images in bins by confidence, n_b of n in
    bin b, of which a fraction acc_b is right at a mean confidence conf_b, it is
    Σ_b (n_b / n) |acc_b − conf_b| (Naeini et al., 2015; of the most probable class, Guo et al.,
    2017). It is biased upwards: in a bin of few images even perfect confidence misses accuracy.

    Args:
        probabilities: float [n, classes].
        labels: int [n], the true class ids.
        bins: how many.
        binning: `"width"`: bins as wide as each other, each with its upper end. `"mass"`: bins of
            as many images as each other (Nixon et al., 2019); images of equal confidence share
            a bin, that of their middle rank, so that their order has no say.

    Returns:
        From 0 to 1.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
        >>> round(expected_calibration_error(rows, labels=[0, 0, 0, 1], bins=10), 3)
        0.1
    """
    bin_of, confidence, correct = binned(probabilities, labels, bins, binning)
    gaps = np.bincount(bin_of, weights=correct - confidence)
    return float(abs(gaps).sum() / len(bin_of))


def reliability_curve(
    probabilities: ArrayLike,
    labels: ArrayLike,
    bins: int = 15,
    binning: Literal["width", "mass"] = "width",
) -> ReliabilityCurve:
    """Compare confidence with accuracy, bin by bin.

    Args:
        probabilities: float [n, classes].
        labels: int [n], the true class ids.
        bins: how many.
        binning: as for `expected_calibration_error`.

    Returns:
        The curve, of as many bins as have images.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
        >>> curve = reliability_curve(rows, labels=[0, 0, 0, 1], bins=10)
        >>> curve.confidence, curve.accuracy, curve.count
        (array([0.6, 0.9]), array([0.5, 1. ]), array([2, 2]))
    """
    bin_of, confidence, correct = binned(probabilities, labels, bins, binning)
    _, bin_of = np.unique(bin_of, return_inverse=True)
    count = np.bincount(bin_of)
    right = np.bincount(bin_of, weights=correct).astype(np.int64)
    intervals = [accuracy_interval(*each) for each in zip(right, count, strict=True)]
    low, high = np.transpose(intervals)
    mean = np.bincount(bin_of, weights=confidence) / count
    return ReliabilityCurve(mean, right / count, low, high, count)


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Find the temperature that makes probabilities likeliest: temperature scaling.

    The T for which softmax(log p / T) has the least mean −log probability of the labels (Guo et
    al., 2017). In 1 / T that mean is convex, so T is where its slope is 0. Fit it on validation
    images, never on those that are to be judged.

    Args:
        probabilities: float [n, classes], whose logarithms serve as logits; below 1.2e-38, the
            smallest normal number of float32, they count as that.
        labels: int [n], the true class ids.

    Returns:
        Above 1 if the probabilities are too sure of themselves, below if too modest. It is looked
        for from 0.01, where the best is no temperature at all, as if every answer is right, to
        100, where the best is even, as if the probabilities say nothing of the labels. 1 if all
        are as good, as with rows that are even already.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
        >>> temperature = fit_temperature(rows, labels=[0, 0, 1])
        >>> round(temperature, 2)
        3.17
        >>> apply_temperature(rows, temperature)[0].round(3)
        array([0.667, 0.333])
    """
    from scipy.optimize import brentq  # loaded on use: it is slow to import
    from scipy.special import softmax

    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    logits = _logits(probabilities)
    observed = logits[np.arange(len(labels)), labels].mean()

    def slope(log_inverse: float) -> float:
        # Of the mean −log probability, along 1 / T: expected less observed logit.
        expected = softmax(np.exp(log_inverse) * logits, axis=1)
        return float(np.einsum("nk,nk->n", expected, logits).mean() - observed)

    if slope(0.0) == 0:
        return 1.0
    flattest, sharpest = -np.log(HIGHEST_TEMPERATURE), -np.log(LOWEST_TEMPERATURE)
    if slope(flattest) >= 0:
        return HIGHEST_TEMPERATURE
    if slope(sharpest) <= 0:
        return LOWEST_TEMPERATURE
    return float(np.exp(-brentq(slope, flattest, sharpest, xtol=1e-10)))


def apply_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Make probabilities flatter or sharper: softmax(log p / T).

    Args:
        probabilities: float [n, classes]; below 1.2e-38 they count as that.
        temperature: above 1 for flatter ones, below 1 for sharper.

    Returns:
        float64 [n, classes]; rows sum to 1, and the order of the classes is the same.

    Raises:
        ArgumentError: for other probabilities, or a temperature that is not above 0 and finite.

    Example:
        >>> apply_temperature([[0.8, 0.2]], temperature=2).round(3)
        array([[0.667, 0.333]])
    """
    from scipy.special import softmax  # loaded on use: it is slow to import

    probabilities = checked_probabilities(probabilities, "[n, classes]")
    if not 0 < temperature < np.inf:
        raise ArgumentError(f"temperature must be above 0 and finite. Received: {temperature!r}")
    with np.errstate(over="ignore"):  # -inf is what is meant
        return softmax(_logits(probabilities) / temperature, axis=1)


def binned(
    probabilities: ArrayLike, labels: ArrayLike, bins: int, binning: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Sort images into bins of confidence.

    Args:
        probabilities: float [n, classes].
        labels: int [n], the true class ids.
        bins: how many.
        binning: `"width"` or `"mass"`, as for `expected_calibration_error`.

    Returns:
        Of each image the bin, from 0 to bins − 1, the confidence, and whether it is right.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> binned([[0.75, 0.25], [0.5, 0.5]], labels=[0, 1], bins=10, binning="width")
        (array([7, 4]), array([0.75, 0.5 ]), array([ True, False]))
    """
    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    whole_number("bins", bins, 1)
    confidence = probabilities.max(axis=1)
    if binning == "width":
        bin_of = np.searchsorted(np.arange(1, bins) / bins, confidence)
    elif binning == "mass":
        _, group, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
        # Twice the middle rank of each group of equals, in whole numbers.
        middle = 2 * sizes.cumsum() - sizes
        bin_of = (middle * bins // (2 * len(confidence)))[group]
    else:
        raise ArgumentError(f'binning must be "width" or "mass". Received: {binning!r}')
    return bin_of, confidence, probabilities.argmax(axis=1) == labels


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logits = np.log(np.maximum(probabilities, FLOOR))
    return logits - logits.max(axis=1, keepdims=True)
