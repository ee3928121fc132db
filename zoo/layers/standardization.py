"""Layers that bring images to mean 0 and standard deviation 1: each by itself, or all by one."""

import math
from typing import Any

import keras
from keras import ops

from zoo.errors import ArgumentError


@keras.saving.register_keras_serializable(package="zoo")
class PerImageStandardization(keras.layers.Layer):
    """Bring each image to mean 0 and standard deviation 1.

    `y = (x - mean(x)) / max(std(x), 1 / sqrt(N))` over the N numbers of an image, as
    `tf.image.per_image_standardization` has it; the second term is for images of one colour.

    Input and output: [batch, height, width, channels], floats.

    Example:
        >>> layer = PerImageStandardization()
        >>> float(ops.std(layer(keras.random.uniform((1, 8, 8, 1), seed=0))).numpy().round(3))
        1.0
    """

    def call(self, inputs: Any) -> Any:
        """Standardise [batch, height, width, channels]."""
        axes = (1, 2, 3)
        mean = ops.mean(inputs, axis=axes, keepdims=True)
        deviation = ops.std(inputs, axis=axes, keepdims=True)
        count = math.prod(inputs.shape[1:])
        return (inputs - mean) / ops.maximum(deviation, 1 / math.sqrt(count))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable(package="zoo")
class MeanImageStandardization(keras.layers.Layer):
    """Take the mean image of the training images from each, and divide by one number.

    `y = (x - m) / s` with the mean image m and the standard deviation s of all numbers of all
    training images around m. It is one number and not one for each pixel, since pixels that are
    the same in all training images would be divided by nothing.

    Both are weights that no optimiser changes, saved with the model; until `set_statistics` is
    called, m is 0 and s is 1. Zoo's training does so, once, with the training images.

    Input and output: [batch, height, width, channels], floats.

    Example:
        >>> layer = MeanImageStandardization()
        >>> _ = layer.build((None, 2, 2, 1))
        >>> layer.set_statistics(ops.full((2, 2, 1), 0.5), 0.25)
        >>> layer(ops.ones((1, 2, 2, 1))).numpy().ravel().tolist()
        [2.0, 2.0, 2.0, 2.0]
    """

    def build(self, input_shape: Any) -> None:
        """Make room for the mean image."""
        self.mean_image = self.add_weight(
            shape=input_shape[1:], initializer="zeros", trainable=False, name="mean_image"
        )
        self.deviation = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="deviation"
        )
        # Of 0 or 1, and a weight so that it is saved as well.
        self.learned = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="learned"
        )

    def call(self, inputs: Any) -> Any:
        """Standardise [batch, height, width, channels]."""
        return (inputs - self.mean_image) / ops.cast(self.deviation, inputs.dtype)

    def set_statistics(self, mean_image: Any, deviation: float) -> None:
        """Set what is taken from the images, and what they are divided by.

        Args:
            mean_image: [height, width, channels].
            deviation: Above 0.

        Raises:
            ArgumentError: It is not above 0.
        """
        if not deviation > 0:
            raise ArgumentError(
                "Images of one colour, the same in all, have no deviation to divide by. "
                f"Received: {deviation!r}"
            )
        self.mean_image.assign(mean_image)
        self.deviation.assign(deviation)
        self.learned.assign(1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape
