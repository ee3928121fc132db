"""Figures and measurements that an experiment chooses by name, with their options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError
from zoo.text import did_you_mean, unknown_name

if TYPE_CHECKING:
    from zoo.datasets import ImageData, Split
    from zoo.ensembles import Committee


@dataclass(frozen=True)
class Choice:
    """A figure or a measurement that an experiment chooses.

    Attributes:
        name: The name of the figure or the measurement.
        options: The values of its options.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedSeed:
    """What a figure or a measurement works on: the networks of a seed, and their images.

    Attributes:
        committee: The trained members; None for an experiment that trains nothing.
        data: The images; None for an experiment without images.
        run: The run folder of the training.
        seed: The seed.
        quick: Whether the run is a trial, for which a small measurement is enough.
    """

    committee: "Committee | None"
    data: "ImageData | None"
    run: Path
    seed: int = 0
    quick: bool = False

    @property
    def test(self) -> "Split | None":
        """The test images."""
        return self.data.test if self.data is not None else None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.data.class_names if self.data is not None else ()

    def models(self, name: str = "") -> dict[str, Any]:
        """Give the trained models by name: all of them, or a single one."""
        if self.committee is None:
            return {}
        models = dict(zip(self.committee.member_names, self.committee.members, strict=True))
        return {name: models[name]} if name else models


def choices_of(
    where: str, value: Any, known: Mapping[str, Callable[..., Any]]
) -> tuple[Choice, ...]:
    """Read a list of figures or measurements in the file of an experiment.

    Args:
        where: The key of the list.
        value: The list. An entry is a name, or a table with the name and options.
        known: Name → the function that draws or measures. The keyword-only arguments of a function
            are its options.

    Returns:
        The choices.

    Raises:
        ArgumentError: A name or an option is unknown, or an option is missing.

    Example:
        >>> def draw(trained, stem, *, images=8): ...
        >>> choices_of("figures", ["samples"], {"samples": draw})
        (Choice(name='samples', options={}),)
    """
    if not isinstance(value, list) or not all(isinstance(entry, str | Mapping) for entry in value):
        raise ArgumentError(
            f"{where} must be a list of names, or of tables with a name and options. Received: "
            f'{value!r}. Write {where} = ["{next(iter(known))}"].'
        )
    choices = []
    for entry in value:
        table = {"name": entry} if isinstance(entry, str) else dict(entry)
        name = table.pop("name", "")
        if name not in known:
            kind = where.removesuffix("s")
            raise ArgumentError(unknown_name(kind, str(name), [*known], "Correct the file."))
        _check_options(f"The options of {where[:-1]} {name}", table, known[name])
        choices.append(Choice(name, table))
    return tuple(choices)


def _check_options(where: str, options: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Refuse options that the function does not take, and miss options that it needs."""
    taken = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name in options:
        if name not in taken:
            raise ArgumentError(
                f"{where} must be among {', '.join(taken) or 'none'}. Received: {name!r}"
                f"{did_you_mean(name, taken)} Correct the file."
            )
    missing = [
        name
        for name, parameter in taken.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise ArgumentError(
            f"{where} must hold {', '.join(missing)}. Received: {', '.join(options) or 'nothing'}. "
            "Complete the file."
        )
