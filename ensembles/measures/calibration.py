"""Calibration: whether confidence agrees with accuracy, and how a temperature corrects it.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import checked_labels, checked_probabilities, logarithms
from zoo.errors import ArgumentError
from zoo.metrics import accuracy_interval

BINS = 17
"""Number of bins of confidence in reports and leaderboards.

It is a prime number, so that no share of votes (k of m members) falls on the edge between two bins,
where rounding would decide on the bin. Only committees of 17, 34, … members have such shares.
"""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 100.0
"""The range of `fit_temperature`. A result at one of its ends means that sharper, or flatter,
probabilities would be even likelier."""


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """The accuracy of answers that have about the same confidence, for each bin of confidence.

    Bins without images are left out.

    Attributes:
        confidence: Mean confidence in each bin, rising, float64 [bins].
        accuracy: Fraction of the answers in each bin that are right, float64 [bins].
        low: Lower end of the 95 % Wilson interval of the accuracy, float64 [bins].
        high: Upper end of this interval, float64 [bins].
        count: Number of images in each bin, int64 [bins].
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
    """Measure how far confidence is from accuracy: the expected calibration error (ECE).

    The confidence of an answer is its probability. The images are put into bins by confidence. With
    n_b of the n images in bin b, of which a fraction acc_b is right at a mean confidence conf_b,
    the error is Σ_b (n_b / n) |acc_b − conf_b| (Naeini et al., 2015; of the most probable class,
    Guo et al., 2017). The error is biased upwards: in a bin of few images even perfect confidence
    differs from accuracy by chance.

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        bins: A whole number, 1 or more.
        binning: `"width"` or `"mass"`.

    Returns:
        The error, from 0 to 1.

    Raises:
        ArgumentError: An argument is not as described.

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
        labels: int [n].
        bins: A whole number, 1 or more.
        binning: `"width"` or `"mass"`.

    Returns:
        The curve, with a point for each bin that has images.

    Raises:
        ArgumentError: An argument is not as described.

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
    """Find the temperature under which the labels are most probable: temperature scaling.

    The temperature is the T for which softmax(log p / T) has the least mean −log probability of the
    labels (Guo et al., 2017). This mean is convex in 1 / T, so T is where the slope of the mean is
    0. Fit the temperature on validation images, never on the images that are to be judged.

    Args:
        probabilities: float [n, classes]. Their logarithms serve as logits.
            Probabilities below 1.2e-38, the smallest normal number of float32, are raised to it.
        labels: int [n].

    Returns:
        The temperature, from 0.01 to 100: above 1 if the probabilities are too confident, below 1
        if they are not confident enough. It is 0.01 if every answer is right, 100 if the
        probabilities tell nothing of the labels, and 1 if all temperatures are equally good, as for
        rows of equal probabilities.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
        >>> temperature = fit_temperature(rows, labels=[0, 0, 1])
        >>> round(temperature, 2)
        3.17
        >>> apply_temperature(rows, temperature)[0].round(3)
        array([0.667, 0.333])
    """
    from scipy.optimize import brentq  # imported here, since the import is slow
    from scipy.special import softmax

    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    logits = _logits(probabilities)
    observed = logits[np.arange(len(labels)), labels].mean()

    def slope(log_inverse: float) -> float:
        # The slope of the mean −log probability along 1 / T is expected less observed logit.
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
        probabilities: float [n, classes]. Those below 1.2e-38 are raised to it.
        temperature: A number above 0: above 1 for flatter probabilities, below 1 for sharper.

    Returns:
        Probabilities, float64 [n, classes]. Rows sum to 1, and the order of the classes stays.

    Raises:
        ArgumentError: The probabilities are not as described, or the temperature is not above 0 and
            finite.

    Example:
        >>> apply_temperature([[0.8, 0.2]], temperature=2).round(3)
        array([[0.667, 0.333]])
    """
    from scipy.special import softmax  # imported here, since the import is slow

    probabilities = checked_probabilities(probabilities, "[n, classes]")
    if not 0 < temperature < np.inf:
        raise ArgumentError(
            f"temperature must be above 0 and finite. Received: {temperature!r}. fit_temperature "
            "finds a temperature."
        )
    with np.errstate(over="ignore"):  # an overflow to -inf is right: the probability is 0
        return softmax(_logits(probabilities) / temperature, axis=1)


def binned(
    probabilities: ArrayLike, labels: ArrayLike, bins: int, binning: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Put images into bins of confidence.

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        bins: A whole number, 1 or more.
        binning: `"width"` or `"mass"`.

    Returns:
        For each image the bin, from 0 to bins − 1, int64 [n]; the confidence, float64 [n]; and
        whether the answer is right, bool [n].

    Raises:
        ArgumentError: An argument is not as described.

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
        # Twice the middle rank of each group of equal confidence, in whole numbers.
        middle = 2 * sizes.cumsum() - sizes
        bin_of = (middle * bins // (2 * len(confidence)))[group]
    else:
        raise ArgumentError(f'binning must be "width" or "mass". Received: {binning!r}.')
    return bin_of, confidence, probabilities.argmax(axis=1) == labels


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take logarithms, of which the highest of each image is 0."""
    logits = logarithms(probabilities)
    return logits - logits.max(axis=1, keepdims=True)
