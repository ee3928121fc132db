"""Random transforms of training images."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError
from zoo.seeds import seed_words

if TYPE_CHECKING:  # importing zoo stays quick without NumPy
    import numpy as np

ANGLES = ("rotation_range", "shear_range")
SHARES = ("width_shift_range", "height_shift_range", "zoom_range")
FILL_MODES = ("nearest", "constant", "reflect", "wrap")
METHODS = ("projective", "ImageDataGenerator")


@dataclass(frozen=True)
class Augmentation:
    """Random transforms with the names and the distribution of Keras's `ImageDataGenerator`.

    Like there (Keras 3.15), `width_shift_range` moves rows and `height_shift_range` columns, and
    images turn about the point (height/2, width/2), x first; it makes no difference where both
    ranges are the same and images are square.

    Args:
        rotation_range: Degrees; the angle is uniform in ± this.
        width_shift_range: Share of the width; the shift is uniform in ± this.
        height_shift_range: Share of the height; the shift is uniform in ± this.
        shear_range: Degrees; the shear is uniform in ± this.
        zoom_range: The zoom of each axis is uniform in 1 ± this.
        horizontal_flip: Whether every second image is flipped left to right.
        vertical_flip: Whether every second image is flipped top to bottom.
        fill_mode: What fills the points outside: `"nearest"`, `"constant"`, `"reflect"`, `"wrap"`.
        cval: The value outside with `fill_mode="constant"`.
        method: How it is done: `"projective"`, in one projective transform a batch
            (`zoo.augmentation.projective`), or `"ImageDataGenerator"`, by Keras's image after
            image. The same seed gives the same images by both, to rounding.

    Raises:
        ArgumentError: A value out of its range.

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
                    f"{name} is an angle of 0 to 180 degrees. Received: {getattr(self, name)!r}"
                )
        for name in SHARES:
            if not 0 <= _number(getattr(self, name)) < 1:
                raise ArgumentError(
                    f"{name} is a share from 0 to below 1. Received: {getattr(self, name)!r}"
                )
        for name in ("horizontal_flip", "vertical_flip"):
            if getattr(self, name) not in (True, False):
                raise ArgumentError(f"{name} is True or False. Received: {getattr(self, name)!r}")
            object.__setattr__(self, name, bool(getattr(self, name)))
        for name, names in (("fill_mode", FILL_MODES), ("method", METHODS)):
            if getattr(self, name) not in names:
                raise ArgumentError(
                    f"{name} is one of {', '.join(names)}. Received: {getattr(self, name)!r}"
                )
        if not math.isfinite(_number(self.cval)):
            raise ArgumentError(f"cval is a finite number. Received: {self.cval!r}")
        for name in (*ANGLES, *SHARES, "cval"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def __call__(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Transform each image by its own random parameters.

        Args:
            images: Pixels 0..255 [batch, height, width, channels], any dtype.
            seed: The same seed gives the same transforms.

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
            one = {key: value[row] for key, value in values.items()}
            transformed[row] = self._generator.apply_transform(image.astype("float32"), one)
        return transformed

    @property
    def on_tensors(self) -> Callable[[Any, Any], Any] | None:
        """The same on tensors, for use in a graph: from images and `seed_words` to float32 images.

        None for `method="ImageDataGenerator"`, which has only arrays.
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
    """A number as it is; for anything else NaN, which is in no range."""
    return float(value) if isinstance(value, numbers.Real) else math.nan


REPORT = Augmentation(
    rotation_range=45,
    width_shift_range=0.25,
    height_shift_range=0.25,
    horizontal_flip=True,
    vertical_flip=True,
)
"""The transforms of the CO395 report on FER2013."""
