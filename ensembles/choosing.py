"""What is chosen after training, on validation images: members, weights, temperature."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.datasets.split import Split
from zoo.ensembles.combining.rules import STACKING, Rule
from zoo.ensembles.combining.selection import best_members, greedy_selection, simplex_weights
from zoo.ensembles.measures.calibration import fit_temperature
from zoo.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from zoo.ensembles.committee import Committee

METHODS = ("greedy", "simplex", "best")


def select(
    committee: Committee,
    x: Any,
    y: Any = None,
    *,
    method: str = "greedy",
    count: int | None = None,
) -> Committee:
    """Choose members, and what each counts, by how good they are on validation images.

    Args:
        committee: a trained committee; it stays as it is.
        x: validation images that no member was trained on: a `Split`, or uint8 [n, height, width,
            channels].
        y: labels int [n] where `x` is an array.
        method: `"greedy"`: again and again the member that helps most, with replacement (Caruana
            et al., 2004), soft voting weighted by how often each was taken. `"simplex"`: the
            weights of 0 or more whose soft vote has the least log loss. `"best"`: the `count`
            most accurate members, by the committee's own rule.
        count: for `"greedy"`, how often a member is taken, 50 by default; for `"best"`, how many
            members are kept.

    Returns:
        A new committee of the chosen members, who are shared with the old one.

    Raises:
        ArgumentError: another method, or a count that it has no use for.
        DataError: the test split, or data that does not fit.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, select
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee("softmax", copies=3)
        >>> history = committee.fit(data.train, epochs=2, batch_size=64, verbose=0)
        >>> len(select(committee, data.validation, method="best", count=2).members)
        2
    """
    if method not in METHODS:
        raise ArgumentError(f"method is one of {', '.join(METHODS)}. Received: {method!r}")
    if (count is None and method == "best") or (count is not None and method == "simplex"):
        raise ArgumentError(
            'count is how many members method="best" keeps, or how often "greedy" takes one. '
            f"Received: method={method!r}, count={count!r}"
        )
    if method == "best" and committee.voting == STACKING:
        raise ArgumentError(
            "A stack has learned from all of its members, and is no rule for fewer: leave members "
            "out with with_rule, or stack fewer."
        )
    split = for_choosing(committee, x, y)
    members = committee.member_probabilities(split)
    if method == "best":
        assert count is not None
        kept = np.sort(best_members(members, split.labels, count))
        weights = committee.rule.weights
        rule = replace(
            committee.rule,
            temperature=None,
            weights=None if weights is None else tuple(weights[place] for place in kept),
        )
    else:
        found = (
            greedy_selection(members, split.labels, rounds=50 if count is None else count)
            if method == "greedy"
            else simplex_weights(members, split.labels)
        )
        kept = np.flatnonzero(found)
        rule = Rule("soft", tuple(found[kept].tolist()))
    chosen = committee.with_rule(rule, kept.tolist(), tuned_on=split)
    right = members[kept].argmax(axis=-1) == split.labels
    chosen.validation_accuracy = tuple(right.mean(axis=1).tolist())
    return chosen


def calibrate(committee: Committee, x: Any, y: Any = None) -> Committee:
    """Fit a temperature to the committee's probabilities on validation images.

    Args:
        committee: a trained committee with soft or geometric voting or stacking; it stays as it is.
        x: validation images that no member was trained on: a `Split`, or uint8 [n, height, width,
            channels].
        y: labels int [n] where `x` is an array.

    Returns:
        A new committee with `rule.temperature`, whose decisions are the same; its members are
        shared with the old one.

    Raises:
        ArgumentError: the committee has majority voting, which gives shares of the vote.
        DataError: the test split, or data that does not fit.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, calibrate
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee("softmax", copies=2, voting="soft")
        >>> history = committee.fit(data.train, epochs=3, batch_size=64, verbose=0)
        >>> 0 < calibrate(committee, data.validation).rule.temperature < 1
        True
    """
    bare = replace(committee.rule, temperature=None)
    replace(bare, temperature=1.0)  # which majority voting refuses
    split = for_choosing(committee, x, y)
    temperature = fit_temperature(bare(committee.member_probabilities(split)), split.labels)
    return committee.with_rule(replace(bare, temperature=temperature), tuned_on=split)


def for_choosing(committee: Committee, x: Any, y: Any) -> Split:
    """Take validation images, and look whether they may choose anything.

    Args:
        committee: that something is chosen for.
        x: a `Split`, or images.
        y: labels where `x` is an array.

    Returns:
        The split.

    Raises:
        DataError: it is the test split.
    """
    split = committee.split_to_judge(x, y)
    if split.name == "test":
        raise DataError(
            "The test split chooses nothing, neither members nor weights nor a temperature, and is "
            "for the report: pass validation images."
        )
    if known := split.count_among(committee.trained_on):
        warnings.warn(
            f"{known:,} of these {len(split):,} images are among those that the members were "
            "trained on, where they look better than they are: pass images held out of the "
            "training",
            UserWarning,
            stacklevel=3,
        )
    return split
