"""The search space of a sweep: which settings vary, and over which values."""

import ast
import contextlib
import inspect
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from zoo.arguments import argument_error, is_whole
from zoo.augmentation import Augmentation
from zoo.augmentation.augmentation import ALPHAS, MIXING
from zoo.ensembles.members import Member
from zoo.errors import ArgumentError
from zoo.recipes import COUNTS, Recipe
from zoo.registry.specs import describe
from zoo.text import did_you_mean
from zoo.training.phases.small_images import check_small_images
from zoo.tuning.study import import_optuna

RECIPE_SETTINGS = frozenset(field.name for field in fields(Recipe)) - {"optimizer_arguments"}
"""The settings of a recipe that a sweep may vary."""
TRANSFORMS = frozenset(field.name for field in fields(Augmentation))
"""The settings of the augmentation of a recipe, which a sweep may vary too."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?")
_WHOLE = re.compile(r"[+-]?\d+")

_OF_MODEL = ("precision", "standardize")
"""The settings of a recipe that the built model depends on."""
_SCALARS = (bool, int, float, str, type(None))
"""The kinds of values that Optuna keeps as they are."""


@dataclass(frozen=True)
class SearchSpace:
    """Which settings vary, and over which values. `make_search_space` makes and checks it.

    Args:
        base: The member whose settings vary.
        distributions: Name of a setting → Optuna's distribution.
        choices: Name of a setting with a list of values → label → value. Optuna sees the labels.
        homes: Name of a setting → where it belongs: `"recipe"`, `"builder"`, `"augmentation"` or
            `"optimizer"`.
    """

    base: Member
    distributions: Mapping[str, Any]
    choices: Mapping[str, Mapping[Any, Any]]
    homes: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the settings that vary."""
        return tuple(self.distributions)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the base, which a `Member` makes of every name."""
        return cast(Recipe, self.base.recipe)

    def values_of(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """Give the values that labels of Optuna stand for.

        In a range of mixup or CutMix from 0, an α too small for them stands for 0: with so small an
        α, nearly all shares are 0 or 1.

        Args:
            labels: Name of a setting → what Optuna proposed.
        """
        values = {
            name: self.choices[name][label] if name in self.choices else label
            for name, label in labels.items()
        }
        for name in {*MIXING} - {*self.choices}:
            if self.homes.get(name) == "augmentation" and values.get(name, 1) < ALPHAS[0]:
                values[name] = 0.0
        return values

    def member(self, values: Mapping[str, Any], name: str | None = None) -> Member:
        """Make the member with these settings.

        Args:
            values: Name of a setting → value.
            name: The name of the member; None keeps that of the base.

        Returns:
            The member.

        Raises:
            ArgumentError: A value is out of its range.
        """
        by_home: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, value in values.items():
            by_home[self.homes[key]][key] = value
        recipe, changes = self.recipe, by_home["recipe"]
        arguments = dict(recipe.optimizer_arguments)
        if changes.get("optimizer", recipe.optimizer) != recipe.optimizer:
            arguments = {}  # another optimiser has other arguments
        changes["optimizer_arguments"] = {**arguments, **by_home["optimizer"]}
        if transforms := by_home["augmentation"]:
            changed = replace(recipe.augmentation or Augmentation(), **transforms)
            # Without any transform, a network with frozen layers computes its features once.
            changes["augmentation"] = None if changed == Augmentation() else changed
        return Member(
            self.base.model,
            {**self.base.arguments, **by_home["builder"]},
            replace(recipe, **changes),
            name or self.base.name,
        )

    def grid(self) -> list[dict[str, Any]]:
        """List all combinations of the values, as labels. The last setting changes fastest.

        Returns:
            For each combination, name of a setting → label.

        Raises:
            ArgumentError: A setting has a distribution, which is no list of values.
        """
        for name, distribution in self.distributions.items():
            if not hasattr(distribution, "choices"):
                raise ArgumentError(
                    "space must give lists of values for the sampler 'grid'. Received: "
                    f"{distribution} for {name!r}. Pass a list, or another sampler."
                )
        rows = itertools.product(*(each.choices for each in self.distributions.values()))
        return [dict(zip(self.distributions, row, strict=True)) for row in rows]

    @property
    def is_grid(self) -> bool:
        """Whether each setting has a list of values."""
        return all(hasattr(each, "choices") for each in self.distributions.values())

    def extremes(self) -> Iterator[tuple[str, Any]]:
        """List the name and the value of each choice, and of both ends of each range."""
        for name, each in self.distributions.items():
            ends = self.choices[name].values() if name in self.choices else (each.low, each.high)
            yield from ((name, value) for value in ends)

    def check(self, image_shape: Sequence[int], num_classes: int, seed: int) -> Any:
        """Check that a model and an optimiser can be made of each choice and of the ends of ranges.

        Args:
            image_shape: Height, width and channels of the images.
            num_classes: The number of classes.
            seed: The seed of the models.

        Returns:
            The model of the base.

        Raises:
            ArgumentError: The base has a setting that cannot be, or a value of the space cannot be.
        """
        shape = tuple(image_shape)

        def check(recipe: Any, model: Any) -> None:
            recipe.make_optimizer(1)
            check_small_images(self.base.name or "", model, recipe, shape, taught=False)

        check(self.recipe, model := self.base.build(shape, num_classes, seed))
        for name, value in self.extremes():
            with _named(name, value):
                member = self.member({name: value})
                is_other = self.homes[name] == "builder" or name in _OF_MODEL
                check(member.recipe, member.build(shape, num_classes, seed) if is_other else model)
        return model

    def to_config(self) -> dict[str, str]:
        """Describe the space, so that a sweep is resumed only in the same space."""
        return {name: str(distribution) for name, distribution in self.distributions.items()}


def make_search_space(base: Member, space: Any) -> SearchSpace:
    """Make the search space of a member, and check each name and the ends of each range.

    Args:
        base: The member, a registered model.
        space: Name of a setting → a distribution of Optuna, a list of values, or either as text.

    Returns:
        The search space.

    Raises:
        ArgumentError: A name is no setting of the member, or a value is out of its range.

    Example:
        >>> space = make_search_space(Member("mlp"), {"dropout": [0, 0.5], "learning_rate": [0.1]})
        >>> space.homes
        {'dropout': 'builder', 'learning_rate': 'recipe'}
        >>> space.grid()
        [{'dropout': 0, 'learning_rate': 0.1}, {'dropout': 0.5, 'learning_rate': 0.1}]
    """
    if not isinstance(space, Mapping) or not space:
        raise argument_error(
            "space",
            "map names of settings to distributions of Optuna or to lists of values",
            space,
            'Pass, for example, {"learning_rate": "1e-5..1e-2:log"}',
        )
    space = {
        name: parse_values(name, given, is_whole=_is_whole(base, name))
        if isinstance(given, str)
        else given
        for name, given in space.items()
    }
    homes = _homes(base, space)
    values = {name: _as_distribution(name, given) for name, given in space.items()}
    distributions = {name: distribution for name, (distribution, _) in values.items()}
    choices = {name: labels for name, (_, labels) in values.items() if labels is not None}
    made = SearchSpace(base, distributions, choices, homes)
    for name, value in made.extremes():
        with _named(name, value):
            # A recipe refuses values that are out of their range.
            recipe = made.member({name: value}).recipe
            if name == "standardize" and getattr(recipe, name) != value:
                raise ArgumentError(
                    f"standardize must be that of the weights, {getattr(recipe, name)!r}. Leave it "
                    "out of the space, or the weights out of the member."
                )
    return made


@contextlib.contextmanager
def _named(name: str, value: Any) -> Iterator[None]:
    """Say which value of the space is the reason of an error."""
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(
            f"space must give values that a trial can have. Received: {value!r} for {name!r}. The "
            f"reason: {error}"
        ) from None


def _is_whole(base: Member, name: str) -> bool:
    """Whether a setting is a whole number by its default, or a switch: 0 is off, and 1 is on."""
    recipe = cast(Recipe, base.recipe)
    if name in COUNTS:  # None by default
        return True
    transforms = vars(recipe.augmentation or Augmentation())
    default = getattr(recipe, name, base.all_arguments.get(name, transforms.get(name)))
    return is_whole(default) or isinstance(default, bool)


def _as_distribution(name: str, given: Any) -> tuple[Any, dict[Any, Any] | None]:
    """Give the distribution, and the value of each label if the setting has a list of values."""
    optuna = import_optuna()
    if isinstance(given, optuna.distributions.CategoricalDistribution):
        given = list(given.choices)
    if isinstance(given, optuna.distributions.BaseDistribution):
        return given, None
    if not isinstance(given, Sequence) or not len(given):
        raise ArgumentError(
            "space must give a distribution of Optuna, or a list of one value or more. Received: "
            f"{given!r} for {name!r}. Pass a list such as [0.1, 0.2], or a range such as "
            '"0.1..0.2".'
        )
    labels: dict[Any, Any] = {}
    for value in given:
        label = value if isinstance(value, _SCALARS) else str(value)
        if label in labels:
            raise ArgumentError(
                f"space must give different values. Received: {value!r} twice for {name!r}. Leave "
                "out the second."
            )
        labels[label] = value
    return optuna.distributions.CategoricalDistribution([*labels]), labels


def _homes(base: Member, space: Mapping[str, Any]) -> dict[str, str]:
    """Tell where each setting belongs: recipe, builder, augmentation or optimiser."""
    assert base.registered_name is not None
    builder = set(describe(base.registered_name).parameters) - {"input_shape", "num_classes"}
    homes, of_optimizers = {}, None
    for name in space:
        if name in RECIPE_SETTINGS:
            homes[name] = "recipe"
        elif name in builder:
            homes[name] = "builder"
        elif name in TRANSFORMS:
            homes[name] = "augmentation"
        else:
            of_optimizers = of_optimizers or _arguments_of_optimizers(base, space)
            common = set.intersection(*map(set, of_optimizers.values()))
            if name not in common:
                raise _unknown_setting(base, name, builder, of_optimizers)
            homes[name] = "optimizer"
    transforms = [name for name, home in homes.items() if home == "augmentation"]
    if "augmentation" in homes and transforms:
        raise ArgumentError(
            "space must vary either the augmentation or its transforms. Received: 'augmentation' "
            f"and {_quoted(transforms)}. Leave out 'augmentation', and let the recipe have it."
        )
    return homes


def _arguments_of_optimizers(base: Member, space: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the arguments of each optimiser that a trial may have."""
    recipe = cast(Recipe, base.recipe)
    given = space.get("optimizer", [recipe.optimizer])
    arguments = {}
    for optimizer in getattr(given, "choices", given):
        changed = recipe
        if optimizer != recipe.optimizer:
            changed = replace(recipe, optimizer=optimizer, optimizer_arguments={})
        parameters = inspect.signature(type(changed.make_optimizer(1)).__init__).parameters
        own = {*parameters} - {"self", "learning_rate", "name", "kwargs"}
        arguments[optimizer] = sorted(own)
    return arguments


