"""Layers of fused models: a wide layer computes the layers of several copies at once.

The copies are stacked: a wide layer takes inputs [copies, batch, units], and its weights have a
first axis for the copies. The layers of a model without copies take inputs [batch, units] and have
weights as in Keras. In both cases the results are those of the models' own layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo.training.fusion.paired_variables import NoVariable, Pair, wide_variable

Read = Callable[[Any, Any], Any]
"""From a variable of the fused models and a dtype to its value in this dtype."""


def shared_layer(layer: Any) -> Any:
    """Make a layer without weights that computes the same as another layer.

    Args:
        layer: A Keras layer without weights, of a kind that works for any number of copies.
    """
    config = {key: value for key, value in layer.get_config().items() if key != "name"}
    return type(layer).from_config(config)


def wide_layer(layer: Any, copies: int) -> "WideLayer":
    """Make the layer that computes several copies of a layer.

    Args:
        layer: The layer of one copy: any layer that may stand behind the first dense layer, but
            not dropout, for which there is `Dropouts`.
        copies: The number of copies.
    """
    kinds = {layers.Dense: Dense, layers.BatchNormalization: BatchNormalization}
    return kinds.get(type(layer), WideLayer)(layer, copies)


class WideLayer:
    """A layer of several copies. This class is for layers without weights.

    Args:
        layer: The layer of one copy.
        copies: The number of copies.

    Attributes:
        weights: The weights of all copies, in the order of the layer's own weights.
    """

    def __init__(self, layer: Any, copies: int) -> None:
        self.is_stacked = copies > 1
        front = [copies] if self.is_stacked else []
        self.weights = [wide_variable(part, [*front, *part.shape]) for part in layer.weights]
        self._take(layer)

    def __call__(self, x: Any, *, training: bool, read: Read) -> Any:
        """Compute the layer.

        Args:
            x: [copies, batch, units], or [batch, units] of a single model.
            training: Whether in training mode or in inference mode.
            read: Gives the value of a weight.
        """
        return self._layer(x)

    def pairs(self, parts: Sequence[Any], owners: Sequence[int]) -> list[Pair]:
        """Pair the weights with those of the copies.

        Args:
            parts: The layer of each copy.
            owners: The number of the model that each copy is.
        """
        own = zip(*(part.weights for part in parts), strict=True)
        return [
            Pair(wide, weights, owners) for wide, weights in zip(self.weights, own, strict=True)
        ]

    def _take(self, layer: Any) -> None:
        """Take the settings of the layer that are the same for all copies."""
        # Units of the first dense layer are flat already, and so are those of all layers behind.
        flat = isinstance(layer, layers.Flatten)
        self._layer: Any = tf.identity if flat else shared_layer(layer)

    def _of_units(self, weight: Any) -> Any:
        """Give a weight [copies, units] a shape that broadcasts to [copies, batch, units]."""
        return weight[:, None] if self.is_stacked else weight


class Dense(WideLayer):
    """Dense layers of several copies, as one batched product."""

    def __call__(self, x: Any, *, training: bool, read: Read) -> Any:
        """Compute the layer; see `WideLayer`."""
        kernel, *biases = (read(weight, self._dtype) for weight in self.weights)
        y = tf.matmul(tf.cast(x, self._dtype), kernel)
        for bias in biases:
            y = y + self._of_units(bias) if self.is_stacked else tf.nn.bias_add(y, bias)
        return self._activation(y)

    def _take(self, layer: Any) -> None:
        self._dtype, self._activation = layer.compute_dtype, layer.activation


class BatchNormalization(WideLayer):
    """Batch normalisation of several copies, each by its own statistics."""

    def __call__(self, x: Any, *, training: bool, read: Read) -> Any:
        """Compute the layer; see `WideLayer`."""
        dtype = keras.backend.result_type(x.dtype, "float32")
        x = tf.cast(x, dtype)
        weights = [self._of_units(read(weight, dtype)) for weight in self.weights]
        scale = weights.pop(0) if self._scale else None
        offset = weights.pop(0) if self._center else None
        mean, variance = weights
        if training:
            moments = tf.nn.moments(x, axes=[-2], keepdims=True)
            for moving, old, new in zip(self.weights[-2:], weights, moments, strict=True):
                mixed = old * self._momentum + new * (1.0 - self._momentum)
                moving.assign(tf.reshape(mixed, moving.shape))
            mean, variance = moments
        y = tf.nn.batch_normalization(x, mean, variance, offset, scale, self._epsilon)
        return tf.cast(y, self._dtype)

    def _take(self, layer: Any) -> None:
        self._dtype, self._momentum, self._epsilon = (
            layer.compute_dtype, layer.momentum, layer.epsilon
        )  # fmt: skip
        self._scale, self._center = layer.scale, layer.center


class Dropouts:
    """The dropout layers of several copies, with a rate and a seed for each copy.

    The seeds and the drawn numbers of a copy are those of its own layer, so its dropout mask is the
    same as without fusion.

    Args:
        layer: A dropout layer of one copy, with a rate above 0.
        copies: The number of copies.
    """

    def __init__(self, layer: Any, copies: int) -> None:
        self._copies = copies
        self._dtype = layer.compute_dtype
        self._rates, self._scales = (
            tf.Variable(np.zeros(copies), dtype="float64", trainable=False) for _ in range(2)
        )
        # As in Keras, a seed is a number that stays, and the number of the draw.
        state = layer.seed_generator.state
        self._seeds = wide_variable(state, [copies, 2])
        self._draws = tf.Variable(np.zeros([copies, 2]), dtype=state.dtype, trainable=False)

    def __call__(self, x: Any, *, training: bool, read: Read) -> Any:
        """Drop some of `x` [copies, batch, units], or [batch, units] of a single copy, in training.

        The same operations as in `tf.nn.experimental.stateless_dropout`.
        """
        if not training:
            return x
        x = tf.cast(x, self._dtype)
        seeds = tf.convert_to_tensor(self._seeds.value)
        self._seeds.assign(seeds + self._draws)
        # As in Keras: `tf.random` takes seeds of 32 bits.
        small = tf.cast(tf.math.floormod(seeds, tf.int32.max - 1), "int32")
        shape = tf.shape(x)[-2:]
        numbers = [
            tf.random.stateless_uniform(shape, seed, dtype=x.dtype, alg=None)
            for seed in tf.unstack(small)
        ]
        drawn = tf.stack(numbers) if self._copies > 1 else numbers[0]
        rates, scales = (self._of_copies(each, x.dtype) for each in (self._rates, self._scales))
        return tf.where(drawn >= rates, x * scales, tf.zeros([], x.dtype))

    def pairs(self, parts: Sequence[Any], owners: Sequence[int]) -> list[Pair]:
        """Take the rates of the copies, and pair the seeds with those of the copies.

        Args:
            parts: The dropout layer of each copy; None for a copy without dropout.
            owners: The number of the model that each copy is.
        """
        rates = np.array([part.rate if part else 0.0 for part in parts], "float64")
        draws = (rates > 0) & (rates < 1)
        self._rates.assign(rates)
        # With a rate of 1 nothing is left that could be scaled.
        self._scales.assign(1 / np.where(rates < 1, 1 - rates, np.inf))
        self._draws.assign(np.stack([np.zeros(len(parts)), draws], axis=-1))
        seeds = [
            part.seed_generator.state if part else NoVariable([2], self._seeds.dtype)
            for part in parts
        ]
        return [Pair(self._seeds, seeds, owners)]

    def _of_copies(self, numbers: Any, dtype: Any) -> Any:
        shape = [-1, 1, 1] if self._copies > 1 else []
        return tf.cast(tf.reshape(numbers, shape), dtype)
