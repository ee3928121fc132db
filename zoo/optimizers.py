"""The Keras optimiser of a recipe."""

from typing import Any

import keras

from zoo.errors import ArgumentError
from zoo.schedules import make_rate
from zoo.text import did_you_mean, first_line


def make_optimizer(recipe: Any, steps: int) -> Any:
    """Make the optimiser of a recipe, for `Recipe.make_optimizer`, which says what is an error.

    Args:
        recipe: A `zoo.Recipe`.
        steps: Number of all training steps, for the schedule.

    Example:
        >>> import zoo
        >>> type(make_optimizer(zoo.Recipe(optimizer="adam"), steps=10)).__name__
        'Adam'
    """
    rate = make_rate(
        recipe.learning_rate, recipe.schedule, steps,
        cycles=recipe.cycles, reducible=bool(recipe.plateau),
        rising=steps * recipe.warm_up // recipe.epochs if recipe.warm_up else None,
        waiting=steps * (recipe.full_size_at or 0) // recipe.epochs,
    )  # fmt: skip
    arguments = {**recipe.optimizer_arguments, "learning_rate": rate}
    try:
        optimizer = keras.optimizers.get({"class_name": recipe.optimizer, "config": arguments})
    except (TypeError, ValueError) as error:
        _check_name(recipe.optimizer)
        remedy = "The optimisers and their arguments are those of keras.optimizers."
        if recipe.optimizer_arguments:
            remedy = (
                "Pass optimizer_arguments= with arguments of this optimiser only: those of the "
                "earlier optimiser stay where only the optimizer of a recipe is changed."
            )
        raise ArgumentError(
            "optimizer must be the name of a Keras optimiser, and optimizer_arguments its "
            f"arguments. Received: {recipe.optimizer!r} with {dict(recipe.optimizer_arguments)} "
            f"({first_line(error)}). {remedy}"
        ) from error
    if recipe.weight_decay_of and getattr(optimizer, "weight_decay", None) is None:
        raise ArgumentError(
            "weight_decay_of must stand beside a weight decay. Received: "
            f"weight_decay_of={recipe.weight_decay_of!r}, and the optimizer {recipe.optimizer!r} "
            "without weight decay. Pass optimizer_arguments={'weight_decay': 0.001}, for example."
        )
    return optimizer


def _check_name(name: str) -> None:
    """Refuse a name that no optimiser of Keras has."""
    kinds = (value for value in vars(keras.optimizers).values() if isinstance(value, type))
    names = (kind.__name__.lower() for kind in kinds)
    known = sorted(name for name in names if "optimizer" not in name)  # no base, no wrapper
    if name.lower() not in known and keras.saving.get_registered_object(name) is None:
        raise ArgumentError(
            f"optimizer must be the name of a Keras optimiser. Received: {name!r}"
            f"{did_you_mean(name, known)} Choose among {', '.join(known)}."
        ) from None
