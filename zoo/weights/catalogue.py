"""The sets of weights that come with the package: what there is, and which weights a name means."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from zoo.arguments import argument_error
from zoo.errors import ArgumentError, DataError, UnknownWeightsError
from zoo.text import did_you_mean
from zoo.weights.paper import Paper, Scores, check_parts, paper_of, section
from zoo.weights.tensors import SUFFIX, TensorFile

FOLDER = Path(__file__).parent
"""The folder of the sets."""

ABOUT, COMMITTEE, DIGESTS = "set.toml", "committee.toml", f"images{SUFFIX}"
"""Files of a set: what people say of it, the scores of its committee, and which images it knows."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class About:
    """What people say of a set of weights, in `set.toml`.

    Args:
        title: What the set is, in a line.
        test_part: Which images the test split is.
        chosen: What chose the recipe and when to stop, and on which images.
        licence: The licence of the weights.
        terms: The terms of the images that the weights were learned from.
        limits: What the networks must not be used for, and where they fail.
        rule: How the answers of the members are combined, as `zoo.ensembles.Rule` takes it.

    Raises:
        ArgumentError: A sentence is empty or no text, or the rule is no table.
    """

    title: str
    test_part: str
    chosen: str
    licence: str
    terms: str
    limits: str
    rule: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in ("title", "test_part", "chosen", "licence", "terms", "limits"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ArgumentError(f"{name} must be a sentence. Received: {value!r}.")
        if not isinstance(self.rule, Mapping):
            raise ArgumentError(
                f'rule must be a table, such as {{voting = "soft"}}. Received: {self.rule!r}.'
            )


@dataclass(frozen=True)
class CommitteeScores:
    """How good all members of a set are together, in `committee.toml`.

    Args:
        members: The names of the members.
        scores: Name of a part, `"validation"` or `"test"` → the scores.

    Raises:
        ArgumentError: The members are no names, or the scores of a part are missing.
    """

    members: Sequence[str]
    scores: Mapping[str, Scores]

    def __post_init__(self) -> None:
        members = self.members
        if not isinstance(members, list) or not all(isinstance(name, str) for name in members):
            raise ArgumentError(f"members must be a list of names. Received: {members!r}.")
        check_parts(self.scores)


@dataclass(frozen=True)
class WeightSet:
    """A set of weights that come with the package.

    Args:
        folder: The folder of the set, whose name is the name of the set.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The name of the set."""
        return self.folder.name

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names of the members, such as `"vgg-0"`, in their order."""
        papers = {path.stem for path in self.folder.glob("*.toml")}
        return tuple(sorted(papers - {Path(ABOUT).stem, Path(COMMITTEE).stem}, key=_in_order))

    @cached_property
    def about(self) -> About:
        """What people say of the set.

        Raises:
            DataError: The file cannot be read, or is not as described.
        """
        return _described(self.folder / ABOUT, lambda table: section("The file", About, table))

    @cached_property
    def committee(self) -> CommitteeScores | None:
        """The scores of all members together; None if they were measured on other members.

        Raises:
            DataError: The file cannot be read, or is not as described.
        """
        path = self.folder / COMMITTEE
        if not path.exists():
            return None
        judged = _described(path, _committee_scores)
        return judged if tuple(judged.members) == self.members else None

    @property
    def weights(self) -> tuple[TrainedWeights, ...]:
        """The weights of all members."""
        return tuple(TrainedWeights(self, member) for member in self.members)

    def digests(self) -> dict[str, Any]:
        """Read digests of the images that the members know.

        Returns:
            `"trained_on"` and `"tuned_on"`: uint64 [images], as `Split.digests` gives them.
        """
        file = TensorFile(self.folder / DIGESTS, self.weights[0].paper.data.digests_sha256)
        return file.read(lambda shapes: file.check_names(shapes, ["trained_on", "tuned_on"]))


@dataclass(frozen=True)
class TrainedWeights:
    """The weights of a member of a set.

    Args:
        of: The set.
        member: The name of the member.
    """

    of: WeightSet = field(repr=False)
    member: str

    @property
    def name(self) -> str:
        """The set and the member, such as `"mnist/lenet-0"`."""
        return f"{self.of.name}/{self.member}"

    @cached_property
    def paper(self) -> Paper:
        """The paper of the weights.

        Raises:
            DataError: The file cannot be read, or is not as described.
        """
        path = self.of.folder / f"{self.member}.toml"
        return _described(path, lambda table: paper_of(self.name, table))

    @property
    def file(self) -> TensorFile:
        """The file of the weights."""
        return TensorFile(self.of.folder / f"{self.member}{SUFFIX}", self.paper.sha256)


def weight_sets() -> tuple[WeightSet, ...]:
    """List the sets of weights that come with the package and have members.

    Returns:
        The sets, sorted by their names. Each has its `name`, the names of its `members`, their
        `weights`, `about`, which is what people say of the set, and the scores of its `committee`.

    Example:
        >>> sets = {found.name: found for found in weight_sets()}
        >>> len(sets["mnist"].members)
        10
    """
    sets = (WeightSet(path.parent) for path in sorted(FOLDER.glob(f"*/{ABOUT}")))
    return tuple(weights for weights in sets if weights.members)


def list_weights(pattern: str = "*") -> list[str]:
    """List the names of the trained weights that come with the package.

    Args:
        pattern: The name of a set, such as `"mnist"`, or a shell-style pattern such as
            `"*/vgg-*"`.

    Returns:
        The names for `zoo.build(weights=)`, such as `"mnist/lenet-0"`, set by set.

    Raises:
        ArgumentError: The pattern is no text.
        UnknownWeightsError: The pattern matches no weights.

    Example:
        >>> import zoo
        >>> isinstance(zoo.list_weights(), list)
        True
    """
    if not isinstance(pattern, str):
        raise argument_error("pattern", "be a text", pattern, 'Pass "*" for all weights')
    every = [weights.name for found in weight_sets() for weights in found.weights]
    listed = [
        name
        for name in every
        if fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[0], pattern)
    ]
    if not listed and pattern != "*":
        raise _unknown(pattern)
    return listed


def find_weights(
    name: str, model: str | None = None, arguments: Mapping[str, Any] | None = None
) -> list[TrainedWeights]:
    """Find the weights that a name means.

    Args:
        name: The name of a set, `"mnist"`, or of a member, `"mnist/lenet-0"`.
        model: The name of a registered model that the weights must be of; None for all models.
        arguments: Arguments for `zoo.build`, such as `{"width": 16}`. If weights of the model were
            trained with these, weights that were trained with others are left out.

    Returns:
        The weights; those of a model begin with the best on the validation images. There is at
        least one.

    Raises:
        UnknownWeightsError: There is no such set or member, or none of the model.
    """
    if not isinstance(name, str):
        raise ArgumentError(
            "weights must be the name of a set of weights, or of its member. Received: "
            f"{name!r}. `zoo weights` lists the sets."
        )
    set_name, slash, member = name.partition("/")
    every = [
        weights
        for found in weight_sets()
        if found.name == set_name
        for weights in found.weights
        if not slash or member == weights.member
    ]
    if not every:
        raise _unknown(name)
    if model is None:
        return every
    chosen = [weights for weights in every if weights.paper.model == model]
    if not chosen:
        models = sorted({weights.paper.model for weights in every})
        raise UnknownWeightsError(
            f"weights must be of the model {model}. Received: {name!r}, which has weights of "
            f"{', '.join(models)}. Build one of these, or name other weights."
        )
    if fitting := [part for part in chosen if not part.paper.contradiction(arguments or {})]:
        chosen = fitting
    # Of several that are as good, the first.
    return sorted(chosen, key=lambda weights: -weights.paper.scores["validation"].accuracy.value)


def weights_in_turn(
    name: str, networks: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[TrainedWeights]:
    """Choose weights for several networks: copies of a model take its weights in turn.

    Args:
        name: The name of a set or of a member.
        networks: The name of the registered model of each network, and its arguments.

    Returns:
        The weights of each network, the best on the validation images first.

    Raises:
        UnknownWeightsError: There is no such set or member, or none of a model.
    """
    chosen: list[TrainedWeights] = []
    for model, arguments in networks:
        fitting = find_weights(name, model, arguments)
        chosen.append(min(fitting, key=chosen.count))  # of those that are taken least, the best
    return chosen


def _unknown(name: str) -> UnknownWeightsError:
    """Make the error for a name or a pattern that no weights have."""
    sets = [weights.name for weights in weight_sets()]
    if not sets:
        return UnknownWeightsError(
            "weights must be the name of a set of weights. Received: "
            f"{name!r}, and this version comes without weights. Train a model, or leave weights "
            "out."
        )
    known = [*sets, *(weights.name for found in weight_sets() for weights in found.weights)]
    return UnknownWeightsError(
        "weights must be the name of a set of weights, or of its member. Received: "
        f"{name!r}{did_you_mean(name, known)} The sets are {', '.join(sets)}; `zoo weights` lists "
        "them."
    )


def _in_order(name: str) -> tuple[str, int]:
    """Sort `vgg-10` behind `vgg-9`."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdecimal() else (name, -1)


def _committee_scores(table: Mapping[str, Any]) -> CommitteeScores:
    """Make the scores of a committee of the table of their file."""
    scores = table.get("scores")
    if not isinstance(scores, Mapping):
        raise ArgumentError(f"scores must be a table. Received: {scores!r}.")
    parts = {part: section(f"scores.{part}", Scores, values) for part, values in scores.items()}
    return section("The file", CommitteeScores, {**table, "scores": parts})


def _described(path: Path, make: Callable[[dict[str, Any]], Made]) -> Made:
    """Read a TOML file of a set, and make of its table what the file describes."""
    try:
        return make(_read(path))
    except ArgumentError as error:
        raise DataError(
            f"{path} must be a file of Zoo that describes weights. {error} Install the package "
            "again; or, if the file is yours, keep it in another folder."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    """Read a TOML file of a set."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"A set of weights must have a readable file {path.name}. Received: {path}, {reason}. "
            "Install the package again."
        ) from error
