"""The rules by which a committee's members become one answer, as pure functions.

Arrays come members first: `votes` is int [members, n], one class id for each member and image;
`probabilities` is float [members, n, classes]. `weights` holds one number for each member, and
only their ratios matter.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import FLOOR, checked_votes
from zoo.errors import ArgumentError

# Sums that differ by less than this differ only by rounding: 0.1 + 0.2 ties with 0.3.
TIE_TOLERANCE = 1e-9
# In committee_probabilities: the part of the mean probability, and the winner's least lead. Their
# sum is below 0.001, and the lead is 16 times the float32 spacing just below 1.
BLEND = 9e-4
LEAD = 1e-6

VOTING = ("majority", "soft", "geometric")
"""The rules by name."""


def majority_vote(
    votes: ArrayLike,
    num_classes: int,
    weights: ArrayLike | None = None,
    ties: Literal["probability", "lowest"] = "probability",
    probabilities: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Give each image the class with the most votes.

    Args:
        votes: int [members, n], class ids.
        num_classes: how many classes there are.
        weights: float [members], what each member's vote counts; None counts each as one.
        ties: `"probability"` gives a tie to the class with the highest (weighted) sum of the
            members' probabilities, and then to the lowest label; sums within 1e-9 are equal.
            `"lowest"` gives it to the lowest label, and compares the sums bit for bit, as
            scikit-learn's `VotingClassifier` does.
        probabilities: float [members, n, classes]; needed for `ties="probability"` only.

    Returns:
        int64 [n], the class ids.

    Raises:
        ArgumentError: for votes, weights or probabilities that are not as described, for
            `ties="probability"` without probabilities and `ties="lowest"` with them.

    Example:
        >>> votes = [[0, 1], [1, 1], [2, 0]]
        >>> majority_vote(votes, num_classes=3, ties="lowest")
        array([0, 1])
        >>> probabilities = [
        ...     [[0.5, 0.4, 0.1], [0.2, 0.7, 0.1]],
        ...     [[0.1, 0.8, 0.1], [0.3, 0.6, 0.1]],
        ...     [[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]],
        ... ]
        >>> majority_vote(votes, num_classes=3, probabilities=probabilities)
        array([1, 1])
    """
    votes = checked_votes(votes, num_classes)
    weights = checked_weights(weights, len(votes))
    if ties == "lowest":
        if probabilities is not None:
            raise ArgumentError(
                'ties="lowest" makes no use of probabilities. Leave them out, '
                'or set ties="probability".'
            )
        return _weighted_counts(votes, num_classes, weights).argmax(axis=1)
    if ties != "probability":
        raise ArgumentError(f'ties must be "probability" or "lowest". Received: {ties!r}')
    if probabilities is None:
        raise ArgumentError(
            'ties="probability" needs probabilities, float [members, n, classes]. '
            'Received: None. Pass them, or set ties="lowest".'
        )
    probabilities = _checked_probabilities(probabilities, (*votes.shape, num_classes))
    return decide(_shares(votes, num_classes, weights), _mean(probabilities, weights))


