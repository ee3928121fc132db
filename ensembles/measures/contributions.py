"""Contributions: how much accuracy each member brings to its committee.

A committee without members has to guess, and is right on one image in `classes`. A committee whose
members all have the weight 0 has to guess, too. `zoo.ensembles.measures` describes the arguments
that the functions share.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_labels, checked_probabilities
from zoo.ensembles.combining.rules import Rule
from zoo.errors import ArgumentError

Members: TypeAlias = tuple[int, ...]
"""The numbers of the members of a committee, rising."""

Combination: TypeAlias = str | Rule | Callable[[Members], ArrayLike]
"""How some of the members decide together: a rule by name, a `Rule`, or a function.

The function takes the numbers of these members and gives the class ids that they decide for,
int [n].
"""

MOST_MEMBERS = 12
"""The largest number of members for exact Shapley values: 12 members make 4,096 committees."""

IMAGES_AT_ONCE = 2048
"""How many images are judged at once, which bounds the memory for the decisions."""


def leave_one_out(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Combination = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Measure how much accuracy the committee loses without each member.

    Args:
        probabilities: float [members, n, classes].
        labels: int [n].
        rule: The rule that combines the members: `"majority"`, `"soft"` or `"geometric"`; a `Rule`
            that is defined for fewer members; or a function from the numbers of some members to
            the class ids that they decide for, int [n].
        weights: float [members], for a rule by name; or None.

    Returns:
        The accuracy with all members less the accuracy without the member, float64 [members]. It
        is below 0 if the committee is better without the member. A single member is compared with
        guessing.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> right, wrong = [[0.9, 0.1]], [[0.2, 0.8]]
        >>> leave_one_out([right, right, wrong], labels=[0])
        array([0., 0., 0.])
        >>> leave_one_out([right, wrong, wrong], labels=[0], rule="soft")
        array([ 0., -1., -1.])
    """
    probabilities = checked_probabilities(probabilities)
    members = len(probabilities)
    groups = np.vstack([np.ones((1, members), bool), ~np.eye(members, dtype=bool)])
    accuracies = _accuracies(probabilities, labels, rule, weights, groups)
    return accuracies[0] - accuracies[1:]


