"""Scores: how good probabilities are, by log loss and Brier score, with intervals."""

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
    the same resamples. If all answers are right, so are those of every resample, and the interval
    of the accuracy has no width; the Wilson interval of `zoo.metrics.accuracy` has one.

    The expected calibration error is not a mean over images, and it is biased upwards: chance alone
    moves accuracy away from confidence in every bin. Here the bins of the given images are kept and
    the images in them are resampled. A resample adds its own chance to that of the given images, so
    its error is on average larger still, and the interval lies too high: even for perfect
    confidence it excludes 0. Compare the interval with that of other probabilities, not with 0.

    Args:
        probabilities: Probabilities, float [n, classes]. The answer is the class with the highest
            probability; among equal probabilities, the lowest label.
        labels: True class ids, int [n].
        resamples: How many times the images are resampled.
        confidence: Part of the resamples that lies within the interval, between 0 and 1.
        seed: Seed of the resampling; the same seed draws the same images.
        bins: Number of bins of the calibration error.
        binning: `"width"` or `"mass"`, as for
            `zoo.ensembles.measures.calibration.expected_calibration_error`.

    Returns:
        The scores.

    Raises:
        ArgumentError: The arguments are not as described.

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

    def scored(means: NDArray[np.float64]) -> NDArray[np.float64]:
        # The calibration error is the sum over the bins of the means' absolute values.
        return np.column_stack([means[:, :3], abs(means[:, 3:]).sum(axis=1)])

    [values] = scored(per_image.mean(axis=0, keepdims=True)).tolist()
    resampled = scored(resampled_means(per_image, resamples, seed))
    lows, highs = (ends.tolist() for ends in percentile_interval(resampled, confidence))
    accuracy, likelihood, brier, calibration = (
        Estimate(*each) for each in zip(values, lows, highs, strict=True)
    )
    return Scores(len(correct), accuracy, likelihood, brier, calibration)


def negative_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Measure how improbable the labels are: the mean of −log p, also called log loss.

    Args:
        probabilities: Probabilities, float [n, classes]. Those below 1.2e-38, the smallest normal
            number of float32, are raised to it.
        labels: True class ids, int [n].

    Returns:
        The mean over the images, in nats: 0 at best, 87.3 at worst, log(classes) if all classes are
        equally probable.

    Raises:
        ArgumentError: The probabilities or labels are not as described.

    Example:
        >>> round(negative_log_likelihood([[0.5, 0.5], [0.25, 0.75]], labels=[0, 1]), 4)
        0.4904
    """
    return float(log_losses(probabilities, labels).mean())


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Measure the squared distance of probabilities from the labels (Brier, 1950).

    It is the mean over the images of Σ_k (p_k − y_k)², with y the one-hot label. The sum is over
    all classes; for two classes the score is twice the one that is often given.

    Args:
        probabilities: Probabilities, float [n, classes].
        labels: True class ids, int [n].

    Returns:
        The score, from 0 to 2.

    Raises:
        ArgumentError: The probabilities or labels are not as described.

    Example:
        >>> brier_score([[0.5, 0.5], [0.25, 0.75]], labels=[0, 1])
        0.3125
    """
    return float(squared_errors(probabilities, labels).mean())


def log_losses(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Compute the −log probability of the label of each image, as in `negative_log_likelihood`.

    Args:
        probabilities: Probabilities, float [n, classes].
        labels: True class ids, int [n].

    Returns:
        Log losses in nats, float64 [n].

    Raises:
        ArgumentError: The probabilities or labels are not as described.

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
        probabilities: Probabilities, float [n, classes].
        labels: True class ids, int [n].

    Returns:
        Squared errors from 0 to 2, float64 [n].

    Raises:
        ArgumentError: The probabilities or labels are not as described.

    Example:
        >>> squared_errors([[0.5, 0.5], [0.0, 1.0]], labels=[0, 0])
        array([0.5, 2. ])
    """
    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    errors = probabilities.copy()
    errors[np.arange(len(labels)), labels] -= 1
    return np.einsum("nk,nk->n", errors, errors)
