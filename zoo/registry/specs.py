"""The registry: names, and the functions that build a Keras model for each."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from zoo.arguments import is_same_function, where_defined
from zoo.errors import ArgumentError, UnknownModelError
from zoo.recipes import Recipe
from zoo.text import did_you_mean

Builder = TypeVar("Builder", bound=Callable[..., Any])

REQUIRED = inspect.Parameter.empty
"""Stands where a builder's parameter has no default."""

_specs: dict[str, "ModelSpec"] = {}


@dataclass(frozen=True)
class ModelSpec:
    """What the registry knows of one model.

    Attributes:
        name: What `zoo.build` is called with.
        summary: The first line of the builder's docstring.
        source: Where the architecture comes from.
        tags: Words to search by.
        recipe: How it is trained unless told otherwise.
        parameters: The builder's keyword arguments with their defaults
            (`zoo.registry.REQUIRED` where there is none).
        builder: The function itself.

    Example:
        >>> import zoo
        >>> spec = zoo.describe("conv_bn")
        >>> spec.tags, spec.recipe.batch_size
        (('conv', 'report', 'batchnorm'), 128)
    """

    name: str
    summary: str
    source: str
    tags: tuple[str, ...]
    recipe: Recipe
    parameters: Mapping[str, Any]
    builder: Callable[..., Any]

    def __str__(self) -> str:
        return f"{self.name}({signature_text(self.parameters)}): {self.summary}"


def register(
    builder: Builder | None = None,
    *,
    tags: Iterable[str] = (),
    source: str = "",
    recipe: Recipe | None = None,
    override: bool = False,
) -> Any:
    """Register a model builder under its function's name.

    The builder takes the layer library (`keras.layers` or `zoo.layers`) as its first
    argument, then `input_shape` and `num_classes`, and returns a `keras.Model`.

    Args:
        builder: The function, where the decorator is used without parentheses.
        tags: Words to search by, such as `"conv"`.
        source: Where the architecture comes from.
        recipe: How to train it; `Recipe()` if None.
        override: Whether to replace another builder of that name.

    Returns:
        The builder, unchanged.

    Raises:
        ArgumentError: The name is taken by another function, or the builder does not take
            a layer library, `input_shape` and `num_classes`.

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
            function, tags=tags, source=source, recipe=recipe, override=override
        )
    if not inspect.isfunction(builder):
        raise ArgumentError(f"A builder is a function, which gives its name. Received: {builder!r}")
    parameters = _parameters(builder)
    name = builder.__name__
    taken = _specs.get(name)
    if taken and not override and not is_same_function(taken.builder, builder):
        raise ArgumentError(
            f"The name {name!r} is taken by {where_defined(taken.builder)}, and "
            f"{where_defined(builder)} wants it too. Rename the function, or pass override=True."
        )
    _specs[name] = ModelSpec(
        name=name,
        summary=(inspect.getdoc(builder) or "").split("\n")[0],
        source=source,
        tags=tuple(_as_list(tags)),
        recipe=recipe or Recipe(),
        parameters=parameters,
        builder=builder,
    )
    return builder


def _parameters(builder: Callable[..., Any]) -> dict[str, Any]:
    """A builder's parameters after the layer library, with their defaults."""
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
            "A builder takes (layers, input_shape, num_classes, *, ...): the layer library without "
            "a default, then these two, then what else it names, without * or ** parameters. "
            f"Received: {builder.__name__}{signature}"
        )
    return {parameter.name: parameter.default for parameter in parameters}


def list_models(
    pattern: str | Iterable[str] = "*",
    *,
    exclude: str | Iterable[str] = (),
    tags: str | Iterable[str] = (),
) -> list[str]:
    """Names of the registered models, sorted.

    Args:
        pattern: Shell-style pattern or patterns; a model that matches any of them is listed.
        exclude: Pattern or patterns of models to leave out.
        tags: Tag or tags; a model must carry all of them.

    Returns:
        The names. It may be empty where each filter matches something but not together.

    Raises:
        UnknownModelError: A pattern or tag that matches no model at all.

    Example:
        >>> import zoo
        >>> zoo.list_models("*mlp", exclude="deep*")
        ['bn_mlp', 'lasso_mlp', 'mlp']
    """
    included = _matching(_as_list(pattern))
    excluded = _matching(_as_list(exclude))
    wanted = _as_list(tags)
    known = {tag for spec in _specs.values() for tag in spec.tags}
    for tag in wanted:
        if tag not in known:
            raise UnknownModelError(
                f"No model has the tag {tag!r}{did_you_mean(tag, known)} "
                f"Tags: {', '.join(sorted(known))}."
            )
    return sorted(name for name in included - excluded if set(wanted) <= set(_specs[name].tags))


def describe(name: str) -> ModelSpec:
    """What the registry knows of a model.

    Args:
        name: A name from `zoo.list_models()`.

    Returns:
        Its `ModelSpec`: name, summary, source, tags, parameters with defaults, recipe.

    Raises:
        UnknownModelError: No model has that name.

    Example:
        >>> import zoo
        >>> zoo.describe("lasso_mlp").parameters["l1"]
        0.0001
    """
    if not isinstance(name, str) or name not in _specs:
        raise UnknownModelError(
            f"There is no model {name!r}{did_you_mean(str(name), _specs)} Registered: "
            f"{', '.join(sorted(_specs))}. A model of your own is there once the module that "
            "registers it is imported."
        )
    return _specs[name]


def _matching(patterns: list[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        matches = {name for name in _specs if fnmatchcase(name, pattern)}
        if not matches:
            raise UnknownModelError(
                f"No model matches {pattern!r}{did_you_mean(pattern.strip('*?'), _specs)} "
                f"Registered: {', '.join(sorted(_specs))}."
            )
        found |= matches
    return found


def _as_list(words: str | Iterable[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def signature_text(parameters: Mapping[str, Any]) -> str:
    """Write a builder's parameters with their defaults, as in a function's signature."""
    return ", ".join(
        name if default is REQUIRED else f"{name}={default!r}"
        for name, default in parameters.items()
    )
