"""Retraining: how much of a score comes from the training, and how much from the test images.

Copies of one recipe are repeated trainings, which differ in nothing but their seeds. So their
answers to the same images tell what another training would change, and what other images would.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities
from zoo.ensembles.combining.rules import Rule
from zoo.errors import ArgumentError

SPLITS = 20
"""The number of random splits of the copies into two halves."""

RETRAININGS = 20_000
"""The number of retrainings that are simulated for the frequencies."""


@dataclass(frozen=True)
class ScoreVariance:
    """The variance of a mean score, in the parts that trainings and test images cause.

    Attributes:
        score: The mean score.
        training: The variance by another training. It would stay on endlessly many images.
        images: The variance by other test images, which are easier or harder for every training.
        interaction: The variance by images that some trainings get right and others do not. Another
            training and other images both change it.

    Example:
        >>> parts = ScoreVariance(0.9, training=1e-4, images=3e-4, interaction=0.0)
        >>> f"{parts.training_deviation:.3f}, {parts.total_deviation:.3f}"
        '0.010, 0.020'
    """

    score: float
    training: float
    images: float
    interaction: float

    @property
    def training_deviation(self) -> float:
        """The standard deviation of the score over other trainings, on the same images."""
        return math.sqrt(self.training + self.interaction)

    @property
    def image_deviation(self) -> float:
        """The standard deviation of the score over other test images, for the same training."""
        return math.sqrt(self.images + self.interaction)

    @property
    def total_deviation(self) -> float:
        """The standard deviation over other trainings that are judged on other test images."""
        return math.sqrt(self.training + self.images + self.interaction)


@dataclass(frozen=True)
class Retrainings:
    """What would change if all copies of a committee were trained again.

    The frequencies are predictions, from 0 to 1. Ties count half.

    Attributes:
        copies: The number of copies.
        single: The accuracy of a single copy, as a mean over the copies, and its variance.
        committee: The accuracy of the committee, and its variance. The variance is estimated from
            committees of half as many copies, so it is rather too large.
        over_single: How often the committee would be better than a single copy, on these images.
        over_best: How often the committee would be better than the best of its copies on these
            images.
        over_single_on_new_images: As `over_single`, on as many other test images.
        over_best_on_new_images: As `over_best`, on as many other test images.

    Example:
        >>> variance = ScoreVariance(0.9, 1e-5, 4e-5, 1e-5)
        >>> print(Retrainings(8, variance, variance, 0.99, 0.93, 0.97, 0.88).sentence())
        ... # doctest: +NORMALIZE_WHITESPACE
        The 8 members are copies of one recipe. Another training changes the accuracy of a single
        copy by 0.4 points (standard deviation, on these images), other test images by 0.7 points.
        If all copies were trained again, the committee would be better than a single copy in 99 of
        100 retrainings, and better than the best of its copies in 93 of 100 retrainings; on other
        test images, in 97 and 88 of 100.
    """

    copies: int
    single: ScoreVariance
    committee: ScoreVariance
    over_single: float
    over_best: float
    over_single_on_new_images: float
    over_best_on_new_images: float

    def sentence(self) -> str:
        """Say in plain words what another training and other test images would change."""
        single = self.single
        return (
            f"The {self.copies} members are copies of one recipe. Another training changes the "
            f"accuracy of a single copy by {100 * single.training_deviation:.1f} points (standard "
            "deviation, on these images), other test images by "
            f"{100 * single.image_deviation:.1f} points. If all copies were trained again, the "
            f"committee would be better than a single copy in {_hundredths(self.over_single)} of "
            "100 retrainings, and better than the best of its copies in "
            f"{_hundredths(self.over_best)} of 100 retrainings; on other test images, in "
            f"{_hundredths(self.over_single_on_new_images)} and "
            f"{_hundredths(self.over_best_on_new_images)} of 100."
        )


def score_variance(scores: ArrayLike) -> ScoreVariance:
    """Split the variance of a training's mean score into trainings and test images.

    The scores of m trainings on n images follow the crossed random-effects model
    x_ij = μ + a_i + b_j + e_ij. The variance of the mean of one training is then
    σ_a² + σ_b² / n + σ_e² / n: by another training, by other images, and by both. The parts are
    estimated without bias by the mean squares of the two-way table (Searle, Casella & McCulloch,
    1992); an estimate below 0 becomes 0. The same two sources are told apart by Jordan (2023) and
    Bouthillier et al. (2021). The pigeonhole bootstrap (Owen, 2007), which resamples trainings and
    images, gives about the same total, but overestimates it for few trainings.

    Args:
        scores: Score of each training on each image, such as 1 for a right answer and 0 for a wrong
            answer, float or bool [trainings, n], of 2 trainings and 2 images or more.

    Returns:
        The mean score, and the parts of the variance that the mean of a single training has.

    Raises:
        ArgumentError: The scores are not as described.

    Example:
        >>> parts = score_variance([[1, 1, 0, 0], [1, 1, 0, 0]])  # both trainings are the same
        >>> parts.training, round(parts.images, 3), parts.interaction
        (0.0, 0.083, 0.0)
    """
    values = np.asarray(scores, np.float64)
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ArgumentError(
            "scores must be finite numbers [trainings, n], of 2 trainings and 2 images or more. "
            f"Received: shape {values.shape}. Train a copy more, or judge on more images."
        )
    return _variance(values[np.newaxis])


def retrainings(
    probabilities: ArrayLike, labels: ArrayLike, rule: Rule | None = None, seed: int = 0
) -> Retrainings:
    """Predict how often a committee of copies would win again, if all copies were trained again.

    How much the committee's lead over the mean of its copies varies is measured between two
    disjoint halves of the copies, which are independent committees, as a mean over 20 random splits
    into halves. Resampling copies with replacement, as in a bootstrap, would not do: a copy that
    is drawn twice adds nothing to a committee. A half has a larger variance than the whole, so the
    frequencies are rather too near to 50 of 100. They are the shares of simulated retrainings, with
    normal deviations, in which the committee wins. The uncertainty of the present lead and of the
    variances, with m − 1 degrees of freedom for m copies, is simulated too.

    Args:
        probabilities: float [copies, n, classes], of 2 copies and 2 images or more.
        labels: int [n].
        rule: The rule of the committee, with the same weight for all copies, defined for fewer
            members; None for a majority vote.
        seed: A whole number, 0 or more.

    Returns:
        The variances and the frequencies.

    Raises:
        ArgumentError: The arguments are not as described.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(0, 3, 300)
        >>> copies = 0.7 * rng.dirichlet(np.ones(3), (6, 300)) + 0.3 * np.eye(3)[labels]
        >>> result = retrainings(copies, labels, Rule("soft"))
        >>> result.over_single > 0.99
        True
    """
    values = checked_probabilities(probabilities)
    copies, n, num_classes = values.shape
    labels = checked_labels(labels, n, num_classes)
    rule = rule or Rule()
    if copies < 2 or n < 2 or not rule.treats_members_alike:
        raise ArgumentError(
            "A retraining must be of 2 copies or more, judged on 2 images or more, by a rule that "
            f"treats all copies alike. Received: {copies} copies, {n} images, {rule.voting!r} with "
            f"weights {rule.weights}. Leave the weights out, or choose another rule."
        )
    correct = values.argmax(axis=2) == labels
    single = score_variance(correct)
    rng = np.random.default_rng(seed)
    groups = _halves(copies, rng)
    answers = rule.decisions_of_groups(values, groups.reshape(-1, copies)) == labels
    by_half = answers.reshape(-1, 2, n).astype(np.float64)
    leads = by_half - groups @ correct.astype(np.float64) / (copies // 2)
    score = float((rule(values).argmax(axis=1) == labels).mean())
    committee, lead = _variance(by_half, score), _variance(leads, score - single.score)
    deviations = (single.training_deviation, copies, rng)
    here = _frequencies(lead, 0.0, *deviations)
    elsewhere = _frequencies(lead, lead.images, *deviations)
    return Retrainings(copies, single, committee, *here, *elsewhere)


def _variance(values: NDArray[np.float64], score: float | None = None) -> ScoreVariance:
    """Estimate the parts of the variance from tables, float [tables, trainings, n]."""
    _, trainings, n = values.shape
    rows, columns = values.mean(axis=2), values.mean(axis=1)
    grand = rows.mean(axis=1)
    rest = values - rows[:, :, None] - columns[:, None, :] + grand[:, None, None]
    noise = float(np.mean((rest**2).sum(axis=(1, 2)))) / ((trainings - 1) * (n - 1))
    of_trainings = float(rows.var(axis=1, ddof=1).mean()) - noise / n
    of_images = float(columns.var(axis=1, ddof=1).mean()) - noise / trainings
    return ScoreVariance(
        float(grand.mean()) if score is None else score,
        training=max(0.0, of_trainings),
        images=max(0.0, of_images) / n,
        interaction=noise / n,
    )


def _halves(copies: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Split the copies into two halves, many times: bool [splits, 2, copies].

    Of an odd number of copies, each split leaves another copy out.
    """
    order = rng.permuted(np.tile(np.arange(copies), (SPLITS, 1)), axis=1)
    half = copies // 2
    return np.stack([order < half, (order >= half) & (order < 2 * half)], axis=1)


