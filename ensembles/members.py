"""Who sits in a committee: what each member is built from and how it is trained."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import Augmentation
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.registry.building import build
from zoo.registry.specs import describe


@dataclass(frozen=True)
class Member:
    """A member of a committee.

    Args:
        model: The name of a registered model, or a built `keras.Model` of any origin that takes
            pixels 0..255 and gives probabilities.
        arguments: Arguments of `zoo.build` for a name, such as `{"dropout": 0.4}`.
        recipe: How to train it; None takes the entry's own.
        name: What it is called in logs and tables; None takes the model's name.

    Raises:
        ArgumentError: An argument of the wrong kind.

    Example:
        >>> from zoo.recipes import Recipe
        >>> Member("lasso_mlp", {"l1": 1e-3}, Recipe(epochs=20)).recipe.epochs
        20
    """

    model: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        by_name = isinstance(self.model, str)
        if by_name:
            describe(self.model)
        elif not hasattr(self.model, "trainable_variables"):
            raise ArgumentError(
                "A member is the name of a registered model, a Member, or a keras.Model. "
                f"Received: {self.model!r}"
            )
        elif self.recipe is not None and self.recipe.precision not in (None, "auto"):
            raise ArgumentError(
                f"A recipe's precision is for building, and {self.model.name} is built already. "
                f"Received: precision={self.recipe.precision!r}"
            )
        elif self.recipe is not None and self.recipe.standardize:
            raise ArgumentError(
                f"A recipe's standardize is for building, and {self.model.name} is built already. "
                f"Received: standardize={self.recipe.standardize!r}"
            )
        elif self.arguments:
            raise ArgumentError(
                f"Build arguments are for a model's name; {self.model.name} is built already. "
                f"Received: {dict(self.arguments)}"
            )
        for key in ("input_shape", "num_classes"):
            if key in self.arguments:
                raise ArgumentError(
                    f"{key} comes from the data that the committee is trained on. "
                    f"Received: {key}={self.arguments[key]!r}"
                )
        try:
            json.dumps(dict(self.arguments))
        except TypeError as error:
            raise ArgumentError(
                "Build arguments are kept with the run, so they are plain values: numbers, words "
                f"such as 'he_normal', lists. Received: {dict(self.arguments)}"
            ) from error
        # A plain one, since other mappings, such as read-only views, cannot be copied or pickled.
        object.__setattr__(self, "arguments", dict(self.arguments))
        if self.recipe is None:
            object.__setattr__(self, "recipe", describe(self.model).recipe if by_name else Recipe())
        if self.name is None:
            object.__setattr__(self, "name", self.model if by_name else self.model.name)
        if not re.fullmatch(r"\w[\w.-]*", self.name or ""):
            raise ArgumentError(
                "A member's name is also that of its log folder: letters, digits, '_', '.', '-'. "
                f"Received: {self.name!r}. Name it with Member(..., name=...)."
            )

    def build(self, input_shape: tuple[int, ...], num_classes: int, seed: int) -> Any:
        """Build its model, or give the one it has.

        Args:
            input_shape: (height, width, channels).
            num_classes: How many classes.
            seed: Seed of its initial weights.

        Returns:
            The `keras.Model`.
        """
        if not isinstance(self.model, str):
            return self.model
        assert self.recipe is not None
        of_recipe = {name: getattr(self.recipe, name) for name in ("precision", "standardize")}
        arguments = {"seed": seed, **of_recipe, **self.arguments}
        return build(self.model, input_shape=input_shape, num_classes=num_classes, **arguments)


def make_members(members: Any, copies: int | None, snapshots: int | None = None) -> list[Member]:
    """Bring what `Committee` was given into one form, each with a name of its own.

    Args:
        members: A name, model or `Member`, or a list of them.
        copies: How many of a single one; None for one of each.
        snapshots: The same, for those of one training.

    Returns:
        The members.

    Raises:
        ArgumentError: No members, the same model twice, or copies of a built model.
    """
    single = isinstance(members, (str, Member)) or not isinstance(members, Iterable)
    given = [members] if single else list(members)
    made = [one if isinstance(one, Member) else Member(one) for one in given]
    if copies is not None and snapshots is not None:
        raise ArgumentError(
            "copies are of several trainings, and snapshots of one: choose one of them. "
            f"Received: copies={copies!r}, snapshots={snapshots!r}"
        )
    for name, count in (("copies", copies), ("snapshots", snapshots)):
        if count is not None:
            whole_number(name, count, 1)
            if len(made) != 1 or not isinstance(made[0].model, str):
                raise ArgumentError(
                    f"{name}= multiplies one registered model by its name. "
                    f"Received: {len(made)} members, {name}={count!r}"
                )
            made = made * count
    if not made:
        raise ArgumentError("A committee has one member or more. Received: none.")
    models = [id(member.model) for member in made if not isinstance(member.model, str)]
    if len(models) > len(set(models)):
        raise ArgumentError(
            "The same keras.Model is in the committee twice. Give it a weight with weights=, or "
            "a copy of its own (keras.models.clone_model)."
        )
    return _with_names_of_their_own(made)


def entry_of(member: Member) -> str | None:
    """The registry's name of its model; None for a model of another origin."""
    return member.model if isinstance(member.model, str) else None


def recipe_from_config(config: Mapping[str, Any]) -> Recipe:
    """The recipe whose `dataclasses.asdict` this is."""
    augmentation = config["augmentation"]
    return Recipe(
        **{**config, "augmentation": Augmentation(**augmentation) if augmentation else None}
    )


def _with_names_of_their_own(members: list[Member]) -> list[Member]:
    taken, named = {"committee"}, []
    for member in members:
        name, number = member.name, 1
        while name in taken:
            number += 1
            name = f"{member.name}_{number}"
        assert name is not None
        taken.add(name)
        named.append(replace(member, name=name))
    return named
