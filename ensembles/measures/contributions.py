"""What each member is worth to its committee: the accuracy that it brings.

An empty committee has to guess, and is right on one image in `classes`. So are members whose
weights are all 0.
"""

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import FLOOR, checked_labels, checked_probabilities
from zoo.ensembles.combining.voting import VOTING, checked_weights, decide, leaders
from zoo.errors import ArgumentError

Rule: TypeAlias = Literal["majority", "soft", "geometric"] | Callable[[tuple[int, ...]], ArrayLike]
"""How members make one answer: a rule of `zoo.ensembles.combining.voting` by name, or a function.

The function is given the numbers of the members that are in, rising, and gives int [n], the class
ids that they decide for.
"""

MOST_MEMBERS = 12
"""For exact Shapley values: 4,096 committees."""

# Images at once: what is added up stays in the processor's cache.
BLOCK = 2048


def leave_one_out(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Rule = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Measure what the committee's accuracy loses without each member.

    Args:
        probabilities: float [members, n, classes].
        labels: int [n], the true class ids.
        rule: `"majority"`, as `committee_probabilities` decides; `"soft"`; `"geometric"`; or a
            function from the numbers of some members to the class ids that they decide for.
        weights: float [members], what each member counts under a rule by name; None counts each
            as one.

    Returns:
        float64 [members], accuracy with all less accuracy without this one: below 0 for a member
        that the committee is better off without. The only member is worth what it is better than
        guessing.

    Raises:
        ArgumentError: for arguments that are not as described.

    Example:
        >>> right, wrong = [[0.9, 0.1]], [[0.2, 0.8]]
        >>> leave_one_out([right, right, wrong], labels=[0])
        array([0., 0., 0.])
        >>> leave_one_out([right, wrong, wrong], labels=[0], rule="soft")
        array([ 0., -1., -1.])
    """
    probabilities, labels, weights = _checked(probabilities, labels, rule, weights)
    members, n, num_classes = probabilities.shape
    everyone = tuple(range(members))
    committees = [everyone, *(everyone[:each] + everyone[each + 1 :] for each in everyone)]
    right = np.zeros(len(committees))
    if callable(rule):
        for index, committee in enumerate(committees):
            # Without the only member there is none to ask.
            right[index] = _right_of(rule, committee, labels) if committee else n / num_classes
    else:
        for terms, block in _blocks(probabilities, labels, rule, weights):
            for index, committee in enumerate(committees):
                sums, total = terms[list(committee)].sum(axis=0), weights[list(committee)].sum()
                right[index] += _right(sums, total, block, rule)
    accuracies = right / n
    return accuracies[0] - accuracies[1:]


def shapley_values(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Rule = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Share the committee's accuracy out among its members: exact Shapley values.

    Were the members to come in one after the other, each would change the accuracy of those
    before it; its value is that change averaged over all orders. With v(S) the accuracy of the
    committee of S and m members, φ_i = Σ_{S without i} |S|! (m − |S| − 1)! / m! (v(S + i) − v(S))
    (Shapley, 1953; for ensembles, Rozemberczki & Sarkar, 2021).

    Args:
        probabilities: float [members, n, classes], of 12 members at most: there are 2^members
            committees.
        labels: int [n], the true class ids.
        rule: as for `leave_one_out`.
        weights: as for `leave_one_out`.

    Returns:
        float64 [members], fractions of the images; their sum is the whole committee's accuracy
        less that of guessing, 1 / classes.

    Raises:
        ArgumentError: for arguments that are not as described, or more than 12 members.

    Example:
        >>> right, wrong = [[0.9, 0.1]], [[0.2, 0.8]]
        >>> shapley_values([right, right, wrong], labels=[0]).round(3)
        array([ 0.333,  0.333, -0.167])
    """
    values = coalition_accuracies(probabilities, labels, rule, weights)
    members = len(values).bit_length() - 1
    coalitions = np.arange(len(values))
    sizes = np.bitwise_count(coalitions)
    # |S|! (m − |S| − 1)! / m! for each size, from one to the next.
    shares = np.ones(members) / members
    for size in range(1, members):
        shares[size] = shares[size - 1] * size / (members - size)
    worth = np.empty(members)
    for member in range(members):
        without = coalitions[coalitions & 2**member == 0]
        worth[member] = shares[sizes[without]] @ (values[without + 2**member] - values[without])
    return worth


def coalition_accuracies(
    probabilities: ArrayLike,
    labels: ArrayLike,
    rule: Rule = "majority",
    weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Measure the accuracy of every committee that some of the members can make.

    Args:
        probabilities: float [members, n, classes], of 12 members at most.
        labels: int [n], the true class ids.
        rule: as for `leave_one_out`.
        weights: as for `leave_one_out`.

    Returns:
        float64 [2^members]. The committee with member m in it has bit m set in its number: number
        0 is the empty one, number 5 that of members 0 and 2.

    Raises:
        ArgumentError: for arguments that are not as described, or more than 12 members.

    Example:
        >>> coalition_accuracies([[[0.9, 0.1]], [[0.2, 0.8]]], labels=[0])
        array([0.5, 1. , 0. , 1. ])
    """
    probabilities, labels, weights = _checked(probabilities, labels, rule, weights)
    members, n, num_classes = probabilities.shape
    if members > MOST_MEMBERS:
        raise ArgumentError(
            f"probabilities must be of {MOST_MEMBERS} members at most: each one more doubles the "
            f"committees there are. Received: {members}. Use leave_one_out, or keep the best "
            "members with zoo.ensembles.combining.selection.best_members."
        )
    right = np.zeros(2**members)
    right[0] = n / num_classes
    if callable(rule):
        for number in range(1, 2**members):
            committee = tuple(member for member in range(members) if number >> member & 1)
            right[number] = _right_of(rule, committee, labels)
    else:
        for terms, block in _blocks(probabilities, labels, rule, weights):
            for number, sums, total in _committees(terms, weights):
                right[number] += _right(sums, total, block, rule)
    return right / n


def _committees(
    terms: NDArray[np.float64],
    weights: NDArray[np.float64],
    first: int = 0,
    number: int = 0,
    sums: NDArray[np.float64] | float = 0.0,
    total: float = 0.0,
) -> Iterator[tuple[int, NDArray[np.float64], float]]:
    """Go through all committees, each the sum of a smaller one and one member more."""
    for member in range(first, len(terms)):
        more, heavier = sums + terms[member], total + weights[member]
        yield number | 1 << member, more, heavier
        yield from _committees(terms, weights, member + 1, number | 1 << member, more, heavier)


def _blocks(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    rule: str,
    weights: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Give what each member adds to the rule's sums, [members, sums, block, classes]."""
    scale = weights[:, np.newaxis, np.newaxis]
    for start in range(0, len(labels), BLOCK):
        block = probabilities[:, start : start + BLOCK]
        if rule == "geometric":
            sums = [np.log(np.maximum(block, FLOOR))]
        elif rule == "soft":
            sums = [block]
        else:
            sums = [block.argmax(axis=2)[..., np.newaxis] == np.arange(block.shape[2]), block]
        yield np.stack([scale * each for each in sums], axis=1), labels[start : start + BLOCK]


def _right(sums: NDArray[np.float64], total: float, labels: NDArray[np.int64], rule: str) -> float:
    """Count the images that a committee gets right, of these sums [sums, n, classes]."""
    if total == 0:
        return len(labels) / sums.shape[2]
    means = sums / total
    if rule == "majority":
        answers = decide(*means)
    elif rule == "soft":
        answers = means[0].astype(np.float32).argmax(axis=1)  # as `committee_probabilities`
    else:
        answers = leaders(means[0]).argmax(axis=1)
    return float((answers == labels).sum())


def _right_of(
    rule: Callable[[tuple[int, ...]], ArrayLike],
    committee: tuple[int, ...],
    labels: NDArray[np.int64],
) -> float:
    answers = np.asarray(rule(committee))
    if answers.shape != labels.shape or answers.dtype.kind not in "iu":
        raise ArgumentError(
            f"rule must give class ids, integers [n], one for each of the {len(labels)} images. "
            f"Received: {answers.dtype} of shape {answers.shape} for members {committee}"
        )
    return float((answers == labels).sum())


def _checked(
    probabilities: ArrayLike, labels: ArrayLike, rule: Rule, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    if callable(rule):
        if weights is not None:
            raise ArgumentError(
                "weights are for a rule by name: a function weighs its members itself. "
                "Leave them out."
            )
    elif rule not in VOTING:
        raise ArgumentError(
            f"rule must be one of {', '.join(VOTING)}, or a function. Received: {rule!r}"
        )
    return probabilities, labels, checked_weights(weights, members)
