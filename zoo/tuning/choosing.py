"""Choosing a committee among all trials of a sweep."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.split import Split
from zoo.ensembles.choosing import for_choosing
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.selection import greedy_selection
from zoo.ensembles.committee import Committee
from zoo.ensembles.reports.leaderboard import Leaderboard, make_leaderboard
from zoo.tuning.trials import Trial


class Candidate(NamedTuple):
    """A trained model of a sweep.

    Attributes:
        trial: The trial.
        repetition: The position of the seed, from 0.
    """

    trial: Trial
    repetition: int


def candidates_of(trials: Iterable[Trial]) -> list[Candidate]:
    """List the trained models of trials, one for each seed.

    Args:
        trials: The trials.
    """
    return [Candidate(trial, k) for trial in trials for k in range(trial.setup.seeds)]


def choose_committee(trials: Sequence[Trial], x: Any, y: Any, rounds: int) -> Committee:
    """Choose models greedily, with replacement (Caruana et al., 2004; Wenzel et al., 2020).

    Args:
        trials: All trials of the sweep.
        x: Validation images as `zoo.ensembles.select` takes them; None takes those of the sweep.
        y: Labels, if `x` is an array.
        rounds: How often a model is taken.

    Returns:
        A committee with soft voting. The weight of a member is how often it was taken.
    """
    candidates = candidates_of(trials)
    split = _split(trials[0], x, y)
    probabilities = np.stack([_probabilities(candidate, split) for candidate in candidates])
    counts = greedy_selection(probabilities, split.labels, rounds=rounds)
    picked = np.flatnonzero(counts)
    committee = make_committee([candidates[k] for k in picked])
    weighted = Rule("soft", tuple(counts[picked].astype(float).tolist()))
    chosen = committee.with_rule(weighted, tuned_on=split)
    named = dict(zip(chosen.member_names, probabilities[picked], strict=True))
    chosen.record_validation(split.labels, named, chosen.rule(probabilities[picked]))
    return chosen


def make_committee(candidates: Sequence[Candidate]) -> Committee:
    """Make a committee of some trained models, with soft voting.

    Args:
        candidates: The models.
    """
    setup = candidates[0].trial.setup
    trained = [
        (
            trial.models([repetition])[0],
            trial.member,
            setup.learner_name(trial.number, setup.all_seeds[repetition]),
        )
        for trial, repetition in candidates
    ]
    probabilities = np.stack([trial.probabilities[repetition] for trial, repetition in candidates])
    return setup.committee(trained, probabilities)


def rank_committee(committee: Committee, best: Trial, x: Any, y: Any) -> Leaderboard:
    """Put the committee, its members and the best trial of the sweep on a leaderboard.

    Args:
        committee: The committee of the sweep.
        best: The best trial.
        x: Images that chose nothing, as for `zoo.ensembles.compare`.
        y: Labels, if `x` is an array.

    Returns:
        The leaderboard, which compares the committee with the best member, by the accuracy on the
        validation images, of the committee and of the best trial.
    """
    split = committee.split_to_judge(x, y)
    probabilities = committee.member_probabilities(split)
    members = dict(zip(committee.member_names, probabilities, strict=True))
    accuracies = list(committee.validation_accuracy or ())
    alone = best.committee()
    for name, answers, accuracy in zip(
        alone.member_names,
        alone.member_probabilities(split),
        alone.validation_accuracy or (),
        strict=True,
    ):
        if name not in members:
            members[name] = answers
            accuracies.append(accuracy)
    return make_leaderboard(
        split.labels,
        members,
        {"committee": committee.rule(probabilities)},
        tuple(accuracies),
        committee.overlap_with(split),
    )


def _split(trial: Trial, x: Any, y: Any) -> Split:
    """Take the images that choose; no test images."""
    if x is None:
        return trial.setup.validation
    return for_choosing(trial.committee([0]), x, y)


def _probabilities(candidate: Candidate, split: Split) -> NDArray[np.float32]:
    """Give the probabilities of a trained model, from its file where they are kept there."""
    trial, repetition = candidate
    if split is trial.setup.validation:
        return trial.probabilities[repetition]
    probabilities: NDArray[np.float32] = make_committee([candidate]).member_probabilities(split)[0]
    return probabilities