def _unknown_setting(
    base: Member, name: Any, builder: set[str], of_optimizers: Mapping[str, Sequence[str]]
) -> ArgumentError:
    """Make the error about a name that is no setting, or no setting of all optimisers."""
    without = [optimizer for optimizer, own in of_optimizers.items() if name not in own]
    if len(without) < len(of_optimizers):
        return ArgumentError(
            "space must name settings that have an effect in each trial. Received: "
            f"{name!r}, which is no argument of the optimizer {without[0]!r}. Leave out {name!r} "
            f"or {without[0]!r}, or sweep over each optimizer by itself."
        )
    arguments = {argument for own in of_optimizers.values() for argument in own}
    known = [*RECIPE_SETTINGS, *builder, *TRANSFORMS, *arguments]
    return ArgumentError(
        f"space must name settings of the recipe, of {base.registered_name}, of the augmentation, "
        f"or of the optimizer. Received: {name!r}{did_you_mean(str(name), known)} Recipe: "
        f"{_quoted(RECIPE_SETTINGS)}. {base.registered_name}: {_quoted(builder) or 'none'}. "
        f"Augmentation: {_quoted(TRANSFORMS)}. "
        f"Optimizer {_quoted(of_optimizers)}: {_quoted(arguments)}."
    )


def _quoted(names: Iterable[str]) -> str:
    """List names in quotes: the command line writes other names as options."""
    return ", ".join(map(repr, sorted(names)))


