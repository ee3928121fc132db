"""Members: how each member of a committee is built and trained, and how it is saved."""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from zoo.arguments import argument_error, plain, whole_number
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.registry.building import build, check_argument_names
from zoo.registry.specs import BUILD_ARGUMENTS, REQUIRED, describe
from zoo.text import first_line
from zoo.weights.catalogue import find_weights, weights_in_turn

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Member:
    """A member of a committee.

    Args:
        model: The name of a registered model, or a `keras.Model` of any origin that takes pixels
            0..255 and gives probabilities. A `keras.Sequential` that is not built yet is built at
            the first `fit`.
        arguments: Arguments of `zoo.build` for a registered model, such as `{"dropout": 0.4}`, or
            `{"weights": "mnist"}` to start from trained weights.
        recipe: How to train the member: a `Recipe`, or the name of a recipe of the registered
            model, such as `"INM702"`. None takes the default recipe of the registered model, or
            the optimiser that a built model was compiled with, with its arguments and its
            schedule; all else is then as in `zoo.Recipe()`.
        name: The member's name in logs and tables; None takes the name of the model.

    Raises:
        ArgumentError: An argument is not as described.

    Example:
        >>> from zoo.recipes import Recipe
        >>> Member("lasso_mlp", {"l1": 1e-3}, Recipe(epochs=20)).recipe.epochs
        20
    """

    model: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe | str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.model, str):
            if self.model.endswith(".keras"):
                raise ArgumentError(
                    "model must be the name of a registered model, or a keras.Model. "
                    f"Received: {self.model!r}. Load the file first: zoo.load({self.model!r})."
                )
            default_name, default_recipe = self.model, describe(self.model).recipe
        else:
            _check_built_model(self)
            default_name, default_recipe = self.model.name, _recipe_of(self.model)
        if isinstance(self.arguments, Mapping):
            # A plain dict, since other mappings, such as read-only views, cannot be copied.
            arguments = {name: plain(value) for name, value in self.arguments.items()}
            object.__setattr__(self, "arguments", arguments)
        _check_arguments(self)
        if self.recipe is None:
            object.__setattr__(self, "recipe", default_recipe)
        elif isinstance(self.recipe, str):
            object.__setattr__(self, "recipe", _recipe_named(self))
        if "weights" in self.arguments:
            self._take_from_paper()
        if self.name is None:
            object.__setattr__(self, "name", default_name)
        name = self.name or ""
        if not re.fullmatch(r"\w[\w.-]*", name) or len(name.encode()) > 200:
            raise ArgumentError(
                "A member's name is also the name of its log folder, and must be of at most 200 "
                f"letters, digits, '_', '.' and '-'. Received: {name!r:.80}. Pass "
                "Member(..., name=...)."
            )

    def _take_from_paper(self) -> None:
        """Take the arguments and the standardisation with which the weights were trained."""
        assert isinstance(self.recipe, Recipe)
        weights = find_weights(self.arguments["weights"], self.model, self.arguments)[0]
        arguments = {**weights.paper.arguments, **self.arguments, "weights": weights.name}
        object.__setattr__(self, "arguments", arguments)
        trained = weights.paper.recipe.standardize
        if self.recipe.standardize != trained:
            logger.warning(
                "%s takes standardize=%r, as the weights %s were trained, in place of %r.",
                self.model, trained, weights.name, self.recipe.standardize,
            )  # fmt: skip
            object.__setattr__(self, "recipe", replace(self.recipe, standardize=trained))

    @property
    def registered_name(self) -> str | None:
        """The name of the registered model; None for a built model."""
        return self.model if isinstance(self.model, str) else None

    @property
    def is_built(self) -> bool:
        """Whether the member has a model already that knows the shape of the images."""
        return self.registered_name is None and not _is_unbuilt(self.model)

    @property
    def all_arguments(self) -> dict[str, Any]:
        """The arguments of a registered model's builder, also those that have their defaults.

        The shape of the images and the number of classes come from the data, and are left out.
        """
        if self.registered_name is None:
            return {}
        defaults = {
            key: value
            for key, value in describe(self.registered_name).parameters.items()
            if value is not REQUIRED and key not in ("input_shape", "num_classes")
        }
        return {**defaults, **self.arguments}

    def build(self, input_shape: tuple[int, ...], num_classes: int, seed: int) -> Any:
        """Build the member's model, or return the model that is built already.

        Args:
            input_shape: (height, width, channels).
            num_classes: The number of classes.
            seed: The seed of the initial weights.

        Returns:
            The `keras.Model`.
        """
        if self.registered_name is None:
            if not self.is_built:
                self._build_layers(input_shape)
                _check_can_be_saved(self)
            return self.model
        assert isinstance(self.recipe, Recipe)
        arguments = {
            "seed": seed,
            "precision": self.recipe.precision,
            "standardize": self.recipe.standardize,
            **self.arguments,
        }
        return build(self.model, input_shape=input_shape, num_classes=num_classes, **arguments)

    def _build_layers(self, input_shape: tuple[int, ...]) -> None:
        """Build the layers of a `keras.Sequential` for the shape of the images."""
        try:
            self.model.build((None, *input_shape))
        except Exception as error:  # of layers of any origin
            raise ArgumentError(
                f"{self.name} must be a model that can be built for images of {input_shape}. "
                f"Received: an error while it was built: {first_line(error)}. Correct the layers, "
                f"and try model.build((None, {', '.join(map(str, input_shape))}))."
            ) from error


