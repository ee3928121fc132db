"""The table of methods, before it is filled: the name of each, its function, and its options.

A method is a function `f(network, images, targets, *, options...)` in this room, marked with
`@method()`, which is all that a new method needs. Its arguments are a `Network`, images float32
[n, height, width, channels] and classes int32 [n, k], as tensors. It returns maps [n, k, height,
width], signed: positive where the pixels speak for the class.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Method:
    """A method of explaining.

    Attributes:
        name: The name that `explain` takes.
        function: Computes the maps.
        title: The name in captions.
        uses_layer: Whether the maps come from the output of a layer.
        changes_relus: Whether the backward pass of ReLU is changed.
        slow: Whether the method runs the model many times for each image.
        baseline: What the maps compare the pixels with: the name of an option, a colour such as
            `"black"`, or None for a method that compares them with nothing.
        expected_sum: For a method whose maps have a sum that is known, a function with the
            arguments of the method that computes it, [n, k]; else None.
    """

    name: str
    function: Callable[..., Any]
    title: str
    uses_layer: bool
    changes_relus: bool
    slow: bool
    baseline: str | None
    expected_sum: Callable[..., Any] | None

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method, with their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.kind is parameter.KEYWORD_ONLY
        }

    def baseline_of(self, options: Mapping[str, Any]) -> Any:
        """Give what the maps compare the pixels with, where these options are passed."""
        known: dict[Any, Any] = {**self.options, **options}
        return known.get(self.baseline, self.baseline)


METHODS: dict[str, Method] = {}
"""Name → method; `zoo.inspect.explaining.catalogue` imports the modules that fill the table."""


def method(
    title: str,
    *,
    uses_layer: bool = False,
    changes_relus: bool = False,
    slow: bool = False,
    baseline: str | None = None,
    expected_sum: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into the table of methods, under its own name.

    Args:
        title: The name in captions.
        uses_layer: As in `Method`.
        changes_relus: As in `Method`.
        slow: As in `Method`.
        baseline: As in `Method`.
        expected_sum: As in `Method`.

    Returns:
        A decorator that returns the function itself.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        METHODS[name] = Method(
            name, function, title, uses_layer, changes_relus, slow, baseline, expected_sum
        )
        return function

    return register
