"""Choosing members, weights or a temperature after the training, on validation images."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.arguments import is_among
from zoo.augmentation.views import TestTimeAugmentation
from zoo.datasets.split import Split
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.selection import best_members, greedy_selection, simplex_weights
from zoo.ensembles.committee import Committee
from zoo.ensembles.measures.calibration import fit_temperature
from zoo.errors import ArgumentError, DataError

METHODS = ("greedy", "simplex", "best")


def select(
    committee: Committee,
    x: Any,
    y: Any = None,
    *,
    method: str = "greedy",
    count: int | None = None,
    augmentation: TestTimeAugmentation = None,
) -> Committee:
    """Choose members, and their weights, by their scores on validation images.

    Args:
        committee: A trained committee, which does not change.
        x: Validation images that no member was trained on: a `Split`, or uint8 [n, height, width,
            channels].
        y: Labels int [n], if `x` is an array.
        method: `"greedy"`: take, `count` times, the member that improves the committee most
            (Caruana et al., 2004). The rule is soft voting, and the weight of a member is how often
            the member was taken. `"simplex"`: find the weights of 0 or more for which soft voting
            has the least log loss. `"best"`: keep the `count` most accurate members, with the
            committee's own rule.
        count: For `"greedy"`, how often a member is taken, 50 by default. For `"best"`, the number
            of members to keep.
        augmentation: The test-time augmentation with which the committee is to answer, as for
            `Committee.predict`: other members may be the best with means over several views.

    Returns:
        A new committee of the chosen members, which are shared with the old committee.

    Raises:
        ArgumentError: There is no such method, or the method does not take this count, or the rule
            is not defined for fewer members; or there is no such augmentation.
        DataError: The images are the test split, or do not fit.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, select
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee("softmax", copies=3)
        >>> history = committee.fit(data.train, epochs=2, batch_size=64, verbose=0)
        >>> len(select(committee, data.validation, method="best", count=2).members)
        2
    """
    if not is_among(method, METHODS):
        raise ArgumentError(f"method must be one of {', '.join(METHODS)}. Received: {method!r}.")
    if (count is None and method == "best") or (count is not None and method == "simplex"):
        raise ArgumentError(
            'count must be the number of members that method="best" keeps, or how often "greedy" '
            f'takes a member, and None for "simplex". Received: method={method!r}, count={count!r}.'
        )
    if method == "best" and not committee.rule.defined_for_fewer:
        raise ArgumentError(
            'With method="best", the rule must be defined for fewer members. Received: '
            f"{committee.voting!r}, which is learned from all members. Choose another rule with "
            "with_rule, or stack fewer members."
        )
    split = for_choosing(committee, x, y)
    members = committee.member_probabilities(split, augmentation=augmentation)
    if method == "best":
        assert count is not None
        kept = np.sort(best_members(members, split.labels, count))
        rule = replace(committee.rule.for_members(kept.tolist()), temperature=None)
    else:
        weights = (
            greedy_selection(members, split.labels, rounds=50 if count is None else count)
            if method == "greedy"
            else simplex_weights(members, split.labels)
        )
        kept = np.flatnonzero(weights)
        rule = Rule("soft", tuple(weights[kept].tolist()))
    chosen = committee.with_rule(rule, kept.tolist(), tuned_on=split)
    named = dict(zip(chosen.member_names, members[kept], strict=True))
    chosen.record_validation(split.labels, named, chosen.rule(members[kept]))
    return chosen


def calibrate(
    committee: Committee, x: Any, y: Any = None, *, augmentation: TestTimeAugmentation = None
) -> Committee:
    """Fit a temperature to the committee's probabilities on validation images.

    Args:
        committee: A trained committee, which does not change. The committee's rule must give
            probabilities, which majority voting does not.
        x: Validation images that no member was trained on: a `Split`, or uint8 [n, height, width,
            channels].
        y: Labels int [n], if `x` is an array.
        augmentation: The test-time augmentation with which the committee is to answer, as for
            `Committee.predict`: means over several views are less sure of themselves, and need
            another temperature.

    Returns:
        A new committee with `rule.temperature`, which makes the same decisions. Its members are
        shared with the old committee.

    Raises:
        ArgumentError: The committee has majority voting, which gives shares of the vote; or there
            is no such augmentation.
        DataError: The images are the test split, or do not fit.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, calibrate
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee("softmax", copies=2, voting="soft")
        >>> history = committee.fit(data.train, epochs=3, batch_size=64, verbose=0)
        >>> 0 < calibrate(committee, data.validation).rule.temperature < 1
        True
    """
    if committee.rule.definition.counts_votes:
        raise ArgumentError(
            "The committee's rule must give probabilities. Received: "
            f"{committee.voting!r}, which gives shares of the vote. Choose another rule first, for "
            'example committee.with_rule("soft").'
        )
    rule = replace(committee.rule, temperature=None)
    split = for_choosing(committee, x, y)
    members = committee.member_probabilities(split, augmentation=augmentation)
    temperature = fit_temperature(rule(members), split.labels)
    return committee.with_rule(replace(rule, temperature=temperature), tuned_on=split)


def for_choosing(committee: Committee, x: Any, y: Any) -> Split:
    """Take validation images, and check that they may choose something about a committee.

    Args:
        committee: The committee for which something is chosen.
        x: A `Split`, or images.
        y: Labels, if `x` is an array.

    Returns:
        The split.

    Raises:
        DataError: The images are the test split.
    """
    split = committee.split_to_judge(x, y)
    if split.name == "test":
        raise DataError(
            "The images must be validation images. Received: the test split, which is for the "
            "report only. Pass images held out of the training data."
        )
    if known := split.count_among(committee.trained_on):
        warnings.warn(
            f"{known:,} of these {len(split):,} images are training images of the members, so "
            "the scores on them are too good. Pass images held out of the training.",
            UserWarning,
            stacklevel=3,
        )
    return split