def make_members(members: Any, copies: int | None, snapshots: int | None = None) -> list[Member]:
    """Make a `Member` with a name of its own for each member in the arguments of `Committee`.

    Args:
        members: A name, model or `Member`, or a list of these.
        copies: The number of copies of a single named member; None for no copies.
        snapshots: The number of snapshots of a single named member; None for no snapshots.

    Returns:
        The members.

    Raises:
        ArgumentError: There is no member, or a model occurs twice, or a built model has copies.

    Example:
        >>> [member.name for member in make_members("mlp", copies=2)]
        ['mlp', 'mlp_2']
    """
    single = isinstance(members, (str, Member)) or not isinstance(members, Iterable)
    given = [members] if single else list(members)
    made = [member if isinstance(member, Member) else Member(member) for member in given]
    if copies is not None and snapshots is not None:
        raise ArgumentError(
            "copies or snapshots must be None: copies come from several trainings, snapshots from "
            f"a single training. Received: {copies=}, {snapshots=}. Leave out copies= or "
            "snapshots=."
        )
    for name, count in (("copies", copies), ("snapshots", snapshots)):
        if count is not None:
            whole_number(name, count, 1)
            if len(made) != 1 or made[0].registered_name is None:
                raise ArgumentError(
                    f"With {name}=, members must be a single name of a registered model, or a "
                    f"Member with such a name. Received: {len(made)} members, "
                    f"{name}={count!r}. Leave out {name}=, or pass a single name."
                )
            made = made * count
    if not made:
        raise ArgumentError(
            "members must be one member or more. Received: no member. `zoo models` lists the names "
            "of registered models."
        )
    models = [id(member.model) for member in made if member.registered_name is None]
    if len(models) > len(set(models)):
        raise ArgumentError(
            "Each keras.Model must be a member once only. Received: the same model twice. Give it "
            "a weight with weights=, or make a copy with keras.models.clone_model."
        )
    starts = [member.arguments["weights"] for member in made if "weights" in member.arguments]
    if len(set(starts)) < len(starts) and not snapshots:
        _tell_same_start(starts)
    named = _with_unique_names(made)
    for member in named:
        if member.is_built:
            _check_can_be_saved(member)
    return named


def with_weights(
    members: Sequence[Member], name: str, snapshots: int | None = None
) -> list[Member]:
    """Let members start from trained weights; copies of a model take its weights in turn.

    Args:
        members: The members, which are registered models.
        name: The name of a set of weights or of a member of it.
        snapshots: The number of snapshots, which all come from a single training; else None.

    Returns:
        The members.

    Raises:
        ArgumentError: A member is built already, or has weights of its own.
        UnknownWeightsError: There are no such weights for a member.
    """
    for member in members:
        if member.registered_name is None:
            raise ArgumentError(
                "Members must be names of registered models for weights= with the name of a set. "
                f"Received: {member.name}, which is built already. Leave weights out."
            )
        if "weights" in member.arguments:
            raise ArgumentError(
                "Members must not have weights of their own beside weights= of the committee. "
                f"Received: {member.name} with weights={member.arguments['weights']!r}, and "
                f"weights={name!r}. Leave out weights=, or the weights of the member."
            )
    chosen = weights_in_turn(
        name, [(cast(str, member.registered_name), member.arguments) for member in members]
    )
    if snapshots:
        chosen = chosen[:1] * len(members)
    elif len(names := {weights.name for weights in chosen}) < len(members):
        _tell_same_start(names)
    return [
        replace(member, arguments={**member.arguments, "weights": weights.name})
        for member, weights in zip(members, chosen, strict=True)
    ]


def _tell_same_start(weights: Iterable[str]) -> None:
    names = ", ".join(sorted(set(weights)))
    logger.warning("Several members start from the same weights: %s.", names)


