"""Variables of fused models, each with the models' own variables that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Pair:
    """A variable of the fused models, with the models' own variables that it stands for.

    Args:
        wide: The variable of the fused models.
        parts: The models' variables. They lie side by side along the last axis of `wide`; or they
            are numbers, and `wide` is the vector of them; or they have the shape of `wide` and are
            equal in all models that learn, such as an optimiser's number of iterations.
        owners: The number of the model that each part belongs to.
    """

    wide: Any
    parts: Sequence[Any]
    owners: Sequence[int]

    @property
    def is_common(self) -> bool:
        """Whether all parts have the same value, which `wide` holds once."""
        return bool(self.parts[0].shape == self.wide.shape)

    @property
    def owners_of_columns(self) -> list[int]:
        """The number of the model that each column of `wide` belongs to."""
        pairs = zip(self.parts, self.owners, strict=True)
        return [owner for part, owner in pairs for _ in range(part.shape[-1])]

    def load(self, active: Any) -> None:
        """Copy the parts into the wide variable; a common value comes from a model that learns.

        Args:
            active: Whether each model learns, bool [models]; None stands for all.
        """
        values = [part.value for part in self.parts]
        if not self.is_common:
            together = tf.concat(values, axis=-1) if len(self.parts[0].shape) else tf.stack(values)
            self.wide.assign(together)
        elif active is None or len(values) == 1:
            self.wide.assign(values[0])
        else:
            first = tf.argmax(tf.cast(tf.gather(active, self.owners), "int32"))
            self.wide.assign(tf.gather(tf.stack(values), first))

    def store(self, active: Any) -> None:
        """Copy the wide variable into the parts of models that learn.

        Args:
            active: Whether each model learns, bool [models]; None stands for all.
        """
        wide = tf.convert_to_tensor(self.wide)
        if self.is_common:
            values = [wide] * len(self.parts)
        elif len(self.parts[0].shape):
            values = tf.split(wide, [part.shape[-1] for part in self.parts], -1)
        else:
            values = tf.unstack(wide)
        for part, owner, value in zip(self.parts, self.owners, values, strict=True):
            part.assign(value if active is None else tf.where(active[owner], value, part.value))


def pair_weights(wide: Any, parts: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Pair each weight of a wide layer with the weights that it stands for.

    Args:
        wide: The wide layer, which may have no weights.
        parts: The layers that it stands for.
    """
    weights = zip(*(part.weights for part in parts), strict=True)
    return list(zip(getattr(wide, "weights", []), map(list, weights), strict=True))
