"""Arguments of `keras.Model.fit` that Zoo's `fit` has not, and what does their work here."""

from collections.abc import Iterable, Mapping
from typing import Any

from zoo.errors import ArgumentError
from zoo.text import did_you_mean

_EVERY_EPOCH = (
    "Leave it out: the model is judged on all of validation_data after every epoch, and "
    "data.validation.sample(1000) is a part of the images"
)
INSTEAD = {
    "validation_split": (
        "Hold images out, `kept, held_out = data.train.split(0.1)`, and pass "
        "validation_data=held_out; or pass data.validation, which zoo.datasets.load holds out"
    ),
    "validation_freq": _EVERY_EPOCH,
    "validation_steps": _EVERY_EPOCH,
    "validation_batch_size": _EVERY_EPOCH,
    "class_weight": 'Train with zoo.Recipe(class_weight="balanced"), or pass sample_weight=',
    "shuffle": "Leave it out: every epoch has the images in a random order of its own",
    "initial_epoch": "Pass log_dir=, and resume=True to go on with the run in that folder",
    "steps_per_epoch": "Pass fewer images, such as data.train.sample(1000)",
}
"""Argument of `keras.Model.fit` → what to do instead."""


def refuse_other_arguments(others: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse arguments that `fit` has not, with what to use instead.

    Args:
        others: The arguments that are not known, by name.
        known: The names of the arguments that `fit` has.

    Raises:
        ArgumentError: There is such an argument.

    Example:
        >>> refuse_other_arguments({"shuffle": False}, ["epochs"])
        Traceback (most recent call last):
        zoo.errors.ArgumentError: fit must be called with its own arguments: epochs. Received: \
shuffle=False. Leave it out: every epoch has the images in a random order of its own.
    """
    for name, value in others.items():
        known = list(known)
        hint = f"{INSTEAD[name]}." if name in INSTEAD else "Leave it out."
        guess = "." if name in INSTEAD else did_you_mean(name, known)
        raise ArgumentError(
            f"fit must be called with its own arguments: {', '.join(known)}. Received: "
            f"{name}={value!r:.80}{guess} {hint}"
        )
