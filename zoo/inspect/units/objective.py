"""What is maximised for a unit: its activation, or a logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.inspect.networks.running import layer_calls
from zoo.inspect.units.unit_outputs import RECTIFIERS, UnitOutputs, find_call, has_units, run_units


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
            The mean over the positions of the input z of each unit's activation function, [n]. For
            a rectifier, z counts a hundredth at positions where it is below 0: the positions where
            the unit is active decide, and there is a gradient where it is active nowhere.
        """
        outputs = self._outputs(images)
        z = _of_units(outputs.before, units)
        if outputs.activation in RECTIFIERS:
            z = tf.nn.leaky_relu(z, alpha=0.01)
        return tf.reduce_mean(z, axis=1)

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
        values = _of_units(self._outputs(images).after, units)
        return tf.reduce_mean(values, axis=1), tf.reduce_all(values == 0, axis=1)

    def _outputs(self, images: Any) -> UnitOutputs:
        """Run the model. The outputs of the last layer are logits, without activation function."""
        names = [] if self.layer is None else [self.layer]
        run, found = run_units(self._model, images, names, self._calls)
        if self.layer is None:
            outputs = UnitOutputs(run.logits, run.logits, "linear")
        else:
            outputs = found[self.layer]
            if outputs.activation in ("softmax", "log_softmax") or [self.name] == self._last:
                outputs = UnitOutputs(outputs.before, outputs.before, "linear")
        self.count = int(outputs.before.shape[-1])
        return outputs


def _of_units(tensor: Any, units: Any) -> Any:
    """Take from each row [..., units] the values of the row's own unit, as [n, positions]."""
    tensor = tf.cast(tensor, tf.float32)
    tensor = tf.reshape(tensor, [tf.shape(tensor)[0], -1, tensor.shape[-1]])
    return tf.gather(tensor, units, axis=2, batch_dims=1)
