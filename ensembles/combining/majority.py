"""Majority voting: each member has one vote, and the class with the most votes wins."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_member_probabilities, checked_votes, checked_weights
from zoo.ensembles.combining.definition import Definition
from zoo.ensembles.combining.weights import reduce_classes, tensor_shares, weighted_mean
from zoo.errors import ArgumentError

TIE_TOLERANCE = 1e-9
"""Sums that differ by less than this differ only by rounding: 0.1 + 0.2 ties with 0.3."""
BLEND = 9e-4
"""The part of the mean probability in the committee's probabilities."""
LEAD = 1e-6
"""How far the winning class is ahead of the others at least: 16 times the float32 spacing just
below 1. The sum of `BLEND` and `LEAD` is below 0.001."""


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
        num_classes: The number of classes.
        weights: float [members], the weight of each member's vote; None gives each member the
            weight 1.
        ties: `"probability"`: a tie goes to the class with the highest weighted sum of the
            members' probabilities, and then to the lowest label. Sums that differ by less than
            1e-9 tie. `"lowest"`: a tie goes to the lowest label, and sums are compared bit for
            bit, as in scikit-learn's `VotingClassifier`.
        probabilities: float [members, n, classes], for `ties="probability"` only.

    Returns:
        int64 [n], the class ids.

    Raises:
        ArgumentError: The votes, weights or probabilities are not as described, or
            `ties="probability"` has no probabilities, or `ties="lowest"` has some.

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
                'With ties="lowest", probabilities must be None. Received: probabilities. '
                'Leave them out, or pass ties="probability".'
            )
        return _weighted_counts(votes, num_classes, weights).argmax(axis=1)
    if ties != "probability":
        raise ArgumentError(f'ties must be "probability" or "lowest". Received: {ties!r}.')
    if probabilities is None:
        raise ArgumentError(
            'With ties="probability", probabilities must be float [members, n, classes]. '
            'Received: None. Pass them, or pass ties="lowest".'
        )
    probabilities = checked_member_probabilities(probabilities, (*votes.shape, num_classes))
    return decide(_shares(votes, num_classes, weights), weighted_mean(probabilities, weights))