def vote_shares(
    votes: ArrayLike, num_classes: int, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Give each class's share of the vote on each image.

    Args:
        votes: int [members, n], class ids.
        num_classes: how many classes there are.
        weights: float [members], what each member's vote counts; None counts each as one.

    Returns:
        float64 [n, classes], fractions; rows sum to 1.

    Raises:
        ArgumentError: for votes or weights that are not as described.

    Example:
        >>> vote_shares([[0, 1], [1, 1], [1, 1], [0, 0]], num_classes=3)
        array([[0.5 , 0.5 , 0.  ],
               [0.25, 0.75, 0.  ]])
    """
    votes = checked_votes(votes, num_classes)
    return _shares(votes, num_classes, checked_weights(weights, len(votes)))


def soft_vote(probabilities: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """Average the members' probabilities.

    Args:
        probabilities: float [members, n, classes].
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float64 [n, classes], the weighted mean; rows sum to 1 if the members' rows do.

    Raises:
        ArgumentError: for probabilities or weights that are not as described.

    Example:
        >>> soft_vote([[[1.0, 0.0]], [[0.5, 0.5]]])
        array([[0.75, 0.25]])
    """
    probabilities = _checked_probabilities(probabilities)
    return _mean(probabilities, checked_weights(weights, len(probabilities)))


def geometric_vote(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Multiply the members' probabilities: their normalised (weighted) geometric mean.

    With weights w that sum to 1, q_k ∝ Π_m p_mk^w_m: a product of experts (Hinton, 2002) to the
    power of 1 / members, also called a logarithmic opinion pool (Genest & Zidek, 1986). A class
    that one member thinks nearly impossible has little chance, where `soft_vote` lets the others
    outvote it.

    Args:
        probabilities: float [members, n, classes]. Those below 1.2e-38, the smallest normal
            number of float32, count as that: a 0 is a strong objection and no veto.
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float64 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: for probabilities or weights that are not as described.

    Example:
        >>> members = [[[0.999, 0.001]], [[0.2, 0.8]], [[0.2, 0.8]]]
        >>> geometric_vote(members).round(3)
        array([[0.799, 0.201]])
        >>> soft_vote(members).round(3)
        array([[0.466, 0.534]])
    """
    from scipy.special import softmax  # loaded on use: it is slow to import

    probabilities = _checked_probabilities(probabilities)
    shares = checked_shares(weights, len(probabilities))
    mean = np.zeros(probabilities.shape[1:])
    for weight, member in zip(shares, probabilities, strict=True):
        mean += weight * np.log(np.maximum(member, FLOOR, dtype=np.float64))
    return softmax(mean, axis=1)


def committee_probabilities(
    probabilities: ArrayLike,
    voting: Literal["majority", "soft", "geometric"] = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """Combine the members' probabilities into the committee's.

    For `"soft"` this is the weighted mean, for `"geometric"` what `geometric_vote` gives. For
    `"majority"`, with s the shares of the vote, p̄ the weighted mean probability and d the class
    `majority_vote(ties="probability")` decides for,

        q = 0.9991 s + 0.0009 p̄
        q[d] += max(q) − q[d] + 0.000001
        q /= sum(q)

    Where the vote is clear the second line adds only its last term. Where it is nearly or exactly
    a tie, it gives the decision the lead that blending and float32 rounding might cost it. So the
    argmax is always the decision, and no value is further than 0.001 from its share of the vote.

    Args:
        probabilities: float [members, n, classes], rows sum to 1. A member votes for the class it
            finds most probable, the lowest label among equals.
        voting: `"majority"`, `"soft"` or `"geometric"`.
        weights: float [members], what each member counts; None counts each as one.

    Returns:
        float32 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: for probabilities or weights that are not as described, or another `voting`.

    Example:
        >>> members = [[[0.6, 0.4]], [[0.1, 0.9]]]
        >>> committee_probabilities(members).round(3)
        array([[0.5, 0.5]], dtype=float32)
        >>> committee_probabilities(members).argmax(axis=1)
        array([1])
    """
    if voting not in VOTING:
        raise ArgumentError(f"voting is one of {', '.join(VOTING)}. Received: {voting!r}")
    if voting == "geometric":
        return geometric_vote(probabilities, weights).astype(np.float32)
    probabilities = _checked_probabilities(probabilities)
    weights = checked_weights(weights, len(probabilities))
    mean = _mean(probabilities, weights)
    if voting == "soft":
        return mean.astype(np.float32)
    num_classes = probabilities.shape[2]
    shares = _shares(probabilities.argmax(axis=2), num_classes, weights)
    decision = np.arange(num_classes) == decide(shares, mean)[:, np.newaxis]
    blend = (1 - BLEND) * shares + BLEND * mean
    behind = blend.max(axis=1, keepdims=True) - (blend * decision).sum(axis=1, keepdims=True)
    blend += decision * (behind + LEAD)
    return (blend / blend.sum(axis=1, keepdims=True)).astype(np.float32)


def _weighted_counts(
    votes: NDArray[np.int64], num_classes: int, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    # One cell for each image and class, in one bincount: it adds in member order.
    n = votes.shape[1]
    cells = votes + num_classes * np.arange(n)
    counts = np.bincount(cells.ravel(), weights=np.repeat(weights, n), minlength=n * num_classes)
    # It is float64 already, whatever NumPy's type stubs say.
    return counts.reshape(n, num_classes).astype(np.float64, copy=False)


def _shares(
    votes: NDArray[np.int64], num_classes: int, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    return _weighted_counts(votes, num_classes, weights) / weights.sum()


def _mean(probabilities: NDArray, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.tensordot(weights, probabilities, axes=1) / weights.sum()


def decide(shares: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Decide by the shares of the vote, ties by the mean probability, then the lowest label.

    Args:
        shares: float64 [n, classes], the shares of the vote.
        mean: float64 [n, classes], the members' mean probabilities.

    Returns:
        int64 [n], the class ids.

    Example:
        >>> decide(np.array([[0.5, 0.5]]), np.array([[0.4, 0.6]]))
        array([1])
    """
    return leaders(np.where(leaders(shares), mean, -1.0)).argmax(axis=1)


def leaders(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the classes with the highest score, and those that differ from it only by rounding.

    Args:
        scores: float64 [n, classes].

    Returns:
        bool [n, classes].

    Example:
        >>> leaders(np.array([[0.1 + 0.2, 0.3, 0.2]]))
        array([[ True,  True, False]])
    """
    return scores >= scores.max(axis=1, keepdims=True) - TIE_TOLERANCE


def checked_weights(weights: ArrayLike | None, members: int) -> NDArray[np.float64]:
    """Check what the members count.

    Args:
        weights: float [members], or None for one each.
        members: how many there are.

    Returns:
        float64 [members], scaled by a power of two.

    Raises:
        ArgumentError: unless there is one finite number for each, none below 0, not all 0.

    Example:
        >>> checked_weights([1, 3], members=2).tolist()
        [0.25, 0.75]
    """
    try:
        weights = np.ones(members) if weights is None else np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"weights must be numbers. Received: {weights!r}") from error
    if weights.shape != (members,):
        raise ArgumentError(
            f"weights must be one number for each of the {members} members. "
            f"Received: shape {weights.shape}"
        )
    if not np.isfinite(weights).all() or np.min(weights) < 0 or np.max(weights) == 0:
        raise ArgumentError(
            f"weights must be finite, none below 0 and not all 0. Received: {weights.tolist()}"
        )
    # Only ratios matter. A power of two changes no rounding, and keeps sums from overflowing.
    return np.ldexp(weights, -np.frexp(np.max(weights))[1])


def checked_shares(weights: ArrayLike | None, members: int) -> NDArray[np.float64]:
    """Check what the members count, as `checked_weights`, and make it sum to 1.

    Example:
        >>> checked_shares(None, members=2)
        array([0.5, 0.5])
    """
    weights = checked_weights(weights, members)
    return weights / weights.sum()


def _checked_probabilities(
    probabilities: ArrayLike, shape: tuple[int, int, int] | None = None
) -> NDArray:
    probabilities = np.asarray(probabilities)
    if shape is not None and probabilities.shape != shape:
        raise ArgumentError(
            f"probabilities must have the shape [members, n, classes] of the votes, {shape}. "
            f"Received: shape {probabilities.shape}"
        )
    if probabilities.ndim != 3 or 0 in (len(probabilities), probabilities.shape[2]):
        raise ArgumentError(
            "probabilities must be [members, n, classes], of one member and class or more. "
            f"Received: shape {probabilities.shape}"
        )
    # The extremes of an array with a NaN in it are NaN, and no comparison with NaN holds.
    low, high = probabilities.min(initial=0), probabilities.max(initial=0)
    if not (low >= 0 and high <= 1 + 1e-6):
        raise ArgumentError(
            "probabilities must be finite and from 0 to 1; logits need a softmax first. "
            f"Received: values from {low} to {high}"
        )
    return probabilities