def parse_values(name: str, text: str, *, is_whole: bool = False) -> Any:
    """Read a range, or values with commas between.

    Args:
        name: The name of the setting, for messages.
        text: A range such as `"1e-5..1e-2:log"`; or values such as `"0,0.2,0.5"`, each of them
            JSON or a literal of Python, or else a text.
        is_whole: Whether a range with whole ends is of whole numbers.

    Returns:
        A distribution of Optuna, or a list.

    Raises:
        ArgumentError: The ends of a range are not rising, or not above 0 with a logarithm.

    Example:
        >>> parse_values("learning_rate", "1e-5..1e-2:log")
        FloatDistribution(high=0.01, log=True, low=1e-05, step=None)
        >>> parse_values("hidden", "[64, 32],[128]"), parse_values("optimizer", "sgd,adam")
        ([[64, 32], [128]], ['sgd', 'adam'])
    """
    if match := _RANGE.fullmatch(text.strip()):
        return _distribution(name, text, *match.groups(), is_whole=is_whole)
    if ".." in text:
        raise ArgumentError(
            f"space must give a range as LOW..HIGH, two numbers, perhaps with :log. Received: "
            f"{text!r} for {name!r}. Write, for example, 1e-5..1e-2:log."
        )
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return list(read(f"[{text}]"))
    return [_value(word.strip()) for word in text.split(",")]


def _value(word: str) -> Any:
    """Read a value: JSON, a literal of Python, or a text. The word none stands for None."""
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return read(word)
    return None if word == "none" else word


def _distribution(
    name: str, text: str, low: str, high: str, log: str | None, *, is_whole: bool
) -> Any:
    """Make the distribution of a range."""
    distributions = import_optuna().distributions
    if float(low) >= float(high) or (log and float(low) <= 0):
        above = " above 0" if log else ""
        raise ArgumentError(
            f"space must give a range from a lower to a higher number{above}. Received: {text!r} "
            f"for {name!r}. Write, for example, 1e-5..1e-2:log."
        )
    if is_whole and _WHOLE.fullmatch(low) and _WHOLE.fullmatch(high):
        return distributions.IntDistribution(int(low), int(high), log=bool(log))
    return distributions.FloatDistribution(float(low), float(high), log=bool(log))
