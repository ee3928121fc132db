"""Augmentation: the value that says how training images are transformed at random."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.arguments import argument_error
from zoo.errors import ArgumentError
from zoo.seeds import seed_words

if TYPE_CHECKING:  # `import zoo` does not load NumPy, so that it takes little time
    import numpy as np

ANGLES = ("rotation_range", "shear_range")
SHARES = ("width_shift_range", "height_shift_range", "zoom_range")
FILL_MODES = ("nearest", "constant", "reflect", "wrap")
METHODS = ("projective", "ImageDataGenerator")
FLIPS = ("horizontal_flip", "vertical_flip")


@dataclass(frozen=True)
class Augmentation:
    """Random transforms with the names and the distribution of Keras's `ImageDataGenerator`.

    As in Keras 3.15, `width_shift_range` moves rows and `height_shift_range` columns, and images
    turn about the point (height/2, width/2), x first. For square images and equal ranges this makes
    no difference.

    Args:
        rotation_range: Largest angle in degrees. The angle is uniform in ± this value.
        width_shift_range: Largest shift as a share of the width. The shift is uniform in ± this
            value.
        height_shift_range: Largest shift as a share of the height. The shift is uniform in ± this
            value.
        shear_range: Largest shear in degrees. The shear is uniform in ± this value.
        zoom_range: The zoom of each axis is uniform in 1 ± this value.
        horizontal_flip: Whether images are flipped left to right with probability 1/2.
        vertical_flip: Whether images are flipped top to bottom with probability 1/2.
        fill_mode: How points outside of the image are filled: `"nearest"`, `"constant"`,
            `"reflect"` or `"wrap"`.
        cval: The value of points outside of the image for `fill_mode="constant"`.
        method: `"projective"` transforms the whole batch in a single projective transform
            (`zoo.augmentation.projective`). `"ImageDataGenerator"` lets Keras transform image after
            image. The same seed gives the same images with both, except for rounding.

    Raises:
        ArgumentError: A value is out of its range.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((2, 8, 8, 1), "uint8")
        >>> Augmentation(rotation_range=45, horizontal_flip=True)(images, seed=0).shape
        (2, 8, 8, 1)
    """

    rotation_range: float = 0.0
    width_shift_range: float = 0.0
    height_shift_range: float = 0.0
    shear_range: float = 0.0
    zoom_range: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: str = "nearest"
    cval: float = 0.0
    method: str = "projective"

    def __post_init__(self) -> None:
        for name in ANGLES:
            if not 0 <= _number(getattr(self, name)) <= 180:
                raise ArgumentError(
                    f"{name} must be an angle of 0 to 180 degrees. Received: "
                    f"{getattr(self, name)!r}. Pass the largest angle: the angles are drawn from ± "
                    "this value."
                )
        for name in SHARES:
            if not 0 <= _number(getattr(self, name)) < 1:
                raise ArgumentError(
                    f"{name} must be a share of 0 or more and below 1. Received: "
                    f"{getattr(self, name)!r}. Pass 0.1 for 10 %."
                )
        for name in FLIPS:
            if getattr(self, name) not in (True, False):
                raise ArgumentError(
                    f"{name} must be True or False. Received: {getattr(self, name)!r}."
                )
            object.__setattr__(self, name, bool(getattr(self, name)))
        for name, names in (("fill_mode", FILL_MODES), ("method", METHODS)):
            if getattr(self, name) not in names:
                raise ArgumentError(
                    f"{name} must be one of {', '.join(names)}. Received: {getattr(self, name)!r}."
                )
        if not math.isfinite(_number(self.cval)):
            raise argument_error("cval", "be a finite number", self.cval, "Pass 0 for black")
        for name in (*ANGLES, *SHARES, "cval"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def __call__(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Transform each image by its own random parameters.

        Args:
            images: Pixels 0..255 [batch, height, width, channels], any dtype.
            seed: A whole number. The same seed gives the same transforms.

        Returns:
            Transformed pixels, float32 [batch, height, width, channels].
        """
        import numpy as np
        import tensorflow as tf

        from zoo.augmentation.projective import draw, parameters

        words = seed_words(seed)
        with tf.device("CPU:0"):
            if self.on_tensors:
                return self.on_tensors(tf.constant(images), words).numpy()
            drawn = parameters(self, draw(words, len(images)), *images.shape[1:3])
        values = {key: value.numpy() for key, value in drawn.items()}
        transformed = np.empty(images.shape, "float32")
        for row, image in enumerate(images):
            transforms = {key: value[row] for key, value in values.items()}
            transformed[row] = self._generator.apply_transform(image.astype("float32"), transforms)
        return transformed

    @property
    def on_tensors(self) -> Callable[[Any, Any], Any] | None:
        """The same transforms as a function of tensors, for use in a graph.

        The function takes images and the two integers of `zoo.seeds.seed_words`, and returns
        float32 images. It is None for `method="ImageDataGenerator"`, which takes arrays only.
        """
        if self.method != "projective":
            return None
        import tensorflow as tf

        from zoo.augmentation.projective import augmenter

        return lambda images, words: tf.cast(
            augmenter(self, images.dtype.name)(images, words), "float32"
        )

    @cached_property
    def _generator(self) -> Any:
        import tensorflow as tf

        return tf.keras.preprocessing.image.ImageDataGenerator(
            fill_mode=self.fill_mode, cval=self.cval, data_format="channels_last"
        )


def _number(value: Any) -> float:
    """Convert a number to float, and anything else to NaN, which is in no range."""
    return float(value) if isinstance(value, numbers.Real) else math.nan


REPORT = Augmentation(
    rotation_range=45,
    width_shift_range=0.25,
    height_shift_range=0.25,
    horizontal_flip=True,
    vertical_flip=True,
)
"""The transforms of the CO395 report on FER2013."""
