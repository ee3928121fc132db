"""Layers of fused models: one layer computes several copies at once, with the same results."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import layers


def wide_layer(layer: Any, kind: Any = None, **changes: Any) -> Any:
    """Make a layer with the configuration of another layer, but without regularisers.

    Args:
        layer: A Keras layer.
        kind: The class of the new layer; None takes the class of `layer`.
        changes: Arguments of the new layer that differ.

    Returns:
        A layer that is not built yet.
    """
    config = {
        key: None if key.endswith("_regularizer") else value
        for key, value in layer.get_config().items()
        if key != "name"
    }
    if isinstance(layer, layers.Dense):
        config["kernel_initializer"] = "zeros"  # draws no random numbers
    return (kind or type(layer)).from_config({**config, **changes})


def build_layer(layer: Any, shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Create the weights of a layer.

    Args:
        layer: A layer.
        shape: The shape of the layer's inputs, with None for the batch.

    Returns:
        The shape of the layer's outputs.
    """
    # Calling the layer with a symbolic tensor would do the same, but trace a graph for it.
    layer.build(tuple(shape))
    return tuple(layer.compute_output_shape(tuple(shape)))


class BatchedDense(layers.Dense):
    """A dense layer for each copy: [batch, copies · inputs] to [batch, copies · units].

    Args:
        copies: Number of copies.
        **config: Arguments of `keras.layers.Dense`; `units` is the number of units of all copies.
    """

    def __init__(self, copies: int, **config: Any) -> None:
        super().__init__(**config)
        self._copies = copies

    def build(self, input_shape: Any) -> None:
        """Create one kernel [inputs, copies · units] for all copies."""
        super().build((None, input_shape[-1] // self._copies))
        self.input_spec = None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Multiply each copy's inputs by the copy's kernel, in one batched product."""
        x, kernel = (self._by_copy(part) for part in (inputs, self.kernel))
        y = tf.reshape(tf.transpose(tf.matmul(x, kernel), [1, 0, 2]), [-1, self.units])
        y = y if self.bias is None else y + self.bias
        return self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Give [batch, copies · units]."""
        return (*input_shape[:-1], self.units)

    def _by_copy(self, x: Any) -> Any:
        """Reshape [rows, copies · columns] to [copies, rows, columns]."""
        return tf.transpose(
            tf.reshape(x, [-1, self._copies, x.shape[-1] // self._copies]), [1, 0, 2]
        )


class SoftmaxOfEach(layers.Layer):
    """The softmax of each copy's part of the inputs.

    Args:
        copies: Number of copies.
        **config: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, copies: int, **config: Any) -> None:
        super().__init__(**config)
        self._copies = copies

    def call(self, inputs: Any) -> Any:
        """Turn logits [batch, copies · classes] into probabilities of the same shape."""
        parts = tf.reshape(inputs, [-1, self._copies, inputs.shape[-1] // self._copies])
        return tf.reshape(tf.nn.softmax(parts), tf.shape(inputs))

    def compute_output_shape(self, shape: Any) -> Any:
        """Give the shape of the inputs."""
        return shape


class Dropouts:
    """The dropout layers of all copies.

    Each copy keeps its own dropout layers, rate and seed, so its dropout mask is the same as
    without fusion.

    Args:
        parts: The dropout layers of each copy, one behind another; a copy may have none.
    """

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self._parts = parts

    def __call__(self, x: Any, *, training: bool) -> Any:
        """Drop some of `x` [batch, copies · units] in training."""
        if not training:
            return x
        dropped = []
        for part, y in zip(self._parts, tf.split(x, len(self._parts), axis=-1), strict=True):
            for layer in part:
                y = layer(y, training=True)
            dropped.append(y)
        return tf.concat(dropped, axis=-1)
