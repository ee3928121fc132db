"""Uncertainty: how unsure a committee is of each image, and whether its mistakes are unsure.

`zoo.ensembles.measures` describes the arguments that the functions share.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import (
    checked_fraction,
    checked_probabilities,
    checked_scores,
    checked_shares,
)
from zoo.ensembles.measures.bootstrap import CHUNK, Estimate, percentile_interval, resampled_counts
from zoo.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The error among the answered images, if only the most confident answers are given.

    Attributes:
        coverage: Fraction of images that are answered, 1/n, 2/n, … 1, float64 [n].
        risk: Fraction of the given answers that is wrong, float64 [n].
        area: Mean of the risks, the area under the curve (AURC); less is better.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    area: float


def predictive_entropy(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how unsure the committee is of each image, for whatever reason.

    The measure is the entropy −Σ_k p̄_k log p̄_k of the members' mean probabilities p̄.

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], or None.

    Returns:
        Entropy of each image in nats, float64 [n], from 0 to log(classes).

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> predictive_entropy([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.693, 0.693])
    """
    from scipy.special import entr  # imported here, since the import is slow

    probabilities = checked_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    return entr(np.tensordot(shares, probabilities, axes=1)).sum(axis=1)


def expected_entropy(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how unsure the members themselves are, for example of an ambiguous image.

    The measure is the entropy −Σ_k p_k log p_k of each member's probabilities, averaged over the
    members. It is the aleatoric part of the uncertainty (Depeweg et al., 2018).

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], or None.

    Returns:
        Entropy of each image in nats, float64 [n], from 0 to log(classes).

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> expected_entropy([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.   , 0.693])
    """
    from scipy.special import entr  # imported here, since the import is slow

    probabilities = checked_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    return shares @ [entr(member).sum(axis=1) for member in probabilities]


def mutual_information(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how much the members contradict each other, for example on an unusual image.

    The measure is the predictive entropy less the expected entropy: the information that the label
    would give about which member is right. BALD selects images by this measure (Houlsby et al.,
    2011), which is the epistemic part of the uncertainty (Depeweg et al., 2018).

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], or None.

    Returns:
        Mutual information of each image in nats, float64 [n], from 0, where the members agree, to
        the logarithm of the number of members or of classes, whichever is less.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> mutual_information([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.693, 0.   ])
    """
    # By Jensen's inequality, only rounding can bring the difference below 0.
    predictive = predictive_entropy(probabilities, weights)
    return np.maximum(predictive - expected_entropy(probabilities, weights), 0.0)


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Compute the error among the k most confident answers, for every k: the risk–coverage curve.

    If the k most confident of n images are answered, the coverage is k / n, and the risk is the
    fraction of the k answers that is wrong (El-Yaniv & Wiener, 2010). The area under the curve is
    the mean of the n risks (Geifman et al., 2019). Images of equal confidence have no order: each
    counts with the mean error of all these images. This gives the mean of the curves over all
    orders.

    Args:
        confidence: Confidence of each answer, float [n], such as the highest probability or the
            negative entropy.
        correct: Whether each answer is right, bool [n].

    Returns:
        The curve and its area.

    Raises:
        ArgumentError: The arguments are not of the same length, 1 or more, `confidence` is not
            finite, or `correct` is not bool.

    Example:
        >>> curve = risk_coverage([0.9, 0.8, 0.7, 0.6], correct=[True, True, False, False])
        >>> curve.risk.round(3), round(curve.area, 3)
        (array([0.   , 0.   , 0.333, 0.5  ]), 0.208)
    """
    confidence, wrong = _checked_answers(confidence, correct)
    n = len(wrong)
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    # The errors of each group of equal confidence, spread evenly over its images.
    spread = np.repeat(np.bincount(group, weights=wrong) / sizes, sizes)
    answered = np.arange(1, n + 1)
    risk = spread.cumsum() / answered
    return RiskCoverage(answered / n, risk, float(risk.mean()))


def risk_coverage_area(
    confidence: ArrayLike, correct: ArrayLike, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Measure the area under the risk–coverage curve (AURC), with its 95 % interval.

    The interval is the percentile interval over resampled images (Efron & Tibshirani, 1993).

    Args:
        confidence: Confidence of each answer, float [n], as for `risk_coverage`.
        correct: Whether each answer is right, bool [n].
        resamples: A whole number, 1 or more.
        seed: A whole number, 0 or more.

    Returns:
        The area with its interval; less is better.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> area = risk_coverage_area([0.9, 0.8, 0.7, 0.6], correct=[True, True, False, False])
        >>> print(area)
        0.2083 [0.0000, 1.0000]
    """
    value = risk_coverage(confidence, correct).area
    confidence, wrong = _checked_answers(confidence, correct)
    whole_number("resamples", resamples, 1)
    whole_number("seed", seed, 0)
    n, order = len(wrong), np.argsort(-confidence, kind="stable")
    wrong = wrong[order]
    starts = np.flatnonzero(np.diff(-confidence[order], prepend=-np.inf))
    harmonic = np.append(0.0, (1 / np.arange(1, n + 1)).cumsum())
    rng, rows, areas = np.random.default_rng(seed), max(1, CHUNK // n), []
    for counts in resampled_counts(n, resamples, rng, rows):
        # Of each group of equal confidence: its images and errors, and those of all groups before.
        images = np.add.reduceat(counts, starts, axis=1).astype(np.int64)
        errors = np.add.reduceat(counts * wrong, starts, axis=1)
        before, errors_before = images.cumsum(axis=1) - images, errors.cumsum(axis=1) - errors
        rate = np.divide(errors, images, out=np.zeros_like(errors), where=images > 0)
        # Σ_k (errors_before + k · rate) / (before + k), for k from 1 to the size of the group.
        steps = harmonic[before + images] - harmonic[before]
        areas.append((errors + (errors_before - rate * before) * steps).sum(axis=1) / n)
    low, high = percentile_interval(np.concatenate(areas))
    return Estimate(value, float(low), float(high))


def accuracy_at_coverage(
    confidence: ArrayLike, correct: ArrayLike, coverages: ArrayLike
) -> NDArray[np.float64]:
    """Measure the accuracy on the most confident images.

    Args:
        confidence: Confidence of each answer, float [n], as for `risk_coverage`.
        correct: Whether each answer is right, bool [n].
        coverages: Fractions of the images that are answered, above 0 and up to 1, float [k]. The
            number of images is rounded up.

    Returns:
        Accuracy for each coverage, a fraction, float64 [k].

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> confidence, correct = [0.9, 0.8, 0.7, 0.6], [True, True, False, False]
        >>> accuracy_at_coverage(confidence, correct, [0.5, 0.75, 1]).round(3)
        array([1.   , 0.667, 0.5  ])
    """
    coverages = checked_scores(coverages, "coverages")
    if coverages.min() <= 0 or coverages.max() > 1:
        raise ArgumentError(
            f"coverages must be above 0 and up to 1. Received: {coverages.tolist()}. Pass 0.8 for "
            "the most confident 80 % of the images."
        )
    risk = risk_coverage(confidence, correct).risk
    # Rounded up, but not because of float rounding: 0.07 · 100 is 7.000000000000001, which is 7.
    answered = np.ceil(coverages * len(risk) * (1 - 1e-12)).astype(np.int64)
    return 1 - risk[answered - 1]


def detection_auroc(
    here: ArrayLike,
    elsewhere: ArrayLike,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Measure how well a score tells out-of-distribution images from the images of a data set.

    It is the area under the receiver operating characteristic: the probability that an
    out-of-distribution image has a higher score than an image of the data set, with ties counting
    half (Hanley & McNeil, 1982). The interval is the percentile interval (Efron & Tibshirani,
    1993); both sets of images are resampled.

    Args:
        here: Scores of the images of the data set, float [n], such as `mutual_information`.
        elsewhere: Scores of out-of-distribution images, those of another data set, float [m].
        resamples: A whole number, 1 or more.
        confidence: A number between 0 and 1.
        seed: A whole number, 0 or more.

    Returns:
        The area with its interval: 1 if every out-of-distribution image has a higher score, 0.5 if
        the score tells nothing.

    Raises:
        ArgumentError: The scores are not finite numbers, 1 or more, or another argument is not as
            described.

    Example:
        >>> area = detection_auroc(here=[0.1, 0.2, 0.3, 0.4], elsewhere=[0.35, 0.8, 0.9])
        >>> round(area.value, 3)
        0.917
    """
    from sklearn.metrics import roc_auc_score  # imported here, since the import is slow

    here, elsewhere = checked_scores(here, "here"), checked_scores(elsewhere, "elsewhere")
    whole_number("resamples", resamples, 1)
    whole_number("seed", seed, 0)
    checked_fraction("confidence", confidence)
    origin = np.repeat([0, 1], [len(here), len(elsewhere)])
    value = roc_auc_score(origin, np.concatenate([here, elsewhere]))
    low, high = percentile_interval(_resampled_auroc(here, elsewhere, resamples, seed), confidence)
    return Estimate(float(value), float(low), float(high))


def _resampled_auroc(
    here: NDArray[np.float64], elsewhere: NDArray[np.float64], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Compute the area for each resample, float64 [resamples]."""
    here, n, m = np.sort(here), len(here), len(elsewhere)
    below, up_to = (np.searchsorted(here, elsewhere, side) for side in ("left", "right"))
    rng, rows = np.random.default_rng(seed), max(1, CHUNK // (n + m))
    areas = []
    for from_here, from_elsewhere in zip(
        resampled_counts(n, resamples, rng, rows),
        resampled_counts(m, resamples, rng, rows),
        strict=True,
    ):
        # The number of drawn images of `here` among those with the 0, 1, … n lowest scores.
        lower = np.pad(from_here.cumsum(axis=1), ((0, 0), (1, 0)))
        exceeded = (lower[:, below] + lower[:, up_to]) / 2
        areas.append(np.einsum("rm,rm->r", exceeded, from_elsewhere) / (n * m))
    return np.concatenate(areas)


def _checked_answers(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Check the confidence of answers, and return it with the mark of wrong answers, bool [n]."""
    confidence, correct = checked_scores(confidence, "confidence"), np.asarray(correct)
    if correct.dtype != np.bool_ or correct.shape != confidence.shape:
        raise ArgumentError(
            f"correct must be bool [n], one for each of the {len(confidence)} images. "
            f"Received: {correct.dtype} of shape {correct.shape}. Pass predictions == labels."
        )
    return confidence, ~correct