def shapley_values(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Combination = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Share the accuracy of the committee among its members: exact Shapley values.

    If the members joined one after another, each would change the accuracy of the committee so
    far. The Shapley value of a member is this change, averaged over all orders of joining. With
    v(S) the accuracy of the committee of the members S, and m members in all,
    φ_i = Σ_{S without i} |S|! (m − |S| − 1)! / m! (v(S + i) − v(S))
    (Shapley, 1953; for ensembles, Rozemberczki & Sarkar, 2021).

    Args:
        probabilities: float [members, n, classes], of 12 members at most, since there are
            2^members committees.
        labels: int [n].
        rule: The rule, as for `leave_one_out`.
        weights: float [members], for a rule by name; or None.

    Returns:
        Fractions of the images, float64 [members]. Their sum is the accuracy of the whole committee
        less that of guessing, 1 / classes.

    Raises:
        ArgumentError: The arguments are not as described, or there are more than 12 members.

    Example:
        >>> right, wrong = [[0.9, 0.1]], [[0.2, 0.8]]
        >>> shapley_values([right, right, wrong], labels=[0]).round(3)
        array([ 0.333,  0.333, -0.167])
    """
    values = coalition_accuracies(probabilities, labels, rule, weights)
    members = len(values).bit_length() - 1
    coalitions = np.arange(len(values))
    sizes = np.bitwise_count(coalitions)
    # |S|! (m − |S| − 1)! / m! for each size |S|, each from the one before.
    shares = np.ones(members) / members
    for size in range(1, members):
        shares[size] = shares[size - 1] * size / (members - size)
    contributions = np.empty(members)
    for member in range(members):
        without = coalitions[coalitions & 2**member == 0]
        gains = values[without + 2**member] - values[without]
        contributions[member] = shares[sizes[without]] @ gains
    return contributions


def coalition_accuracies(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Combination = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Measure the accuracy of every committee that some of the members can make.

    Args:
        probabilities: float [members, n, classes], of 12 members at most.
        labels: int [n].
        rule: The rule, as for `leave_one_out`.
        weights: float [members], for a rule by name; or None.

    Returns:
        Fractions of the images, float64 [2^members]. A committee that has member m has bit m set in
        its number: number 0 is the empty committee, number 5 has the members 0 and 2.

    Raises:
        ArgumentError: The arguments are not as described, or there are more than 12 members.

    Example:
        >>> coalition_accuracies([[[0.9, 0.1]], [[0.2, 0.8]]], labels=[0])
        array([0.5, 1. , 0. , 1. ])
    """
    probabilities = checked_probabilities(probabilities)
    members = len(probabilities)
    if members > MOST_MEMBERS:
        raise ArgumentError(
            f"probabilities must be of {MOST_MEMBERS} members at most, because each further member "
            f"doubles the number of committees. Received: {members} members. Use leave_one_out, or "
            "keep the best members with zoo.ensembles.combining.selection.best_members."
        )
    numbers = np.arange(2**members)[:, np.newaxis]
    groups = numbers >> np.arange(members) & 1 == 1
    return _accuracies(probabilities, labels, rule, weights, groups)


def _accuracies(
    probabilities: NDArray,
    labels: ArrayLike,
    rule: Combination,
    weights: ArrayLike | None,
    groups: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Measure the accuracy of groups of the members: bool [groups, members] → float64 [groups]."""
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    rule = _checked_rule(rule, weights, members)
    right = np.full(len(groups), n / num_classes)  # for groups that have to guess
    if not isinstance(rule, Rule):
        for index in np.flatnonzero(groups.any(axis=1)):
            right[index] = _right_answers(rule, groups[index], labels)
        return right / n
    votes = np.ones(members) if rule.weights is None else np.array(rule.weights)
    deciding = (groups & (votes > 0)).any(axis=1)
    right[deciding] = 0
    for start in range(0, n, IMAGES_AT_ONCE):
        images = slice(start, start + IMAGES_AT_ONCE)
        answers = rule.decisions_of_groups(probabilities[:, images], groups[deciding])
        right[deciding] += (answers == labels[images]).sum(axis=1)
    return right / n


def _right_answers(
    decide: Callable[[Members], ArrayLike], group: NDArray[np.bool_], labels: NDArray[np.int64]
) -> int:
    """Count the images on which a function decides rightly for a group, bool [members]."""
    chosen = tuple(np.flatnonzero(group).tolist())
    answers = np.asarray(decide(chosen))
    if answers.shape != labels.shape or answers.dtype.kind not in "iu":
        raise ArgumentError(
            f"rule must give class ids, integers [n], one for each of the {len(labels)} images. "
            f"Received: {answers.dtype} of shape {answers.shape} for the members {chosen}. "
            "For probabilities, return probabilities.argmax(axis=-1)."
        )
    return int((answers == labels).sum())


def _checked_rule(
    rule: Combination, weights: ArrayLike | None, members: int
) -> Rule | Callable[[Members], ArrayLike]:
    """Make a `Rule` of a name, and check that a `Rule` is for this number of members."""
    if isinstance(rule, str):
        given = None if weights is None else tuple(np.asarray(weights).tolist())
        rule, weights = Rule(rule, given), None
    if weights is not None:
        raise ArgumentError(
            "weights must be None for a Rule or a function, which weigh the members themselves. "
            f"Received: {weights!r}. Leave them out."
        )
    if isinstance(rule, Rule):
        rule.check_members(members)
    elif not callable(rule):
        raise ArgumentError(
            f"rule must be the name of a rule, a Rule, or a function. Received: {rule!r}. "
            'Pass a name such as "soft".'
        )
    return rule
