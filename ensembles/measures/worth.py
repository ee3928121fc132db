"""Worth: how many independent members give probabilities that are as good.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities
from zoo.ensembles.measures.calibration import apply_temperature, fit_temperature
from zoo.ensembles.measures.scores import log_losses
from zoo.errors import ArgumentError

COMMITTEES = 4
"""The number of committees of each size, at most, whose mean is a point of the curve."""


@dataclass(frozen=True, eq=False)
class EnsembleCurve:
    """How good the mean of independent members is, for each number of members.

    Attributes:
        sizes: Numbers of members, from 0 on, int64 [points].
        likelihood: Calibrated log-likelihood of so many members in nats, rising, float64 [points].
    """

    sizes: NDArray[np.int64]
    likelihood: NDArray[np.float64]

    def worth(self, likelihood: float) -> float:
        """Give the number of members that reach a calibrated log-likelihood.

        Args:
            likelihood: The calibrated log-likelihood of any model or committee, on the same images.

        Returns:
            The smallest number of independent members, linearly between two sizes of the curve:
            from 0, for guessing, to the largest size of the curve.

        Example:
            >>> EnsembleCurve(np.array([0, 1, 2]), np.array([-1.0, -0.5, -0.4])).worth(-0.45)
            1.5
        """
        reached = np.flatnonzero(self.likelihood >= likelihood - 1e-9)
        if not len(reached):
            return float(self.sizes[-1])
        right = int(reached[0])
        ends = slice(max(0, right - 1), right + 1)
        return float(np.interp(likelihood, self.likelihood[ends], self.sizes[ends]))


def calibrated_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Measure the mean log probability of the labels, after a temperature has been fitted.

    The log-likelihood without calibration says more of the temperature than of the model (Ashukha
    et al., 2020). The temperature of every second image is fitted on the other images, so no image
    chooses its own temperature.

    Args:
        probabilities: float [n, classes], of 2 images or more.
        labels: int [n].

    Returns:
        The mean over the images in nats, 0 at best.

    Raises:
        ArgumentError: The arguments are not as described.

    Example:
        >>> rows = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
        >>> round(calibrated_log_likelihood(rows, labels=[0, 0, 1, 1]), 3)  # no better than guesses
        -0.693
    """
    probabilities = checked_probabilities(probabilities, "[n, classes]")
    labels = checked_labels(labels, *probabilities.shape)
    if len(labels) < 2:
        raise ArgumentError(
            "A temperature must be fitted on other images than those that it is judged on. "
            f"Received: {len(labels)} image. Pass 2 images or more."
        )
    losses = 0.0
    even, odd = slice(0, None, 2), slice(1, None, 2)
    for judged, fitted in ((even, odd), (odd, even)):
        temperature = fit_temperature(probabilities[fitted], labels[fitted])
        calibrated = apply_temperature(probabilities[judged], temperature)
        losses += float(log_losses(calibrated, labels[judged]).sum())
    return -losses / len(labels)


def ensemble_curve(probabilities: ArrayLike, labels: ArrayLike) -> EnsembleCurve:
    """Measure how good the mean probabilities of 1, 2, … independent members are.

    With `EnsembleCurve.worth`, this gives the deep-ensemble equivalent of any other model or
    committee: the number of independently trained members of the recipe that have the same
    calibrated log-likelihood (Ashukha et al., 2020).

    Args:
        probabilities: Probabilities of copies of one recipe, float [copies, n, classes].
        labels: int [n], of 2 images or more.

    Returns:
        The curve. No member guesses, which is −log(classes). A point is the mean of up to 4
        committees of this size. Up to 8 copies, the curve has each size; then, sizes that are
        about 1.4 times the size before.

    Raises:
        ArgumentError: The arguments are not as described.

    Example:
        >>> members = [[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.1, 0.9]]]
        >>> ensemble_curve(members, labels=[0, 1]).sizes
        array([0, 1, 2])
    """
    values = checked_probabilities(probabilities)
    copies, _, num_classes = values.shape
    sizes = [size for size in _sizes() if size < copies] + [copies]
    points = [-np.log(num_classes)]
    for size in sizes:
        starts = np.unique(np.linspace(0, copies, COMMITTEES, endpoint=False).astype(int))
        members = [np.arange(start, start + size) % copies for start in starts]
        if size == copies:
            members = members[:1]
        means = (values[rows].mean(axis=0) for rows in members)
        points.append(float(np.mean([calibrated_log_likelihood(mean, labels) for mean in means])))
    return EnsembleCurve(np.array([0, *sizes]), np.maximum.accumulate(points))


def _sizes() -> list[int]:
    """List the sizes of committees on a curve, ascending."""
    return [*range(1, 9), *(round(2 ** (step / 2)) for step in range(7, 41))]
