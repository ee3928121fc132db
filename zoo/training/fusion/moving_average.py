"""The moving average of a model's weights, of a model by itself and of fused models.

After each training step t, the average w̄ of the weights w becomes

    w̄ ← d_t w̄ + (1 − d_t) w,  d_t = min(d, (1 + t) / (10 + t)),

where d is the recipe's `ema`. The smaller d_t of the first steps lets the average forget the
weights at the start. The statistics of batch normalisation are averaged like the weights. Frozen
layers have no average. Averages of weights in half precision are float32, since w̄ would stand still
where 1 − d is less than half of the last place.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.schedules import rate_factor
from zoo.training.fusion.paired_variables import NoVariable, Pair
from zoo.training.transfer.freezing import parts_of


class MovingAverage:
    """The moving average of the weights of a model.

    Args:
        model: A built Keras model.
        decay: The number d, above 0 and below 1.
    """

    def __init__(self, model: Any, decay: float) -> None:
        self.decay = decay
        # A frozen weight stays as it is, and a mean of it would round it.
        frozen = {
            id(weight) for part in parts_of(model) if not part.trainable for weight in part.weights
        }
        self._weights = [
            weight for weight in model.weights if _is_averaged(weight) and id(weight) not in frozen
        ]
        self.variables = [
            keras.Variable(weight.numpy(), dtype=_dtype(weight), trainable=False)
            for weight in self._weights
        ]

    def update(self, step: Any) -> None:
        """Take the present weights into the average, after step number `step`, from 1."""
        decay = tf.minimum(tf.constant(self.decay, "float64"), _largest_decay(step))
        for weight, average in zip(self._weights, self.variables, strict=True):
            _approach(average, weight, decay)

    def of(self, weight: Any) -> Any:
        """Find the average of a weight; None for a weight that is not averaged."""
        pairs = zip(self._weights, self.variables, strict=True)
        return next((average for own, average in pairs if own is weight), None)


class WideAverage:
    """The moving averages of the weights of fused models, of which some may have no average.

    Args:
        weights: The weights of the fused models, with those of the models.
        models: The number of models.
    """

    def __init__(self, weights: Sequence[Pair], models: int) -> None:
        self._decays = tf.Variable([0.0] * models, dtype="float64", trainable=False)
        self._wide = [
            keras.Variable(np.zeros(pair.wide.shape), dtype=_dtype(pair.wide), trainable=False)
            if _is_averaged(pair.wide)
            else None
            for pair in weights
        ]
        self._weights = [(pair.wide, pair.owners_of_entries) for pair in weights]

    def pairs(self, weights: Sequence[Pair], optimizers: Sequence[Any]) -> list[Pair]:
        """Take the averages of models, and pair the wide averages with them.

        Args:
            weights: The weights of the fused models, with those of the models.
            optimizers: The optimisers of the models.
        """
        averages = [average_of(optimizer) for optimizer in optimizers]
        self._decays.assign([average.decay if average else 0.0 for average in averages])
        return [
            Pair(wide, [_average(averages[k], part) for part, k in parts], pair.owners)
            for wide, pair in zip(self._wide, weights, strict=True)
            if wide is not None
            for parts in [list(zip(pair.parts, pair.owners, strict=True))]
        ]

    def update(self, step: Any) -> None:
        """Take the present weights into the averages, after step number `step`, from 1."""
        decays = tf.minimum(self._decays, _largest_decay(step))
        for average, (weight, owners) in zip(self._wide, self._weights, strict=True):
            if average is not None:
                _approach(average, weight, tf.gather(decays, owners))


def average_of(optimizer: Any) -> MovingAverage | None:
    """Find the moving average that an optimiser keeps; None if it keeps none."""
    average: MovingAverage | None = vars(optimizer).get("_zoo_average")
    return average


def keep_average(optimizer: Any, average: MovingAverage) -> None:
    """Let an optimiser keep the moving average of the weights that it trains.

    The attribute is set without Keras, which would count the averages among the variables of the
    optimiser.
    """
    vars(optimizer)["_zoo_average"] = average


def state_of(optimizer: Any) -> list[Any]:
    """List all variables that a training changes: of an optimiser, its schedule and its average."""
    factor, average = rate_factor(optimizer), average_of(optimizer)
    return [
        *optimizer.variables,
        *([] if factor is None else [factor]),
        *(average.variables if average else []),
    ]


def _largest_decay(step: Any) -> Any:
    step = tf.cast(tf.convert_to_tensor(step), "float64")
    return (1 + step) / (10 + step)


def _approach(average: Any, weight: Any, decay: Any) -> None:
    """Move an average towards a weight."""
    decay, weight = (tf.cast(value, average.dtype) for value in (decay, weight.value))
    average.assign(decay * average.value + (1 - decay) * weight)


def _is_averaged(weight: Any) -> bool:
    return keras.backend.is_float_dtype(weight.dtype)


def _dtype(weight: Any) -> str:
    """Name the dtype of a weight's average."""
    return "float64" if weight.dtype == "float64" else "float32"


def _average(average: MovingAverage | None, weight: Any) -> Any:
    """Give the average of a weight, or a stand-in where the model has none."""
    return average.of(weight) if average else NoVariable(weight.shape, _dtype(weight))