def vote_shares(
    votes: ArrayLike, num_classes: int, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Compute each class's share of the vote on each image.

    Args:
        votes: int [members, n], class ids.
        num_classes: The number of classes.
        weights: float [members], the weight of each member's vote; None gives each member the
            weight 1.

    Returns:
        float64 [n, classes], fractions; rows sum to 1.

    Raises:
        ArgumentError: The votes or weights are not as described.

    Example:
        >>> vote_shares([[0, 1], [1, 1], [1, 1], [0, 0]], num_classes=3)
        array([[0.5 , 0.5 , 0.  ],
               [0.25, 0.75, 0.  ]])
    """
    votes = checked_votes(votes, num_classes)
    return _shares(votes, num_classes, checked_weights(weights, len(votes)))


def majority_probabilities(
    probabilities: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Compute the shares of the vote, in which the decision has the highest share.

    With s the shares of the vote, p̄ the weighted mean probability and d the class that
    `majority_vote(ties="probability")` decides for,

        q = 0.9991 s + 0.0009 p̄
        q[d] += max(q) − q[d] + 0.000001
        q /= sum(q)

    Where the vote is clear, the second line adds only its last term. Where the vote is nearly or
    exactly a tie, the second line keeps the decision ahead, which blending and float32 rounding
    could cost it. So the argmax is always the decision, and no value differs from its share of the
    vote by more than 0.001.

    Args:
        probabilities: float [members, n, classes]. A member votes for its most probable class, and
            for the lowest label among equally probable classes.
        weights: float [members], the weight of each member's vote; None gives each member the
            weight 1.

    Returns:
        float64 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: The probabilities or weights are not as described.

    Example:
        >>> majority_probabilities([[[0.6, 0.4]], [[0.1, 0.9]]]).round(3)
        array([[0.5, 0.5]])
    """
    probabilities = checked_member_probabilities(probabilities)
    weights = checked_weights(weights, len(probabilities))
    mean = weighted_mean(probabilities, weights)
    num_classes = probabilities.shape[2]
    shares = _shares(probabilities.argmax(axis=2), num_classes, weights)
    decision = np.arange(num_classes) == decide(shares, mean)[:, np.newaxis]
    blend = (1 - BLEND) * shares + BLEND * mean
    behind = blend.max(axis=1, keepdims=True) - (blend * decision).sum(axis=1, keepdims=True)
    blend += decision * (behind + LEAD)
    return blend / blend.sum(axis=1, keepdims=True)


def decide(shares: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Decide by the shares of the vote, then by the mean probability, then by the lowest label.

    Args:
        shares: float64 [..., n, classes], the shares of the vote.
        mean: float64 [..., n, classes], the members' mean probabilities.

    Returns:
        int64 [..., n], the class ids.

    Example:
        >>> decide(np.array([[0.5, 0.5]]), np.array([[0.4, 0.6]]))
        array([1])
    """
    leading = leaders(shares)
    decisions = leading.argmax(axis=-1)
    tied = reduce_classes(np.add, leading.astype(np.int16)) > 1
    decisions[tied] = leaders(np.where(leading[tied], mean[tied], -1.0)).argmax(axis=-1)
    return decisions


def leaders(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the class with the highest score, and each class that differs from it only by rounding.

    Args:
        scores: float64 [..., n, classes].

    Returns:
        bool [..., n, classes].

    Example:
        >>> leaders(np.array([[0.1 + 0.2, 0.3, 0.2]]))
        array([[ True,  True, False]])
    """
    return scores >= reduce_classes(np.maximum, scores)[..., np.newaxis] - TIE_TOLERANCE


def _weighted_counts(
    votes: NDArray[np.int64], num_classes: int, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum the weights of the votes for each class, float64 [n, classes]."""
    # A cell for each image and class. A single bincount adds the weights in the order of members.
    n = votes.shape[1]
    cells = votes + num_classes * np.arange(n)
    counts = np.bincount(cells.ravel(), weights=np.repeat(weights, n), minlength=n * num_classes)
    # The counts are float64 already; NumPy's type stubs say otherwise.
    return counts.reshape(n, num_classes).astype(np.float64, copy=False)


def _shares(
    votes: NDArray[np.int64], num_classes: int, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    return _weighted_counts(votes, num_classes, weights) / weights.sum()


def _on_tensors(probabilities: Any, weights: Any) -> Any:
    """`majority_probabilities` on tensors, step by step."""
    import keras
    import tensorflow as tf  # for argmax: other runtimes do not know the argmax of Keras
    from keras import ops

    dtype = keras.backend.standardize_dtype(probabilities.dtype)
    num_classes = probabilities.shape[-1]
    scale = tensor_shares(weights, probabilities)
    mean = ops.sum(scale * probabilities, axis=0)
    votes = ops.one_hot(tf.argmax(probabilities, axis=-1), num_classes, dtype=dtype)
    shares = ops.sum(scale * votes, axis=0)
    # float32 does not resolve the tolerance that arrays have.
    tolerance = TIE_TOLERANCE if dtype == "float64" else 1e-6
    tied = _tensor_leaders(shares, tolerance)
    most_probable = _tensor_leaders(ops.where(tied, mean, -1.0), tolerance)
    lowest = tf.argmax(ops.cast(most_probable, dtype), axis=-1)
    decision = ops.one_hot(lowest, num_classes, dtype=dtype)
    blend = (1 - BLEND) * shares + BLEND * mean
    behind = ops.max(blend, axis=-1, keepdims=True)
    behind -= ops.sum(blend * decision, axis=-1, keepdims=True)
    blend += decision * (behind + LEAD)
    return blend / ops.sum(blend, axis=-1, keepdims=True)


def _tensor_leaders(scores: Any, tolerance: float) -> Any:
    """Mark the leaders as `leaders` does, on tensors."""
    from keras import ops

    return scores >= ops.max(scores, axis=-1, keepdims=True) - tolerance


def _terms(probabilities: NDArray) -> tuple[NDArray[np.float64], NDArray]:
    """Give the votes, 1 for the class that a member votes for, and the probabilities."""
    votes = probabilities.argmax(axis=2)[..., np.newaxis] == np.arange(probabilities.shape[2])
    return votes.astype(np.float64), probabilities


DEFINITION = Definition(
    "majority",
    majority_probabilities,
    _on_tensors,
    counts_votes=True,
    terms=_terms,
    decide=decide,
)
