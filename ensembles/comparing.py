"""Comparing: several trained committees, their members and rules on one leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo.augmentation.views import TestTimeAugmentation, augmented_views
from zoo.ensembles.committee import Committee
from zoo.ensembles.provenance import provenance_of
from zoo.ensembles.reports.leaderboard import (
    Leaderboard,
    LeaderboardRow,
    answers_by_rule,
    make_leaderboard,
)
from zoo.errors import ArgumentError

# The names of the earlier module `zoo.ensembles.leaderboard`.
__all__ = ["Entry", "Leaderboard", "answers_like", "compare", "make_leaderboard"]

Entry = LeaderboardRow
answers_like = answers_by_rule


def compare(
    committees: Committee | Mapping[str, Committee],
    x: Any,
    y: Any = None,
    *,
    augmentation: TestTimeAugmentation = None,
    times: int | None = None,
    seed: int | None = None,
) -> Leaderboard:
    """Judge committees, their members and rules on the same images.

    Args:
        committees: A trained committee, which is judged by its own rule and by the rules that learn
            nothing; or several committees by name, each judged by its own rule. The first of them
            is compared with its best member. A member of several committees is judged once.
        x: Images that no member was trained on: a `Split`, or uint8 [n, height, width, channels].
        y: Labels, int [n], where `x` is an array.
        augmentation: Test-time augmentation of all images, as for
            `Committee.member_probabilities`.
        times: The number of views of each image, with an `Augmentation`; 8 by default.
        seed: The seed of the transforms, with an `Augmentation`; 0 by default.

    Returns:
        The leaderboard; print it.

    Raises:
        ArgumentError: There is no committee.
        DataError: The data does not fit the committees.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, compare
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee(["softmax", "bn_mlp"], voting="soft")
        >>> history = committee.fit(data.train, epochs=2, batch_size=64, verbose=0)
        >>> board = compare(committee, data.test)
        >>> sorted(row.name for row in board.entries)
        ['bn_mlp', 'committee', 'geometric vote', 'majority vote', 'softmax']
    """
    several = dict(committees) if isinstance(committees, Mapping) else {"committee": committees}
    if not several or not all(isinstance(committee, Committee) for committee in several.values()):
        raise ArgumentError(
            "committees must be a Committee, or several by name, {name: committee}. "
            f"Received: {committees!r}. For a Keras model, pass Committee([model])."
        )
    split = next(iter(several.values())).split_to_judge(x, y)
    views = augmented_views(augmentation, times, seed)
    probabilities = {
        title: committee.member_probabilities(
            committee.split_to_judge(split, None), augmentation=views
        )
        for title, committee in several.items()
    }
    if isinstance(committees, Committee):
        answers = answers_by_rule(committees.rule, probabilities["committee"])
    else:
        answers = {title: several[title].rule(members) for title, members in probabilities.items()}
    members, accuracies = _distinct_members(several, probabilities)
    first = next(iter(several.values()))
    records = {title: committee.training_record for title, committee in several.items()}
    known = {
        title: records.get(title, first.training_record).values("committee") for title in answers
    }
    for name, (title, own_name, _) in members.items():
        known[name] = records[title].values(own_name)
    return make_leaderboard(
        split.labels,
        {name: member.probabilities for name, member in members.items()},
        answers,
        accuracies,
        provenance_of(several.values()).overlap_with(split),
        copies=[*members][: len(first.members)] if first.training_record.copies else (),
        rule=first.rule,
        known=known,
        views=views,
    )


class _JudgedMember(NamedTuple):
    """A member that is judged.

    Attributes:
        committee: Name of the committee.
        name: The member's name there.
        probabilities: Its probabilities, float [n, classes].
    """

    committee: str
    name: str
    probabilities: np.ndarray


def _distinct_members(
    committees: Mapping[str, Committee], probabilities: Mapping[str, np.ndarray]
) -> tuple[dict[str, _JudgedMember], tuple[float, ...] | None]:
    """Take each member of the committees once.

    Args:
        committees: The committees by name.
        probabilities: The probabilities of the members of each committee, float [members, n,
            classes].

    Returns:
        Two values. The first is a dictionary: name of a member → the member. If two members have
        the same name, the name of the committee stands before the name of the second. The second
        value holds the accuracies of the members on validation images, or is None if an accuracy is
        not known.
    """
    members: dict[str, _JudgedMember] = {}
    accuracies: list[float] = []
    known: set[int] = set()
    for title, committee in committees.items():
        validated = committee.validation_accuracy
        for index, model in enumerate(committee.members):
            if id(model) in known:
                continue
            known.add(id(model))
            name = own_name = committee.member_names[index]
            if name in members or name in committees:
                name = f"{title}: {name}"
            members[name] = _JudgedMember(title, own_name, probabilities[title][index])
            if validated:
                accuracies.append(validated[index])
    return members, tuple(accuracies) if len(accuracies) == len(members) else None
