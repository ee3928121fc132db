"""Members of a committee from words of the command line: names of models, and saved models."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from zoo.arguments import as_path
from zoo.cli.console import start_tensorflow
from zoo.ensembles.members import Member, built_member, make_members
from zoo.errors import ArgumentError, ZooError
from zoo.recipes import Recipe
from zoo.registry.specs import describe
from zoo.text import did_you_mean
from zoo.weights.catalogue import find_weights

_OF_THE_DATA = ("input_shape", "num_classes")


def check_words(words: Iterable[str]) -> None:
    """Check that each word is a name of a model or a file that exists, before TensorFlow starts.

    Args:
        words: Names from `zoo models`, and paths of `.keras` files.

    Raises:
        UnknownModelError: There is no model of that name.
        ArgumentError: There is no such file.
    """
    for word in words:
        if not _is_file(word):
            describe(word)
        elif not os.path.isfile(as_path("A member", word)):
            raise ArgumentError(
                "A member must be a name from `zoo models`, or a model saved as a .keras file. "
                f"Received: {word!r}, which is no file. Name a file that `zoo train` or "
                "model.save(path) wrote."
            )


def check_weights(
    weights: str | None, arguments: Iterable[tuple[str, Any]] | None, model: str | None = None
) -> None:
    """Check the weights that `--weights` names, before images are read and TensorFlow starts.

    Args:
        weights: The name of trained weights, or None.
        arguments: What `--set` gives, as for `members_from_words`.
        model: The name of the registered model that the weights must be of; None for all models.

    Raises:
        UnknownWeightsError: There are no such weights, or none of the model.
        ArgumentError: `--set` gives weights too.

    Example:
        >>> check_weights("fer2013", [("vgg.weights", "ferplus")])
        Traceback (most recent call last):
        zoo.errors.ArgumentError: --weights must be left out where --set gives weights. Received: \
--weights fer2013 and --set vgg.weights=ferplus. Leave out either of them.
    """
    if weights is None:
        return
    for word, value in arguments or ():
        if word.rpartition(".")[2] == "weights":
            raise ArgumentError(
                "--weights must be left out where --set gives weights. Received: --weights "
                f"{weights} and --set {word}={value}. Leave out either of them."
            )
    find_weights(weights, model)


def members_from_words(
    words: Sequence[str],
    arguments: Sequence[tuple[str, Any]],
    change: Callable[[Recipe, str | None], Recipe],
) -> list[Member]:
    """Make the members of a committee.

    Args:
        words: Names from `zoo models`, and paths of `.keras` files. Of a saved committee all
            members are taken, with their recipes.
        arguments: Arguments of builders, such as `("dropout", 0.3)` for all members, or
            `("cnn.dropout", 0.3)` for the member `cnn`; also `("vgg.weights", "fer2013")`.
        change: Changes a recipe as the options ask for. The second argument is the name of the
            model in the registry, or None for a saved model.

    Returns:
        The members, each with a name of its own.

    Raises:
        ArgumentError: A member has no such argument, or there is no such member.

    Example:
        >>> words, arguments = ["cnn", "mlp"], [("cnn.dropout", 0.3)]
        >>> members = members_from_words(words, arguments, lambda recipe, name: recipe)
        >>> [(member.name, member.arguments) for member in members]
        [('cnn', {'dropout': 0.3}), ('mlp', {})]
    """
    members = make_members([member for word in words for member in _members(word)], None)
    given = _arguments_by_member(members, arguments)
    return [
        replace(
            member,
            arguments=given[cast(str, member.name)],
            recipe=change(cast(Recipe, member.recipe), member.registered_name),
        )
        for member in members
    ]


def _is_file(word: str) -> bool:
    return Path(word).suffix == ".keras"


def _members(word: str) -> Iterator[Member]:
    """Make the member that a word names, or all members of a saved committee."""
    if not _is_file(word):
        yield Member(word)
        return
    start_tensorflow(verbose=False)
    from zoo.ensembles.committee import Committee
    from zoo.saving import load

    model = load(as_path("A member", word))
    if not isinstance(model, Committee):
        name = re.sub(r"[^\w.-]", "_", Path(word).stem)
        yield Member(model, name=name if re.match(r"\w", name) else f"model_{name}")
        return
    for name, recipe, member in zip(model.member_names, model.recipes, model.members, strict=True):
        yield built_member(member, recipe, name)


def _arguments_by_member(
    members: Sequence[Member], arguments: Sequence[tuple[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Give each member the arguments that are for it: name of the member → arguments."""
    given: dict[str, dict[str, Any]] = {cast(str, member.name): {} for member in members}
    for word, value in arguments:
        owner, dot, argument = word.rpartition(".")
        if dot and owner not in given:
            raise ArgumentError(
                "--set must name a member before the dot. Received: "
                f"{word!r}{did_you_mean(owner, given)} The members are: {', '.join(given)}."
            )
        for member in members:
            if owner in ("", member.name):
                _check_argument(member, argument, members)
                if argument == "weights":
                    _check_weights_of(member, word, value)
                given[cast(str, member.name)][argument] = value
    return given


def _check_argument(member: Member, argument: str, members: Sequence[Member]) -> None:
    """Check that a member that is a registered model has an argument of that name."""
    known = _parameters(member)
    if argument in known or argument in _OF_THE_DATA or member.registered_name is None:
        return
    owners = [other.name for other in members if argument in _parameters(other)]
    remedy = f"Write {' and '.join(f'--set {name}.{argument}=…' for name in owners)}."
    raise ArgumentError(
        f"--set must name an argument of {member.name}: {', '.join(known)}. "
        f"Received: {argument!r}{did_you_mean(argument, known)}{f' {remedy}' if owners else ''}"
    )


def _check_weights_of(member: Member, word: str, value: Any) -> None:
    """Check that the trained weights exist which `--set` gives to a member."""
    try:
        find_weights(value, member.registered_name)
    except ZooError as error:
        raise ArgumentError(f"--set {word}{str(error).removeprefix('weights')}") from None


def _parameters(member: Member) -> list[str]:
    """List the arguments that a user may give for a member; a saved model has none.

    They are those of the builder, and those of `zoo.build` that no option of a command gives.
    """
    if member.registered_name is None:
        return []
    parameters = describe(member.registered_name).parameters
    return [*(name for name in parameters if name not in _OF_THE_DATA), "gradients", "weights"]
