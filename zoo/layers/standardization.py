"""Layers that bring images to mean 0 and standard deviation 1, alone or by the training images."""

import math
from typing import Any

import keras
from keras import ops

from zoo.errors import ArgumentError
from zoo.layers.registration import register_layer


@register_layer((7, 7, 2))
class PerImageStandardization(keras.layers.Layer):
    """Bring each image to mean 0 and standard deviation 1.

    `y = (x - mean(x)) / max(std(x), 1 / sqrt(N))` over the N numbers of an image, as in
    `tf.image.per_image_standardization`. The second term is for images of a single colour, whose
    standard deviation is 0.

    Input and output: [batch, height, width, channels], floats.

    Example:
        >>> layer = PerImageStandardization()
        >>> float(ops.std(layer(keras.random.uniform((1, 8, 8, 1), seed=0))).numpy().round(3))
        1.0
    """

    def call(self, inputs: Any) -> Any:
        """Standardise images [batch, height, width, channels]."""
        axes = (1, 2, 3)
        mean = ops.mean(inputs, axis=axes, keepdims=True)
        deviation = ops.std(inputs, axis=axes, keepdims=True)
        count = math.prod(inputs.shape[1:])
        return (inputs - mean) / ops.maximum(deviation, 1 / math.sqrt(count))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape of the output, which is the shape of the input."""
        return input_shape


@register_layer((7, 7, 2))
class MeanImageStandardization(keras.layers.Layer):
    """Subtract the mean of the training images from each image, and divide by their deviation.

    `y = (x - m) / s` with the mean image m and the standard deviation s of all numbers of all
    training images around m. The deviation is a single number and not an image, since a pixel that
    is the same in all training images has the deviation 0.

    Both are weights that no optimiser changes and that are saved with the model. Before
    `set_statistics` is called, m is 0 and s is 1. The training of Zoo calls it once, with the
    training images.

    Input and output: [batch, height, width, channels], floats.

    Example:
        >>> layer = MeanImageStandardization()
        >>> _ = layer.build((None, 2, 2, 1))
        >>> layer.set_statistics(ops.full((2, 2, 1), 0.5), 0.25)
        >>> layer(ops.ones((1, 2, 2, 1))).numpy().ravel().tolist()
        [2.0, 2.0, 2.0, 2.0]
    """

    def build(self, input_shape: Any) -> None:
        """Create the weights for the mean image and the deviation."""
        self.mean_image = self.add_weight(
            shape=input_shape[1:], initializer="zeros", trainable=False, name="mean_image"
        )
        self.deviation = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="deviation"
        )
        # 1 once the statistics are set, else 0. It is a weight so that a saved model holds it.
        self.learned = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="learned"
        )

    def call(self, inputs: Any) -> Any:
        """Standardise images [batch, height, width, channels]."""
        return (inputs - self.mean_image) / ops.cast(self.deviation, inputs.dtype)

    def set_statistics(self, mean_image: Any, deviation: float) -> None:
        """Set the mean image and the standard deviation.

        Args:
            mean_image: The image that is subtracted, [height, width, channels].
            deviation: The number above 0 that the images are divided by.

        Raises:
            ArgumentError: `deviation` is not above 0.
        """
        if not deviation > 0:
            raise ArgumentError(
                f"deviation must be above 0. Received: {deviation!r}. Images of a single "
                "colour, the same in all of them, have no deviation to divide by."
            )
        self.mean_image.assign(mean_image)
        self.deviation.assign(deviation)
        self.learned.assign(1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape of the output, which is the shape of the input."""
        return input_shape
