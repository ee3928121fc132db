"""The learning rate of a recipe with a warm-up, or with steps down where the loss stays."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class RecipeSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the learning rate, with a linear warm-up and a factor.

    In the first w steps the rate rises in a line, from 1/w of the rate that the schedule has after
    w steps up to this rate (Goyal et al., 2017). The rate of every step is multiplied by `factor`,
    a variable that the training lowers where the validation loss stays.

    Args:
        initial_learning_rate: The learning rate that `schedule` multiplies.
        schedule: A schedule of Keras, or its configuration; None for the same rate at all steps.
        warm_up_steps: The number w of steps; 0 for no warm-up.
        reducible: Whether the training lowers `factor`.

    Example:
        >>> rate = RecipeSchedule(0.4, warm_up_steps=4)
        >>> [round(float(rate(step)), 3) for step in (0, 1, 2, 3, 100)]
        [0.1, 0.2, 0.3, 0.4, 0.4]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        schedule: Any = None,
        warm_up_steps: int = 0,
        reducible: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(schedule, Mapping):
            schedule = keras.optimizers.schedules.deserialize(dict(schedule))
        self.initial_learning_rate: Any = initial_learning_rate
        self.schedule = schedule
        self.warm_up_steps = warm_up_steps
        self.reducible = reducible
        self.factor = keras.Variable(1.0, dtype=keras.config.floatx(), trainable=False)

    def __call__(self, step: Any) -> Any:
        """Give the learning rate of a step, counted from 0."""
        share = self._share(step)
        if self.warm_up_steps:
            steps = ops.cast(step, keras.config.floatx()) + 1
            rising = self._share(self.warm_up_steps) * (steps / self.warm_up_steps)
            share = ops.where(steps <= self.warm_up_steps, rising, share)
        return self.initial_learning_rate * share * self.factor.value

    def _share(self, step: Any) -> Any:
        """Give what the schedule multiplies the initial learning rate by."""
        return ops.convert_to_tensor(1.0 if self.schedule is None else self.schedule(step))

    def get_config(self) -> dict[str, Any]:
        """Give the arguments of the schedule."""
        schedule = self.schedule
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "schedule": schedule and keras.optimizers.schedules.serialize(schedule),
            "warm_up_steps": self.warm_up_steps,
            "reducible": self.reducible,
        }


def make_rate(
    rate: float,
    schedule: str | Mapping[str, Any],
    steps: int,
    *,
    cycles: int = 1,
    rising: int | None = None,
    waiting: int = 0,
    reducible: bool = False,
) -> Any:
    """Make the learning rate of a recipe for an optimiser.

    Args:
        rate: The learning rate.
        schedule: As in `zoo.Recipe`.
        steps: The number of training steps.
        cycles: The number of cosines, one after another.
        rising: The number of steps of the warm-up; None for no warm-up.
        waiting: The number of steps before a single cosine begins.
        reducible: Whether the training lowers the rate, which then has no other schedule.

    Returns:
        A number, or a schedule of Keras.

    Example:
        >>> make_rate(0.1, "constant", 10)
        0.1
        >>> round(float(make_rate(0.1, "cosine", 10)(5)), 3)
        0.05
    """
    if rising is None and not reducible:
        return _scheduled(rate, schedule, steps, cycles, waiting)
    rising = rising or 0
    if schedule == "constant":
        return RecipeSchedule(rate, None, rising, reducible=reducible)
    if isinstance(schedule, Mapping):  # which has the learning rate itself
        return RecipeSchedule(1.0, _scheduled(1.0, schedule, steps, cycles, waiting), rising)
    return RecipeSchedule(rate, _scheduled(1.0, schedule, steps, cycles, waiting), rising)


def _scheduled(
    rate: float, schedule: str | Mapping[str, Any], steps: int, cycles: int, waiting: int
) -> Any:
    """Give the learning rate without a warm-up: a number, or a schedule of Keras."""
    schedules = keras.optimizers.schedules
    if isinstance(schedule, Mapping):
        return schedules.deserialize(dict(schedule))
    if schedule == "constant":
        return rate
    if cycles > 1:
        return schedules.CosineDecayRestarts(rate, max(steps // cycles, 1), t_mul=1.0)
    if waiting:  # a warm-up from the rate to the rate
        return schedules.CosineDecay(
            rate, steps - waiting, warmup_target=rate, warmup_steps=waiting
        )
    return schedules.CosineDecay(rate, steps)


def rate_factor(optimizer: Any) -> Any:
    """Find the variable by which a training lowers the learning rate.

    Args:
        optimizer: A Keras optimiser.

    Returns:
        The variable; None if the training does not lower the rate of this optimiser.

    Example:
        >>> optimizer = keras.optimizers.SGD(RecipeSchedule(0.1, reducible=True))
        >>> value = rate_factor(optimizer).assign(0.5)
        >>> round(float(optimizer.learning_rate), 3)
        0.05
    """
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        schedule = optimizer.inner_optimizer._learning_rate
    if isinstance(schedule, RecipeSchedule) and schedule.reducible:
        return schedule.factor
    return None


def rate_of_schedule(schedule: Mapping[str, Any]) -> float | None:
    """Read the learning rate from the description of a schedule of Keras.

    Args:
        schedule: What `keras.optimizers.schedules.serialize` made.

    Returns:
        The learning rate at the start, or after the warm-up; None for a schedule of another kind.

    Example:
        >>> rate_of_schedule({"config": {"initial_learning_rate": 0.1, "decay_steps": 100}})
        0.1
    """
    config = schedule.get("config", {})
    rates = (config.get("warmup_target"), config.get("initial_learning_rate"))
    return next((float(rate) for rate in (*rates, *config.get("values", [])) if rate), None)
