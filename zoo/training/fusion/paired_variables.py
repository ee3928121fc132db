"""Variables of fused models, each with the models' own variables that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Pair:
    """A variable of the fused models, with the models' own variables that it stands for.

    Args:
        wide: The variable of the fused models.
        parts: The models' variables. If `wide` has a dimension more than the parts, the parts are
            stacked along its first axis. If `wide` has the shape of the parts, all parts have the
            same value in the models that learn, such as an optimiser's number of iterations. Else
            the parts lie side by side along the last axis of `wide`.
        owners: The number of the model that each part belongs to.
    """

    wide: Any
    parts: Sequence[Any]
    owners: Sequence[int]

    @property
    def is_stacked(self) -> bool:
        """Whether the parts are stacked along the first axis of `wide`."""
        return len(self.wide.shape) > len(self.parts[0].shape)

    @property
    def owners_of_entries(self) -> np.ndarray:
        """The number of the model that each entry of `wide` belongs to.

        Returns:
            Whole numbers of a shape that broadcasts to the shape of `wide`.
        """
        owners = np.array(self.owners)
        if not self.is_stacked:
            return np.repeat(owners, [part.shape[-1] for part in self.parts])
        copies, *inner, units = self.wide.shape
        # Keras takes what has a single dimension above 1 for a bias, along the axis that fits.
        shape = [copies, *(inner if units == 1 else [1] * len(inner)), units]
        return np.broadcast_to(owners.reshape([copies] + [1] * (len(shape) - 1)), shape)

    def load(self, active: Sequence[bool] | None = None) -> None:
        """Copy the parts into the wide variable; a common value comes from a model that learns.

        Args:
            active: Whether each model learns; None stands for all.
        """
        values = [part.value for part in self.parts]
        if self.is_stacked:
            self.wide.assign(tf.stack(values))
        elif self.parts[0].shape == self.wide.shape:
            learns = [active is None or bool(active[owner]) for owner in self.owners]
            self.wide.assign(values[learns.index(True) if any(learns) else 0])
        else:
            self.wide.assign(tf.concat(values, axis=-1))

    def store(self, active: Sequence[bool]) -> None:
        """Copy the wide variable into the parts of models that learn.

        Args:
            active: Whether each model learns.
        """
        wide = tf.convert_to_tensor(self.wide)
        if self.is_stacked:
            values = tf.unstack(wide)
        elif self.parts[0].shape == self.wide.shape:
            values = [wide] * len(self.parts)
        else:
            values = tf.split(wide, [part.shape[-1] for part in self.parts], -1)
        for part, owner, value in zip(self.parts, self.owners, values, strict=True):
            if active[owner]:
                part.assign(value)


class NoVariable:
    """Stands for a variable that a model does not have, such as the momentum of plain SGD.

    Args:
        shape: The shape that the variable would have.
        dtype: Its dtype.
    """

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape, self._dtype = shape, dtype

    @property
    def value(self) -> Any:
        """Zeros."""
        return tf.zeros(self.shape, self._dtype)

    def assign(self, value: Any) -> None:
        """Keep nothing."""


def wide_variable(part: Any, shape: Sequence[int]) -> Any:
    """Make a variable for several variables of the models.

    Args:
        part: One of the models' variables.
        shape: The shape of the new variable.

    Returns:
        A Keras variable of zeros, with the dtype of `part`, which is trained if `part` is trained.
    """
    return keras.Variable(
        np.zeros(shape), dtype=part.dtype, trainable=part.trainable, name=part.name
    )
