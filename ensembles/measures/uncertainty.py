"""How unsure a committee is, image by image, and whether it knows when it is wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.ensembles.checks import (
    checked_fraction,
    checked_probabilities,
    checked_scores,
)
from zoo.ensembles.combining.voting import checked_shares
from zoo.ensembles.measures.bootstrap import CHUNK, Estimate, percentile_interval, resampled_counts
from zoo.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The error among the images answered, when the least confident ones are not.

    Attributes:
        coverage: float64 [n], the fraction of images answered: 1/n, 2/n, … 1.
        risk: float64 [n], the fraction of those that is wrong.
        area: mean of the risks, the area under the curve (AURC); less is better.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    area: float


def predictive_entropy(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how unsure the committee is of each image, for whatever reason.

    The entropy −Σ_k p̄_k log p̄_k of the members' mean probabilities p̄.

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float64 [n], nats, from 0 to log(classes).

    Raises:
        ArgumentError: for probabilities or weights that are not as described.

    Example:
        >>> predictive_entropy([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.693, 0.693])
    """
    from scipy.special import entr  # loaded on use: it is slow to import

    probabilities = checked_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    return entr(np.tensordot(shares, probabilities, axes=1)).sum(axis=1)


def expected_entropy(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how unsure the members are of each image: what the image itself leaves open.

    The mean over the members of the entropy −Σ_k p_k log p_k of their probabilities; the
    aleatoric part of the uncertainty (Depeweg et al., 2018).

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float64 [n], nats, from 0 to log(classes).

    Raises:
        ArgumentError: for probabilities or weights that are not as described.

    Example:
        >>> expected_entropy([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.   , 0.693])
    """
    from scipy.special import entr  # loaded on use: it is slow to import

    probabilities = checked_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    return shares @ [entr(member).sum(axis=1) for member in probabilities]


def mutual_information(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure how much the members contradict each other on each image: what training left open.

    The predictive less the expected entropy: the information that the label would give on which
    member is right. It is what BALD picks images by (Houlsby et al., 2011), and the epistemic
    part of the uncertainty (Depeweg et al., 2018).

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float64 [n], nats, from 0, where the members agree, to the logarithm of the lesser of
        their number and that of the classes.

    Raises:
        ArgumentError: for probabilities or weights that are not as described.

    Example:
        >>> mutual_information([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(3)
        array([0.693, 0.   ])
    """
    # By Jensen's inequality it is never below 0, but for rounding.
    among_all = predictive_entropy(probabilities, weights)
    return np.maximum(among_all - expected_entropy(probabilities, weights), 0.0)


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Follow the error as ever less confident images are answered: the risk–coverage curve.

    Answering the k most confident images covers k / n of them, at a risk of the fraction of the k
    that is wrong (El-Yaniv & Wiener, 2010); the area under the curve is the mean of the n risks
    (Geifman et al., 2019). Images of equal confidence have no order: each counts as wrong as they
    are on average, which gives the mean curve over all their orders.

    Args:
        confidence: float [n], higher for surer: the highest probability, say, or the negative
            entropy.
        correct: bool [n], whether each answer is right.

    Returns:
        The curve and its area.

    Raises:
        ArgumentError: unless both are of one length, 1 or more, `confidence` finite and `correct`
            bool.

    Example:
        >>> curve = risk_coverage([0.9, 0.8, 0.7, 0.6], correct=[True, True, False, False])
        >>> curve.risk.round(3), round(curve.area, 3)
        (array([0.   , 0.   , 0.333, 0.5  ]), 0.208)
    """
    confidence, wrong = _checked_answers(confidence, correct)
    n = len(wrong)
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    # Errors of each group of equals, spread evenly over its images.
    spread = np.repeat(np.bincount(group, weights=wrong) / sizes, sizes)
    answered = np.arange(1, n + 1)
    risk = spread.cumsum() / answered
    return RiskCoverage(answered / n, risk, float(risk.mean()))


def accuracy_at_coverage(
    confidence: ArrayLike, correct: ArrayLike, coverages: ArrayLike
) -> NDArray[np.float64]:
    """Measure the accuracy on the most confident images.

    Args:
        confidence: as for `risk_coverage`, whose curve this reads off.
        correct: as for `risk_coverage`.
        coverages: float [k], fractions of the images to answer, above 0 and up to 1. As many
            are answered as it takes to reach the fraction.

    Returns:
        float64 [k], fractions.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> confidence, correct = [0.9, 0.8, 0.7, 0.6], [True, True, False, False]
        >>> accuracy_at_coverage(confidence, correct, [0.5, 0.75, 1]).round(3)
        array([1.   , 0.667, 0.5  ])
    """
    coverages = checked_scores(coverages, "coverages")
    if coverages.min() <= 0 or coverages.max() > 1:
        raise ArgumentError(
            f"coverages must be above 0 and up to 1. Received: {coverages.tolist()}"
        )
    risk = risk_coverage(confidence, correct).risk
    # 0.07 of 100 images are 7, and 100 · 0.07 is 7.000000000000001.
    answered = np.ceil(coverages * len(risk) * (1 - 1e-12)).astype(np.int64)
    return 1 - risk[answered - 1]


def detection_auroc(
    here: ArrayLike,
    elsewhere: ArrayLike,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Measure how well a score tells the images of another data set from those of this one.

    The area under the receiver operating characteristic: the probability that an image from
    elsewhere has a higher score than one from here, ties counting half (Hanley & McNeil, 1982).
    The interval is the percentile interval (Efron & Tibshirani, 1993), both sets resampled.

    Args:
        here: float [n], scores of this data set's images, such as `mutual_information`.
        elsewhere: float [m], scores of the other's.
        resamples: how many times the images are resampled.
        confidence: which part of the resamples lies within the interval, between 0 and 1.
        seed: the same seed draws the same images.

    Returns:
        1 if every image from elsewhere has the higher score, 0.5 if the score tells nothing, with
        its interval.

    Raises:
        ArgumentError: unless both are finite numbers, 1 or more, and the others as described.

    Example:
        >>> area = detection_auroc(here=[0.1, 0.2, 0.3, 0.4], elsewhere=[0.35, 0.8, 0.9])
        >>> round(area.value, 3)
        0.917
    """
    from sklearn.metrics import roc_auc_score  # loaded on use: it is slow to import

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
    here, n, m = np.sort(here), len(here), len(elsewhere)
    below, up_to = (np.searchsorted(here, elsewhere, side) for side in ("left", "right"))
    rng, rows = np.random.default_rng(seed), max(1, CHUNK // (n + m))
    areas = []
    for from_here, from_elsewhere in zip(
        resampled_counts(n, resamples, rng, rows),
        resampled_counts(m, resamples, rng, rows),
        strict=True,
    ):
        # How many of the images drawn from here have one of the lowest 0, 1, … n scores.
        lower = np.pad(from_here.cumsum(axis=1), ((0, 0), (1, 0)))
        outdone = (lower[:, below] + lower[:, up_to]) / 2
        areas.append(np.einsum("rm,rm->r", outdone, from_elsewhere) / (n * m))
    return np.concatenate(areas)


def _checked_answers(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidence, correct = checked_scores(confidence, "confidence"), np.asarray(correct)
    if correct.dtype != np.bool_ or correct.shape != confidence.shape:
        raise ArgumentError(
            f"correct must be bool [n], one for each of the {len(confidence)} images. "
            f"Received: {correct.dtype} of shape {correct.shape}"
        )
    return confidence, ~correct
