"""Ready committees: all members of a set of weights that comes with the package."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.committee import Committee
from zoo.errors import ArgumentError, DataError
from zoo.metrics import Accuracy
from zoo.registry.building import build
from zoo.text import first_line
from zoo.weights.catalogue import ABOUT, TrainedWeights, WeightSet, find_weights


def pretrained(name: str, *, precision: str | None = None) -> Committee:
    """Make a committee of trained weights that come with the package.

    The committee answers, reports, explains and saves as a trained committee does. It knows its
    classes, and the images that it was trained on, so that reports warn of them.

    Args:
        name: The name of a set, such as `"mnist"`, for all its members, whose answers are
            combined as the set says; or of a single member, `"mnist/lenet-0"`.
        precision: The precision in which the members compute, as for `zoo.build`: `"auto"` is
            faster on some machines, and rounds.

    Returns:
        The committee.

    Raises:
        UnknownWeightsError: There is no such set or member.
        DataError: A file of the set is damaged.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import pretrained
        >>> committees = [pretrained(name) for name in zoo.list_weights()[:1]]
    """
    members = find_weights(name)
    first = members[0].paper
    for part in members[1:]:
        if part.paper.class_names != first.class_names:
            raise DataError(
                "The members of a set must know the same classes, in the same order. Received: "
                f"{members[0].name}: {', '.join(first.class_names)}; {part.name}: "
                f"{', '.join(part.paper.class_names)}. Install the package again."
            )
    whole = members[0].of if len(members) == len(members[0].of.members) else None
    models = [build(part.paper.model, weights=part.name, precision=precision) for part in members]
    committee = Committee.of_models(
        models,
        [part.paper.recipe for part in members],
        [part.member for part in members],
        rule=_rule(whole) if whole else Rule("soft"),
        class_names=first.class_names,
        seed=first.seed,
        data_settings={"name": first.data.name, "root": None, **first.data.options},
    )
    committee.training = {
        "resampling": None,
        "snapshots": None,
        "copies": _copies(members),
        "teacher": None,
        "arguments": {part.member: dict(part.paper.arguments) for part in members},
        "seconds": {part.member: part.paper.seconds for part in members},
    }
    committee.restore_validation(_validation(members))
    return committee


def _rule(weights: WeightSet) -> Rule:
    """Make the rule by which the answers of a set are combined."""
    try:
        return Rule.from_config(weights.about.rule)
    except (ArgumentError, TypeError) as error:
        raise DataError(
            f"{ABOUT} of the set {weights.name} must have a rule. {first_line(error)} Install the "
            "package again."
        ) from error


def _copies(members: list[TrainedWeights]) -> list[str] | None:
    """Name the members if they are independent trainings of one recipe; else None."""
    papers = [part.paper for part in members]
    kinds = [
        (
            *(paper.model, paper.arguments, replace(paper.recipe, precision=None)),
            *(bool(paper.began_with), paper.teacher, paper.teaching),
        )
        for paper in papers
    ]
    starts = [paper.began_with for paper in papers if paper.began_with]
    alike = len(papers) > 1 and kinds.count(kinds[0]) == len(kinds)
    return [part.member for part in members] if alike and len({*starts}) == len(starts) else None


def _validation(members: list[TrainedWeights]) -> dict[str, Any]:
    """Give the accuracies on the validation images as `Committee.restore_validation` takes them."""
    scores: dict[str, Accuracy] = {
        part.member: part.paper.scores["validation"].accuracy for part in members
    }
    accuracies = [score.value for score in scores.values()]
    together = members[0].of.committee
    if together is not None and len(members) == len(together.members):
        scores["committee"] = together.scores["validation"].accuracy
    return {
        "validation_accuracy": accuracies,
        "validation_scores": {name: asdict(score) for name, score in scores.items()},
    }
