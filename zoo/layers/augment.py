"""Random transforms of images, as a layer."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import Augmentation
from zoo.augmentation.graphs import augmenter
from zoo.errors import ArgumentError
from zoo.layers.registration import register_layer


@register_layer(
    (7, 7, 2), augmentation={"rotation_range": 45, "zoom_range": 0.3, "horizontal_flip": True}
)
class Augment(keras.layers.Layer):
    """Transform each image at random in training, and return images unchanged in inference.

    The layer does to tensors what `zoo.Augmentation` does to arrays: each image gets its own
    parameters, with the distribution of Keras's `ImageDataGenerator`, in one projective transform
    for the whole batch. `zoo.augmentation.projective` holds the matrices and the interpolation. The
    gradient with respect to the images is exact. Mixup and CutMix, which also change the targets,
    are transforms of a `zoo.Recipe` only.

    Args:
        augmentation: A `zoo.Augmentation`, or its fields by name.
        seed: A whole number of 0 or more for repeatable transforms. None takes a seed from Keras.

    Raises:
        ArgumentError: A field is out of its range, images would be mixed, or the method is
            `"ImageDataGenerator"`, which does not run in TensorFlow.

    Input: pixels [batch, height, width, channels], integers or floats. Output: the same shape,
    in the layer's compute dtype. The transform is computed in float64 for float64, and in float32
    for all other dtypes.

    Example:
        >>> import numpy as np
        >>> layer = Augment({"rotation_range": 45, "horizontal_flip": True}, seed=0)
        >>> images = np.zeros((2, 8, 8, 1), "uint8")
        >>> layer(images, training=True).shape, layer.augmentation.rotation_range
        (TensorShape([2, 8, 8, 1]), 45.0)
    """

    def __init__(
        self, augmentation: Augmentation | Mapping[str, Any], seed: int | None = None, **kwargs: Any
    ) -> None:
        # No cast of the inputs: pixels would lose digits in half precision.
        super().__init__(autocast=False, **kwargs)
        if isinstance(augmentation, Mapping):
            fields = dict(augmentation)
            try:
                augmentation = Augmentation(**fields)
            except TypeError as error:
                raise ArgumentError(
                    "augmentation must be a zoo.Augmentation or its fields by name. "
                    f"Received: {fields} ({error}). The fields are those of zoo.Augmentation."
                ) from error
        if not isinstance(augmentation, Augmentation) or augmentation.method != "projective":
            raise ArgumentError(
                'augmentation must be a zoo.Augmentation with method="projective", or its fields '
                f"by name. Received: {augmentation!r}. Other methods work on arrays: pass such an "
                "augmentation to the recipe."
            )
        augmentation.check_unmixed("a layer, which has no targets")
        self.augmentation = augmentation
        self.seed = None if seed is None else whole_number("seed", seed, 0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Transform images [batch, height, width, channels] in training."""
        if not training:
            return ops.cast(inputs, self.compute_dtype)
        images = ops.cast(inputs, "float64") if self.compute_dtype == "float64" else inputs
        images = tf.convert_to_tensor(images)
        seed = tf.cast(self.seed_generator.next(), "int64")
        transformed = augmenter(self.augmentation, images.dtype.name)(images, seed)
        return ops.cast(tf.ensure_shape(transformed, images.shape), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give the shape of the output, which is the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Give the arguments of the constructor as plain values."""
        return {
            **super().get_config(),
            "augmentation": asdict(self.augmentation),
            "seed": self.seed,
        }
