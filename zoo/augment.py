"""Random transforms of training images."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError

if TYPE_CHECKING:  # importing zoo stays quick without NumPy
    import numpy as np

FILL_MODES = ("nearest", "constant", "reflect", "wrap")


@dataclass(frozen=True)
class Augmentation:
    """Random transforms with the names and the distribution of Keras's `ImageDataGenerator`.

    Like there (Keras 3.15), `width_shift_range` moves rows and `height_shift_range` columns; it
    makes no difference where both are the same and images are square.

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

    def __post_init__(self) -> None:
        for name in ("rotation_range", "shear_range"):
            if not 0 <= _number(getattr(self, name)) <= 180:
                raise ArgumentError(
                    f"{name} is an angle of 0 to 180 degrees. Received: {getattr(self, name)!r}"
                )
        for name in ("width_shift_range", "height_shift_range", "zoom_range"):
            if not 0 <= _number(getattr(self, name)) < 1:
                raise ArgumentError(
                    f"{name} is a share from 0 to below 1. Received: {getattr(self, name)!r}"
                )
        if self.fill_mode not in FILL_MODES:
            raise ArgumentError(
                f"fill_mode is one of {', '.join(FILL_MODES)}. Received: {self.fill_mode!r}"
            )

    def __call__(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Transform each image by its own random parameters, with `ImageDataGenerator`.

        Args:
            images: Pixels 0..255 [batch, height, width, channels], any dtype.
            seed: The same seed gives the same transforms.

        Returns:
            Transformed pixels, float32 [batch, height, width, channels].
        """
        import numpy as np

        transformed = np.empty(images.shape, "float32")
        rng = np.random.default_rng(seed)
        parameters = self._draw(rng, *images.shape[:3])
        for row, (image, drawn) in enumerate(zip(images, parameters, strict=True)):
            transformed[row] = self._generator.apply_transform(image.astype("float32"), drawn)
        return transformed

    def _draw(
        self, rng: np.random.Generator, count: int, height: int, width: int
    ) -> Iterator[dict[str, Any]]:
        """Parameters for `apply_transform`, without touching NumPy's global random state."""

        def uniform(span: float, *shape: int) -> np.ndarray:
            return rng.uniform(-span, span, (count, *shape))

        theta = uniform(self.rotation_range)
        tx = uniform(self.height_shift_range) * height
        ty = uniform(self.width_shift_range) * width
        shear = uniform(self.shear_range)
        zoom = 1 + uniform(self.zoom_range, 2)
        flips = (rng.random((count, 2)) < 0.5) & [self.horizontal_flip, self.vertical_flip]
        for i in range(count):
            yield {
                "theta": theta[i],
                "tx": tx[i],
                "ty": ty[i],
                "shear": shear[i],
                "zx": zoom[i, 0],
                "zy": zoom[i, 1],
                "flip_horizontal": flips[i, 0],
                "flip_vertical": flips[i, 1],
            }

    @cached_property
    def _generator(self) -> Any:
        import tensorflow as tf

        return tf.keras.preprocessing.image.ImageDataGenerator(
            fill_mode=self.fill_mode, cval=self.cval, data_format="channels_last"
        )


def _number(value: Any) -> float:
    """A number as it is; for anything else NaN, which is in no range."""
    return float(value) if isinstance(value, numbers.Real) else math.nan
