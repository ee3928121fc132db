"""The registered models: their descriptions, and how models are registered and found."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from zoo.arguments import as_names, is_same_function, where_defined
from zoo.errors import ArgumentError, UnknownModelError
from zoo.recipes import Recipe
from zoo.text import did_you_mean, unknown_name

Builder = TypeVar("Builder", bound=Callable[..., Any])

REQUIRED = inspect.Parameter.empty
"""The value in `ModelSpec.parameters` for a parameter without a default."""

BUILD_ARGUMENTS = frozenset({"gradients", "weights", "seed", "precision", "standardize"})
"""The arguments of `zoo.build` itself, which no builder gets. A builder may take `features`."""

_specs: dict[str, "ModelSpec"] = {}


@dataclass(frozen=True)
class ModelSpec:
    """The description of a registered model.

    Attributes:
        name: The name for `zoo.build`.
        summary: The first line of the builder's docstring.
        source: Where the architecture comes from.
        tags: Words to search by.
        recipe: How the model is trained by default.
        recipes: Other recipes by name, such as the settings of a report.
        parameters: The builder's parameters with their defaults, or `zoo.registry.REQUIRED` for a
            parameter without a default.
        builder: The function that builds the model.
        parameter_count: How many parameters the model has with all defaults, trainable or not, or
            None if the builder does not state it.
        flops: How many floating-point operations a forward pass of one image takes with all
            defaults, as `zoo.registry.flops` counts them, or None if the builder does not state it.

    Example:
        >>> import zoo
        >>> spec = zoo.describe("conv_bn")
        >>> spec.tags, spec.recipe.batch_size
        (('conv', 'report', 'batchnorm'), 32)
    """

    name: str
    summary: str
    source: str
    tags: tuple[str, ...]
    recipe: Recipe
    parameters: Mapping[str, Any]
    builder: Callable[..., Any]
    parameter_count: int | None = None
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    flops: int | None = None

    def recipe_named(self, name: str) -> Recipe:
        """Give the recipe of that name, one of `recipes`.

        Raises:
            ArgumentError: The model has no recipe of that name.

        Example:
            >>> import zoo
            >>> zoo.describe("cnn").recipe_named("CO395").epochs
            150
        """
        if name not in self.recipes:
            raise ArgumentError(
                f"recipe must be a Recipe, or the name of a recipe of {self.name}: "
                f"{', '.join(sorted(self.recipes)) or 'it has none'}. Received: {name!r}"
                f"{did_you_mean(str(name), self.recipes)} Leave recipe out for the default recipe."
            )
        return self.recipes[name]

    def __str__(self) -> str:
        return f"{self.name}({signature_text(self.parameters)}): {self.summary}"


def register(
    builder: Builder | None = None,
    *,
    tags: Iterable[str] = (),
    source: str = "",
    recipe: Recipe | None = None,
    recipes: Mapping[str, Recipe] | None = None,
    parameter_count: int | None = None,
    flops: int | None = None,
    override: bool = False,
) -> Any:
    """Register a function that builds a model, under the name of the function.

    The function takes the layer library (`keras.layers` or `zoo.layers`) as its first
    argument, then `input_shape` and `num_classes`, and returns a `keras.Model`.

    Args:
        builder: The function, if the decorator is used without parentheses.
        tags: Words to search by, such as `"conv"`.
        source: Where the architecture comes from.
        recipe: How to train the model. None stands for `Recipe()`.
        recipes: Other recipes by name, such as the settings of a report.
        parameter_count: How many parameters the model has with all defaults, trainable or not. The
            tests of Zoo compare it with the real model.
        flops: How many floating-point operations a forward pass of one image takes with all
            defaults. The tests of Zoo compare it with the real model.
        override: Whether to replace another function of the same name.

    Returns:
        The builder, unchanged.

    Raises:
        ArgumentError: The name is taken by another function, or the function does not take a layer
            library, `input_shape` and `num_classes`.

    Example:
        >>> import zoo
        >>> @zoo.register(tags=("linear",), source="Ronald Fisher, 1936", override=True)
        ... def fisher(layers, input_shape=(8, 8, 1), num_classes=10):
        ...     '''A linear classifier.'''
        ...     from keras import Sequential
        ...     return Sequential([layers.Input(input_shape), layers.Flatten(),
        ...                        layers.Dense(num_classes, activation="softmax")])
        >>> zoo.list_models("fisher")
        ['fisher']
    """
    if builder is None:
        return lambda function: register(
            function,
            tags=tags,
            source=source,
            recipe=recipe,
            recipes=recipes,
            parameter_count=parameter_count,
            flops=flops,
            override=override,
        )
    if not inspect.isfunction(builder):
        raise ArgumentError(
            f"A builder must be a function, whose name becomes the model's. Received: {builder!r}. "
            "Write @register above a function, or @register(tags=…)."
        )
    parameters = _parameters(builder)
    name = builder.__name__
    taken = _specs.get(name)
    if taken and not override and not is_same_function(taken.builder, builder):
        raise ArgumentError(
            f"The name of a builder must be free. Received: {name!r} for {where_defined(builder)}, "
            f"which is taken by {where_defined(taken.builder)}. Rename the function, or pass "
            "override=True."
        )
    _specs[name] = ModelSpec(
        name=name,
        summary=(inspect.getdoc(builder) or "").split("\n")[0],
        source=source,
        tags=tuple(_as_list("tags", tags)),
        recipe=recipe or Recipe(),
        parameters=parameters,
        builder=builder,
        parameter_count=parameter_count,
        recipes=dict(recipes or {}),
        flops=flops,
    )
    return builder


def _parameters(builder: Callable[..., Any]) -> dict[str, Any]:
    """List the parameters of a builder after the layer library, with their defaults."""
    signature = inspect.signature(builder)
    every = list(signature.parameters.values())
    library, parameters = every[:1], every[1:]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if (
        not library
        or library[0].default is not REQUIRED
        or not {"input_shape", "num_classes"} <= {parameter.name for parameter in parameters}
        or any(parameter.kind not in kinds for parameter in parameters)
    ):
        raise ArgumentError(
            "A builder must take (layers, input_shape, num_classes, *, ...): the layer library "
            "without a default, these two parameters, and named parameters of its own, without "
            f"*args or **kwargs. Received: {builder.__name__}{signature}. Change the signature."
        )
    if taken := sorted(BUILD_ARGUMENTS & {parameter.name for parameter in parameters}):
        names = ", ".join(sorted(BUILD_ARGUMENTS))
        raise ArgumentError(
            f"The parameters of a builder must not be called {names}, which zoo.build takes "
            f"itself. Received: {builder.__name__} with {', '.join(taken)}. Rename the parameter."
        )
    return {parameter.name: parameter.default for parameter in parameters}


def list_models(
    pattern: str | Iterable[str] = "*",
    *,
    exclude: str | Iterable[str] = (),
    tags: str | Iterable[str] = (),
) -> list[str]:
    """List the names of the registered models.

    Args:
        pattern: A shell-style pattern or several. A model that matches any of them is listed.
        exclude: A pattern or several. A model that matches any of them is left out.
        tags: A tag or several. A model must have all of them.

    Returns:
        The sorted names. The list can be empty if each filter matches some model, but no model
        passes all filters.

    Raises:
        UnknownModelError: A pattern or tag matches no model.
        ArgumentError: Patterns or tags are no texts.

    Example:
        >>> import zoo
        >>> zoo.list_models("*mlp", exclude="deep*")
        ['bn_mlp', 'lasso_mlp', 'mlp']
    """
    included = _matching(_as_list("pattern", pattern))
    excluded = _matching(_as_list("exclude", exclude))
    wanted = _as_list("tags", tags)
    known = {tag for spec in _specs.values() for tag in spec.tags}
    for tag in wanted:
        if tag not in known:
            raise UnknownModelError(
                f"tags must be tags of registered models. Received: {tag!r}"
                f"{did_you_mean(tag, known)} Choose from: {', '.join(sorted(known))}."
            )
    return sorted(name for name in included - excluded if set(wanted) <= set(_specs[name].tags))


def describe(name: str) -> ModelSpec:
    """Describe a registered model.

    Args:
        name: A name from `zoo.list_models()`.

    Returns:
        The `ModelSpec`: name, summary, source, tags, parameters with defaults, and recipe.

    Raises:
        UnknownModelError: No model has that name.

    Example:
        >>> import zoo
        >>> zoo.describe("lasso_mlp").parameters["l1"]
        0.0001
    """
    if not isinstance(name, str) or name not in _specs:
        raise UnknownModelError(
            unknown_name(
                "model", name, _specs, "Import the module that registers a model of your own."
            )
        )
    return _specs[name]


def _matching(patterns: list[str]) -> set[str]:
    """Find the names that match any of the patterns."""
    found: set[str] = set()
    for pattern in patterns:
        matches = {name for name in _specs if fnmatchcase(name, pattern)}
        if not matches:
            raise UnknownModelError(
                f"A pattern must match a registered model. Received: {pattern!r}"
                f"{did_you_mean(pattern.strip('*?'), _specs)} Choose from: "
                f"{', '.join(sorted(_specs))}."
            )
        found |= matches
    return found


def _as_list(name: str, words: str | Iterable[str]) -> list[str]:
    return [words] if isinstance(words, str) else [*as_names(name, words)]


def signature_text(parameters: Mapping[str, Any]) -> str:
    """Write a builder's parameters with their defaults, as in a function's signature."""
    return ", ".join(
        name if default is REQUIRED else f"{name}={default!r}"
        for name, default in parameters.items()
    )