def _frequencies(
    lead: ScoreVariance, images: float, deviation: float, copies: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Simulate how often a committee is better than a single copy, and than its best copy.

    Args:
        lead: The committee's lead over the mean of its copies, with its variance.
        images: The variance of the lead by other images; 0 for the same images.
        deviation: The standard deviation of a copy's accuracy over trainings.
        copies: The number of copies.
        rng: The random generator.

    Returns:
        The two frequencies.
    """
    # By the chance of m - 1 squares, a variance may be larger or smaller than it is estimated.
    doubt = rng.chisquare(copies - 1, (2, RETRAININGS)) / (copies - 1)
    variance = lead.training_deviation**2 / doubt[0] + images
    # The present lead has the same variance as that of the next training.
    leads = lead.score + rng.standard_normal(RETRAININGS) * np.sqrt(2 * variance)
    others = rng.standard_normal((RETRAININGS, copies)) * (deviation / np.sqrt(doubt[1]))[:, None]
    others -= others.mean(axis=1, keepdims=True)
    single, best = (float(_wins(leads - rival)) for rival in (others[:, 0], others.max(axis=1)))
    return single, best


def _wins(differences: NDArray[np.float64]) -> float:
    """Count how often a difference is above 0, as a fraction; 0 itself, up to rounding, is half."""
    return ((differences > 1e-12).mean() + (differences >= -1e-12).mean()) / 2


def _hundredths(frequency: float) -> str:
    """Write a frequency as a number of 100, never as certain."""
    return "more than 99" if frequency > 0.995 else f"{max(1, round(100 * frequency))}"
