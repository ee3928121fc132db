"""Random transforms of images, as a layer."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import Augmentation
from zoo.augmentation.projective import augmenter
from zoo.errors import ArgumentError


@keras.saving.register_keras_serializable(package="zoo")
class Augment(keras.layers.Layer):
    """Transform each image by its own random parameters in training; the identity otherwise.

    As `zoo.Augmentation` does to arrays, and so with the distribution of Keras's
    `ImageDataGenerator`, in one projective transform a batch. The matrices and the interpolation
    are in `zoo.augmentation.projective`; the gradient by the images is exact.

    Args:
        augmentation: A `zoo.Augmentation`, or its fields by name.
        seed: A whole number of 0 or more, for repeatable transforms; None takes Keras's own.

    Raises:
        ArgumentError: Fields out of their range, or `method="ImageDataGenerator"`, which is not
            TensorFlow.

    Input: pixels [batch, height, width, channels], integers or floats. Output: the same shape,
    in the layer's compute dtype; float64 is computed in float64, all else in float32.

    Example:
        >>> import numpy as np
        >>> layer = Augment({"rotation_range": 45, "horizontal_flip": True}, seed=0)
        >>> images = np.zeros((2, 8, 8, 1), "uint8")
        >>> layer(images, training=True).shape, layer.augmentation.rotation_range
        (TensorShape([2, 8, 8, 1]), 45.0)
    """

    def __init__(
        self,
        augmentation: Augmentation | Mapping[str, Any],
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Pixels would lose digits in half precision before they are interpolated.
        super().__init__(autocast=False, **kwargs)
        if isinstance(augmentation, Mapping):
            fields = dict(augmentation)
            try:
                augmentation = Augmentation(**fields)
            except TypeError as error:
                raise ArgumentError(
                    "augmentation is a zoo.Augmentation or its fields by name. "
                    f"Received: {fields} ({error})"
                ) from error
        if not isinstance(augmentation, Augmentation) or augmentation.method != "projective":
            raise ArgumentError(
                'augmentation is a zoo.Augmentation with method="projective", or its fields by '
                f"name. Received: {augmentation!r}"
            )
        self.augmentation = augmentation
        self.seed = None if seed is None else whole_number("seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Transform [batch, height, width, channels] in training."""
        if not training:
            return ops.cast(inputs, self.compute_dtype)
        images = ops.cast(inputs, "float64") if self.compute_dtype == "float64" else inputs
        images = tf.convert_to_tensor(images)
        seed = tf.cast(self.seed_generator.next(), "int64")
        transformed = augmenter(self.augmentation, images.dtype.name)(images, seed)
        return ops.cast(tf.ensure_shape(transformed, images.shape), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values."""
        return {
            **super().get_config(),
            "augmentation": asdict(self.augmentation),
            "seed": self.seed,
        }
