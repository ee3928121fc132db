"""Scores: how good probabilities are, by log loss and Brier score, with intervals.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities, logarithms
from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval, resampled_means
from zoo.ensembles.measures.calibration import binned


@dataclass(frozen=True)
class Scores:
    """Scores of probabilities, each with its bootstrap interval.

    Attributes:
        n: Number of images.
        accuracy: Fraction of images classified correctly.
        negative_log_likelihood: Mean −log probability of the labels, in nats.
        brier: Brier score, from 0 to 2.
        calibration_error: Expected calibration error, from 0 to 1. The interval lies too high: see
            `scores`.
    """

    n: int
    accuracy: Estimate
    negative_log_likelihood: Estimate
    brier: Estimate
    calibration_error: Estimate


def scores(
    probabilities: ArrayLike,
    labels: ArrayLike,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    bins: int = 15,
    binning: Literal["width", "mass"] = "width",
) -> Scores:
    """Score probabilities, and bound each score by resampling the images.

    The intervals are those of the percentile bootstrap (Efron & Tibshirani, 1993). All scores use
    the same resamples. If all answers are right, the answers of every resample are right, and the
    interval of the accuracy has no width. `zoo.metrics.accuracy` gives a Wilson interval instead.

    The expected calibration error is not a mean over images, and it is biased upwards: chance alone
    moves accuracy away from confidence in every bin. Here the bins of the given images are kept and
    the images in them are resampled. A resample adds its own chance to that of the given images, so
    its error is on average larger still, and the interval lies too high: even for perfect
    confidence it excludes 0. Compare the interval with that of other probabilities, not with 0.

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        resamples: A whole number, 1 or more.
        confidence: A number between 0 and 1.
        seed: A whole number, 0 or more.
        bins: The number of bins of the calibration error, 1 or more.
        binning: `"width"` or `"mass"`.

    Returns:
        The scores.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]
        >>> result = scores(rows, labels=[0, 1, 1, 0])
        >>> print(result.accuracy)
        0.7500 [0.2500, 1.0000]
        >>> round(result.brier.value, 3)
        0.25
    """
    bin_of, certainty, correct = binned(probabilities, labels, bins, binning)
    occupied, bin_of = np.unique(bin_of, return_inverse=True)
    in_bin = bin_of[:, np.newaxis] == np.arange(len(occupied))
    gaps = np.where(in_bin, (correct - certainty)[:, np.newaxis], 0.0)
    losses = log_losses(probabilities, labels)
    errors = squared_errors(probabilities, labels)
    per_image = np.column_stack([correct, losses, errors, gaps])

    def with_calibration_error(means: NDArray[np.float64]) -> NDArray[np.float64]:
        # The calibration error is the sum over the bins of the means' absolute values.
        return np.column_stack([means[:, :3], abs(means[:, 3:]).sum(axis=1)])

    [values] = with_calibration_error(per_image.mean(axis=0, keepdims=True)).tolist()
    resampled = with_calibration_error(resampled_means(per_image, resamples, seed))
    lows, highs = (ends.tolist() for ends in percentile_interval(resampled, confidence))
    accuracy, likelihood, brier, calibration = (
        Estimate(*each) for each in zip(values, lows, highs, strict=True)
    )
    return Scores(len(correct), accuracy, likelihood, brier, calibration)


def negative_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Measure how improbable the labels are: the mean of −log p, also called log loss.

    Args:
        probabilities: float [n, classes]. Those below 1.2e-38, the smallest normal
            number of float32, are raised to it.
        labels: int [n].

    Returns:
        The mean over the images, in nats: 0 at best, 87.3 at worst, log(classes) if all classes are
        equally probable.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> round(negative_log_likelihood([[0.5, 0.5], [0.25, 0.75]], labels=[0, 1]), 4)
        0.4904
    """
    return float(log_losses(probabilities, labels).mean())


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Measure the squared distance of probabilities from the labels (Brier, 1950).

    The score is the mean over the images of Σ_k (p_k − y_k)², with y the one-hot label. The sum is
    over all classes. For two classes, other texts often give half of this score.

    Args:
        probabilities: float [n, classes].
        labels: int [n].

    Returns:
        The score, from 0 to 2.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> brier_score([[0.5, 0.5], [0.25, 0.75]], labels=[0, 1])
        0.3125
    """
    return float(squared_errors(probabilities, labels).mean())


def log_losses(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Compute the −log probability of the label of each image, as in `negative_log_likelihood`.

    Args:
        probabilities: float [n, classes].
        labels: int [n].

    Returns:
        Log losses in nats, float64 [n].

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> log_losses([[0.5, 0.5], [0.0, 1.0]], labels=[0, 0]).round(2)
        array([ 0.69, 87.34])
    """
    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    return -logarithms(probabilities[np.arange(len(labels)), labels])


def squared_errors(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Compute the squared distance of probabilities and label of each image, as in `brier_score`.

    Args:
        probabilities: float [n, classes].
        labels: int [n].

    Returns:
        Squared errors from 0 to 2, float64 [n].

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> squared_errors([[0.5, 0.5], [0.0, 1.0]], labels=[0, 0])
        array([0.5, 2. ])
    """
    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    errors = probabilities.copy()
    errors[np.arange(len(labels)), labels] -= 1
    return np.einsum("nk,nk->n", errors, errors)