def built_member(model: Any, recipe: Recipe, name: str) -> Member:
    """Make a member of a built model, whose recipe no longer has the arguments of building.

    Args:
        model: The built `keras.Model`.
        recipe: How the member is trained, and was built.
        name: The member's name.

    Returns:
        The member.
    """
    return Member(model, recipe=replace(recipe, precision=None, standardize=None), name=name)


def build_models(
    members: Sequence[Member], input_shape: tuple[int, ...], num_classes: int, seed: int
) -> list[Any]:
    """Build the model of each member; member k has the seed `seed + k`.

    Args:
        members: The members.
        input_shape: (height, width, channels).
        num_classes: The number of classes.
        seed: The seed of the first member's initial weights.

    Returns:
        The `keras.Model`s.
    """
    from zoo.training.transfer.freezing import tell_of_frozen_layers

    for member in members:
        entry, recipe = member.registered_name, cast(Recipe, member.recipe)
        is_own = entry is not None and describe(entry).builder.__module__.startswith("zoo.models.")
        are_random = is_own and "weights" not in member.arguments
        tell_of_frozen_layers(cast(str, member.name), recipe, are_random=are_random)
    return [
        member.build(input_shape, num_classes, seed + index) for index, member in enumerate(members)
    ]


def _recipe_named(member: Member) -> Recipe:
    """Find the recipe of a member whose recipe is a name."""
    name = cast(str, member.recipe)
    if member.registered_name is None:
        raise ArgumentError(
            f"recipe must be a Recipe or None for {member.model.name}, which is not a registered "
            f"model and has no recipes of its own. Received: {name!r}. Pass a zoo.Recipe."
        )
    return describe(member.registered_name).recipe_named(name)


def _is_unbuilt(model: Any) -> bool:
    """Whether a model is a `keras.Sequential` that waits for the shape of the images."""
    import keras

    return isinstance(model, keras.Sequential) and not model.built


def _recipe_of(model: Any) -> Recipe:
    """Give the recipe that a built model was compiled with, or the default recipe."""
    from zoo.training.built_models.compile_settings import compiled_recipe

    return compiled_recipe(model) or Recipe()


def _check_can_be_saved(member: Member) -> None:
    """Check that the model of a member takes images, and can be saved and loaded again."""
    from zoo.training.built_models.interface import image_interface
    from zoo.training.built_models.saving_check import check_can_be_saved

    image_interface(member.name or "", member.model)
    if not hasattr(member.model, "zoo_provenance"):  # Zoo trained or loaded it, and checked it
        check_can_be_saved(member.name or "", member.model)


def _check_built_model(member: Member) -> None:
    """Check the arguments of a member whose model is built already."""
    if isinstance(member.model, type) or not hasattr(member.model, "layers"):
        raise ArgumentError(
            "A member must be the name of a registered model, a Member, or a keras.Model. "
            f"Received: {member.model!r}. `zoo models` lists the names."
        )
    for name in ("precision", "standardize"):
        value = getattr(member.recipe, name, None)
        if value not in (None, "auto"):
            raise ArgumentError(
                f"The recipe's {name} must be None for {member.model.name}, which is built "
                f"already. Received: {name}={value!r}. Leave it out, or pass the name of a "
                "registered model."
            )
    if member.arguments:
        raise ArgumentError(
            f"arguments must be empty for {member.model.name}, which is built already. "
            f"Received: {dict(member.arguments)}. Leave them out, or pass the name of a "
            "registered model."
        )


def _check_arguments(member: Member) -> None:
    """Check the arguments of `zoo.build`."""
    arguments = member.arguments
    if not isinstance(arguments, Mapping):
        raise argument_error(
            "arguments", "be a mapping from names to values", arguments, 'Pass {"dropout": 0.4}'
        )
    if member.registered_name is not None:
        check_argument_names(describe(member.registered_name), {*arguments} - BUILD_ARGUMENTS)
    for key in ("input_shape", "num_classes"):
        if key in arguments:
            raise ArgumentError(
                f"arguments must not have {key}, which comes from the training data. "
                f"Received: {key}={arguments[key]!r}. Leave it out."
            )
    try:
        json.dumps(dict(arguments))
    except TypeError as error:
        raise ArgumentError(
            "arguments must be values that JSON has, since they are kept with the run. "
            f"Received: {dict(arguments)}. Pass numbers, lists, and names such as 'he_normal' "
            "instead of objects."
        ) from error


def _with_unique_names(members: list[Member]) -> list[Member]:
    """Append a number to each name that another member, or the committee, has already."""
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
