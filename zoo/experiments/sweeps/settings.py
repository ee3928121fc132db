"""The sweep of an experiment: which settings of a member vary, and over which values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.arguments import whole_number
from zoo.errors import ArgumentError


@dataclass(frozen=True)
class SweepSettings:
    """Many trainings of a member with other settings, by `zoo.tune`.

    The sweep trains each trial with all seeds of the protocol. The trial with the best accuracy on
    the validation images is the result of the member.

    Args:
        member: The name of the member whose settings vary.
        vary: Name of a setting → a list of values, or a range as text, as `zoo.tune` takes them.
        sampler: The sampler, as for `zoo.tune`. Empty for a grid if each setting has a list of
            values, and otherwise TPE.
        trials: The number of trials. None takes every combination of a grid, or 16.
        round_size: The number of trials that train together. A training that is stopped loses the
            round.
    """

    member: str
    vary: Mapping[str, Any]
    sampler: str = ""
    trials: int | None = None
    round_size: int = 16

    def __post_init__(self) -> None:
        if not isinstance(self.vary, Mapping) or not self.vary:
            raise ArgumentError(
                "sweep.vary must map settings to values. Received: "
                f"{self.vary!r}. Write vary = {{learning_rate = [0.01, 0.1]}}."
            )
        for name, values in self.vary.items():
            if not values or not isinstance(values, (list, str)):
                raise ArgumentError(
                    "sweep.vary must give a list of values or a range as text for each setting. "
                    f"Received: {values!r} for {name!r}. "
                    'Write [0.01, 0.1], or "1e-5..1e-2:log".'
                )
        if self.trials is not None:
            whole_number("sweep.trials", self.trials, 1)
        whole_number("sweep.round_size", self.round_size, 1)

    def check_point(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings for which the sweep has no trial.

        Args:
            settings: Name of each setting that varies → value.

        Raises:
            ArgumentError: A setting is missing or does not vary, or the sweep is no grid with this
                value.
        """
        if {*settings} != {*self.vary}:
            raise ArgumentError(
                f"published.at must give a value for {', '.join(self.vary)}, which the sweep "
                f"varies. Received: {dict(settings)}. Write at = {{{next(iter(self.vary))} = …}}."
            )
        for name, value in settings.items():
            if not self.is_grid or value not in self.vary[name]:
                raise ArgumentError(
                    "published.at must give values of a sweep over a grid. Received: "
                    f"{name} = {value!r}, where the sweep has {self.vary[name]}. Add the value to "
                    "sweep.vary."
                )

    @property
    def is_grid(self) -> bool:
        """Whether the sweep trains every combination of lists of values."""
        lists = all(isinstance(values, list) for values in self.vary.values())
        return lists and self.sampler in ("", "grid")

    def quick(self, points: Iterable[Mapping[str, Any]]) -> "SweepSettings":
        """Give a sweep of a few trials, to try that the experiment runs.

        Args:
            points: Settings that the sweep must have a trial of.

        Returns:
            A grid of the first value of each setting and those of the points, or two trials.
        """
        if not self.is_grid:
            return replace(self, trials=2)
        named = [*points]
        vary = {
            name: [value for k, value in enumerate(values)
                   if k == 0 or any(point[name] == value for point in named)]
            for name, values in self.vary.items()
        }  # fmt: skip
        return replace(self, vary=vary, trials=None)
