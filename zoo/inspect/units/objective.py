"""What is maximised for a unit: the input of its activation function, or a logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.inspect.networks.running import layer_calls
from zoo.inspect.units.unit_outputs import find_call, has_units, run_units


class UnitObjective:
    """The units of a layer of a model, and how active each unit is on an image of its own.

    Args:
        model: A built `keras.Model`.
        layer: The name of a layer, or the layer. None: the logits, a unit for each class.
        image_shape: (height, width, channels) of the images.

    Attributes:
        layer: The path of the layer; None for the logits.
        name: The path of the layer, or "logits".
        count: The number of units.

    Raises:
        ArgumentError: The layer does not exist.
    """

    def __init__(self, model: Any, layer: Any, image_shape: tuple[int, int, int]) -> None:
        self._model = model
        self._calls = layer_calls(model, image_shape)
        self.layer = None if layer is None else find_call(model, layer, self._calls).name
        self._last = [call.name for call in self._calls if has_units(call.layer)][-1:]
        self.name = self.layer or "logits"
        self.count = 0
        self._measure = tf.function(
            self._activations,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, *image_shape], "float32"),
                tf.TensorSpec([None], "int32"),
            ],
        )
        self._measure.get_concrete_function()  # finds the number of units

    def score(self, images: Any, units: Any) -> Any:
        """Compute what is maximised, inside a `tf.function`.

        Args:
            images: float32 [n, height, width, channels].
            units: The unit of each image, int32 [n].

        Returns:
            The mean over the positions of the input of each unit's activation function, [n].
        """
        before, _ = self._outputs(images)
        return tf.reduce_mean(_of_units(before, units), axis=1)

    def activations(
        self, images: np.ndarray, units: Sequence[int], batch_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Measure how active each unit is on its image.

        Args:
            images: float32 [n, height, width, channels].
            units: The unit of each image.
            batch_size: The number of images at a time.

        Returns:
            The mean over the positions of each unit's activation, float32 [n]; and whether the
            activation is 0 at every position, bool [n].
        """
        wanted = np.array(units, "int32")
        parts = [
            self._measure(images[k : k + batch_size], wanted[k : k + batch_size])
            for k in range(0, len(images), batch_size)
        ]
        means, silent = (np.concatenate([part[k].numpy() for part in parts]) for k in (0, 1))
        return means, silent

    def _activations(self, images: Any, units: Any) -> tuple[Any, Any]:
        _, after = self._outputs(images)
        values = _of_units(after, units)
        return tf.reduce_mean(values, axis=1), tf.reduce_all(values == 0, axis=1)

    def _outputs(self, images: Any) -> tuple[Any, Any]:
        """Give the inputs and the outputs of the activation function; logits for both."""
        names = [] if self.layer is None else [self.layer]
        run, found = run_units(self._model, images, names, self._calls)
        if self.layer is None:
            before = after = run.logits
        else:
            before, after, activation = found[self.layer]
            is_last = [self.name] == self._last
            if activation in ("softmax", "log_softmax") or is_last:
                after = before
        self.count = int(before.shape[-1])
        return before, after


def _of_units(tensor: Any, units: Any) -> Any:
    """Take from each row [..., units] the values of the row's own unit, as [n, positions]."""
    tensor = tf.cast(tensor, tf.float32)
    tensor = tf.reshape(tensor, [tf.shape(tensor)[0], -1, tensor.shape[-1]])
    return tf.gather(tensor, units, axis=2, batch_dims=1)
