"""L1 and L2 penalties of fused models, with rates of their own for each model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.training.fusion.paired_variables import Pair


class Penalties:
    """The penalties of fused models: `Σ l1 |w| + l2 w²` (elastic net).

    Args:
        pairs: The weights of the fused models, with the models' own weights.
        copies: The numbers of the models in groups: weights without penalties in a whole group cost
            nothing.
    """

    def __init__(self, pairs: Sequence[Pair], copies: Sequence[Sequence[int]]) -> None:
        self._models = sum(map(len, copies))
        self._rates = {}
        for number, pair in enumerate(pairs):
            l1, l2 = self._rates_of_models(pair)
            penalized = [
                row for rows in copies for row in rows if (l1[rows] + l2[rows]).any()
            ]  # fmt: skip
            if penalized:
                self._rates[number] = _Rates(pair, penalized, self._models)
        self.take(pairs)

    def __bool__(self) -> bool:
        """Whether there are penalties."""
        return bool(self._rates)

    def take(self, pairs: Sequence[Pair]) -> None:
        """Take the rates of the models.

        Args:
            pairs: The weights of the fused models, with the models' own weights.
        """
        for number, rates in self._rates.items():
            l1, l2 = self._rates_of_models(pairs[number])
            rates.l1.assign(l1)
            rates.l2.assign(l2)

    def sums(self) -> Any:
        """Sum the penalties of each model, [models]."""
        totals = [rates.sums(self._models) for rates in self._rates.values()]
        return tf.add_n([tf.cast(total, totals[0].dtype) for total in totals])

    def slopes(self) -> dict[int, Any]:
        """Give the gradients of the penalties: `id` of a wide variable → its gradient."""
        return {id(rates.wide): rates.slope() for rates in self._rates.values()}

    def _rates_of_models(self, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
        """Give the rates of L1 and L2 for each model, 0 for a model without this weight."""
        l1, l2 = np.zeros([2, self._models], np.float32)  # rounded to float32, as Keras does it
        for part, owner in zip(pair.parts, pair.owners, strict=True):
            l1[owner] = getattr(part.regularizer, "l1", 0)
            l2[owner] = getattr(part.regularizer, "l2", 0)
        return l1, l2


class _Rates:
    """The rates of L1 and L2 of one wide variable, [models].

    Args:
        pair: The variable, with the models' own variables.
        penalized: The numbers of the models that may have a penalty.
        models: The number of models.
    """

    def __init__(self, pair: Pair, penalized: Sequence[int], models: int) -> None:
        self.wide = pair.wide
        self.l1, self.l2 = (
            tf.Variable(np.zeros(models), dtype=pair.wide.dtype, trainable=False) for _ in range(2)
        )
        self._is_stacked = pair.is_stacked
        owners = np.array(pair.owners) if pair.is_stacked else pair.owners_of_entries
        # Columns outside of this range add nothing.
        columns = np.flatnonzero(np.isin(owners, penalized))
        inner = slice(None) if pair.is_stacked else slice(columns[0], columns[-1] + 1)
        self._inner, self._owners = inner, owners[inner]
        self._owners_of_entries = pair.owners_of_entries

    def sums(self, models: int) -> Any:
        """Sum the penalties of this variable for each model, [models]."""
        w = tf.stop_gradient(tf.convert_to_tensor(self.wide.value))
        if not self._is_stacked:
            w = tf.reshape(w, [-1, w.shape[-1]])[:, self._inner]
        axes = [*range(1, len(w.shape))] if self._is_stacked else [0]
        shape = [-1] + [1] * (len(w.shape) - 1) if self._is_stacked else [-1]
        l1, l2 = (tf.reshape(tf.gather(rates, self._owners), shape) for rates in (self.l1, self.l2))
        sums = tf.reduce_sum(l1 * tf.abs(w) + l2 * tf.square(w), axis=axes)
        return tf.math.unsorted_segment_sum(sums, self._owners, models)

    def slope(self) -> Any:
        """Give the gradient of the penalties with respect to this variable."""
        l1, l2 = (tf.gather(rates, self._owners_of_entries) for rates in (self.l1, self.l2))
        return l1 * tf.sign(self.wide.value) + 2 * l2 * self.wide.value
