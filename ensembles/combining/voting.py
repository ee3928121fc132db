"""The rules of combination as pure functions over arrays.

Arrays have the members first: `votes` is int [members, n], the class id that each member votes for
on each image; `probabilities` is float [members, n, classes]. `weights` holds one number for each
member, and only the ratios of the weights matter.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.combining.geometric import geometric_vote
from zoo.ensembles.combining.majority import decide, leaders, majority_vote, vote_shares
from zoo.ensembles.combining.rules import VOTING, Rule, voting_names
from zoo.ensembles.combining.soft import soft_vote
from zoo.errors import ArgumentError

__all__ = [
    "VOTING",
    "committee_probabilities",
    "decide",
    "geometric_vote",
    "leaders",
    "majority_vote",
    "soft_vote",
    "vote_shares",
]


def committee_probabilities(
    probabilities: ArrayLike, voting: str = "majority", weights: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Combine the members' probabilities into the committee's, without a learned rule.

    `"majority"` gives the shares of the vote, as `majority_probabilities` computes them: their
    argmax is the decision, ties included. `"soft"` gives the weighted mean, and `"geometric"` the
    weighted geometric mean.

    Args:
        probabilities: float [members, n, classes], rows sum to 1.
        voting: The name of the rule.
        weights: float [members], the weight of each member; None gives each member the weight 1.

    Returns:
        float32 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: The probabilities or weights are not as described, or there is no such rule.

    Example:
        >>> members = [[[0.6, 0.4]], [[0.1, 0.9]]]
        >>> committee_probabilities(members).round(3)
        array([[0.5, 0.5]], dtype=float32)
        >>> committee_probabilities(members).argmax(axis=1)
        array([1])
    """
    names = voting_names()
    if voting not in names:
        raise ArgumentError(
            f"voting must be one of {', '.join(names)}. Received: {voting!r}. For a rule that is "
            "learned, call the zoo.ensembles.Rule itself."
        )
    return Rule(voting, weights)(probabilities)  # type: ignore[arg-type]
