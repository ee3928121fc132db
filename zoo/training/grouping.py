"""Which members train together on the same batches, and why others train apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.arguments import argument_error, is_among
from zoo.errors import ArgumentError
from zoo.training.fusion import fusible_rows, reasons_apart
from zoo.training.learner import Learner
from zoo.training.progress import Progress

OWN_IMAGES = "their own images"
"""What makes the batches of members differ that are trained on images of their own."""


def group_learners(learners: Sequence[Learner], together: bool | None) -> list[list[Learner]]:
    """Group the learners that train together, in the order of the first of each group.

    Args:
        learners: The members in training.
        together: True refuses members whose batches differ; False trains each by itself; None
            groups those whose batches agree.

    Returns:
        The groups.

    Raises:
        ArgumentError: `together` is something else, or members must train together, and their
            batches differ.
    """
    if not is_among(together, (None, True, False)):
        raise argument_error("together", "be True, False or None", together, "Leave it out")
    if together is False:
        return [[learner] for learner in learners]
    groups: list[list[Learner]] = []
    for learner in learners:
        for group in groups:
            if not _disagreements(group[0], learner, features_apart=not together):
                group.append(learner)
                break
        else:
            groups.append([learner])
    if together and len(groups) > 1:
        first, second = groups[0][0], groups[1][0]
        raise ArgumentError(
            f"Members that train together must agree on the batches. Received: {first.name} and "
            f"{second.name} differ in "
            f"{' and '.join(_disagreements(first, second, features_apart=False))}. Make them "
            "agree, or leave together= out."
        )
    return groups


def independent_groups(groups: Sequence[Sequence[Learner]]) -> list[list[Learner]]:
    """Divide groups so that what trains in other processes loses nothing.

    Members that are computed as one wide model stay together, since apart they take longer. So do
    members that share batches in which each image counts for some of them only. Other members of a
    group only share batches, and are divided.

    Args:
        groups: The members that train together in one process.

    Returns:
        The groups, in the order of the first of each group.
    """
    divided: list[list[Learner]] = []
    for group in groups:
        if any(learner.rows is not None for learner in group):
            divided.append([*group])
            continue
        rows = fusible_rows(
            [learner.model for learner in group],
            [learner.make_optimizer(1) for learner in group],
        )
        divided += [[group[row] for row in sorted(part)] for part in sorted(rows, key=min)]
    return divided


def grouped_as_before(learners: Sequence[Learner], names: Any) -> list[list[Learner]]:
    """Group learners as a run grouped them before it was stopped.

    Args:
        learners: The members in training.
        names: The names of the members of each group, as the run recorded them.

    Returns:
        The groups; no group if the run had other members.
    """
    known = {learner.name: learner for learner in learners}
    try:
        recorded = [name for group in names for name in group]
        if sorted(recorded) != sorted(known):
            return []
        return [[known[name] for name in group] for group in names]
    except TypeError:
        return []


def tell_what_is_apart(groups: Sequence[Sequence[Learner]], progress: Progress) -> None:
    """Say which models are trained after others, or beside others as models by themselves.

    Args:
        groups: The members that train together.
        progress: Prints the messages.
    """
    first = groups[0][0]
    reasons: dict[str, list[str]] = {}
    for group in groups[1:]:
        differing = _disagreements(first, group[0])
        fields = [name for name in differing if name != OWN_IMAGES]
        reason = f"another {' and '.join(fields)}"
        if OWN_IMAGES in differing:
            cause = first.exposed_by or group[0].exposed_by
            reason = f"{cause} would see the images that a member leaves out"
            reason = reason if cause else OWN_IMAGES
        reasons.setdefault(reason, []).extend(learner.name for learner in group)
    if reasons:
        progress.say(f"Not trained on the same batches as {first.name}: {_in_words(reasons)}.")
    apart: dict[str, list[str]] = {}
    for group in groups:
        if len(group) > 1:
            found = reasons_apart(
                [learner.name for learner in group],
                [learner.model for learner in group],
                [learner.make_optimizer(1) for learner in group],
            )
            for reason, names in found.items():
                apart.setdefault(reason, []).extend(names)
    if apart:
        progress.say(f"Not computed as one wide model: {_in_words(apart)}.")


def _in_words(reasons: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


def _disagreements(first: Learner, second: Learner, *, features_apart: bool = True) -> list[str]:
    """Name the parts of two recipes that make their batches differ.

    With `features_apart`, a model with frozen layers, which may train on features that are computed
    once, is not to share the batches of a model whose layers all learn.
    """
    has_own = any(
        learner.rows is not None and (not learner.takes_weights or learner.exposed_by)
        for learner in (first, second)
    )
    own = [OWN_IMAGES] if has_own else []
    fields = ["batch_size", "augmentation", "small_images", "full_size_at"]
    augmentation = first.recipe.augmentation
    if first.recipe.mixes_images:
        fields.append("targets")
    elif features_apart and not (augmentation and augmentation.changes_images):
        fields.append("freeze")
    return own + [
        name for name in fields if getattr(first.recipe, name) != getattr(second.recipe, name)
    ]
