"""Augmentation: the value that says how training images are transformed at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.arguments import (
    argument_error,
    check_choice,
    is_real,
    real_number,
    true_or_false,
    whole_number,
)
from zoo.augmentation.ranges import ANGLES, FLIPS, SHARES
from zoo.errors import ArgumentError
from zoo.seeds import seed_words

if TYPE_CHECKING:  # `import zoo` does not load NumPy, so that it takes little time
    import numpy as np

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
METHODS = ("projective", "ImageDataGenerator")
MIXING = ("mixup", "cutmix")
OF_TENSORS = (
    *MIXING,
    *("random_erasing", "crop_padding", "brightness_range", "contrast_range"),
)
"""The transforms that `method="ImageDataGenerator"` does not have."""

ALPHAS = (0.01, 100.0)
"""The smallest and the largest α of a Beta distribution."""
MOST_PADDING = 1000
"""The largest `crop_padding`, in pixels: more would move all images of usual sizes out of sight."""


@dataclass(frozen=True)
class Augmentation:
    """Random transforms of training images.

    The transforms apply in this order: a projective transform with the names and the distribution
    of Keras's `ImageDataGenerator`, together with the crop; contrast and brightness; erasing; and
    last mixup or CutMix, which mix the images of a batch with each other. Only these two change the
    targets: a mixed image has shares of two classes as its target, and the label is the class of
    the larger share. So the accuracy on training images is the share of mixed images for which the
    most probable class is the class of the larger share: it is lower than without mixing, and often
    lower than on validation images, which are never mixed.

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
            image. The same seed gives the same images with both, except for rounding. Keras has
            none of the transforms below.
        mixup: Each image is mixed with another image of its batch, pixel by pixel, in the shares λ
            and 1 − λ, with λ from Beta(α, α); this value is α, from 0.01 to 100 (Zhang et al.,
            2018, with α = 1 on CIFAR-10). Each image has a λ of its own. 0 mixes no images.
        cutmix: A rectangle of each image comes from another image of its batch. The rectangle has
            the share 1 − λ of the area, with λ from Beta(α, α); this value is α, from 0.01 to 100
            (Yun et al., 2019, with α = 1). With mixup too, each batch takes one of the two at
            random, each with probability 1/2. 0 cuts no rectangles.
        random_erasing: The probability that a rectangle of an image gets random pixels (Zhong et
            al., 2020, with 0.5). The rectangle has 2 to 40 % of the area, and is at most 10/3 times
            as long as wide, except for rounding.
        crop_padding: Images get this number of pixels on each side, filled as `fill_mode` says, and
            are cropped to their size at a random place. So they are shifted by whole pixels, up to
            this number in each direction (He et al., 2016, with 4 and `fill_mode="constant"`).
        brightness_range: All pixels of an image change by the same value, uniform in ± this share
            of 255. Results below 0 and above 255 are set to these limits.
        contrast_range: The differences of the pixels from the mean of their image and channel are
            multiplied by a factor, uniform in 1 ± this value, with the same limits.

    Raises:
        ArgumentError: A value is out of its range.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((2, 8, 8, 1), "uint8")
        >>> Augmentation(rotation_range=45, horizontal_flip=True)(images, seed=0).shape
        (2, 8, 8, 1)
        >>> shares = np.eye(2, dtype="float32")  # the first image is a cat, the second a dog
        >>> mixed, mixed_shares = Augmentation(cutmix=1.0).mix(images, shares, seed=0)
        >>> mixed_shares.sum(axis=1).tolist()
        [1.0, 1.0]
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
    mixup: float = 0.0
    cutmix: float = 0.0
    random_erasing: float = 0.0
    crop_padding: int = 0
    brightness_range: float = 0.0
    contrast_range: float = 0.0

    def __post_init__(self) -> None:
        self._check_transforms()
        self._check_transforms_of_tensors()

    def _check_transforms(self) -> None:
        """Check the transforms that Keras's `ImageDataGenerator` has too."""
        for name in ANGLES:
            if not 0 <= _number(getattr(self, name)) <= 180:
                raise ArgumentError(
                    f"{name} must be an angle of 0 to 180 degrees. Received: "
                    f"{getattr(self, name)!r}. Pass the largest angle: the angles are drawn from ± "
                    "this value."
                )
        for name in (*SHARES, "brightness_range", "contrast_range"):
            if not 0 <= _number(getattr(self, name)) < 1:
                raise ArgumentError(
                    f"{name} must be a share of 0 or more and below 1. Received: "
                    f"{getattr(self, name)!r}. Pass 0.1 for 10 %."
                )
        for name in FLIPS:
            object.__setattr__(self, name, true_or_false(name, getattr(self, name)))
        for name, names in (("fill_mode", FILL_MODES), ("method", METHODS)):
            remedy = f'Leave {name} out for "{names[0]}"'
            check_choice(name, getattr(self, name), names, remedy)
        if not math.isfinite(_number(self.cval)):
            raise argument_error("cval", "be a finite number", self.cval, "Pass 0 for black")
        for name in (*ANGLES, *SHARES, "cval", "brightness_range", "contrast_range"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def _check_transforms_of_tensors(self) -> None:
        """Check the other transforms, which Keras does not have."""
        for name in MIXING:
            value = _number(getattr(self, name))
            if value and not ALPHAS[0] <= value <= ALPHAS[1]:
                raise ArgumentError(
                    f"{name} must be 0, or the α of a Beta distribution, from {ALPHAS[0]:g} to "
                    f"{ALPHAS[1]:g}. Received: {getattr(self, name)!r}. Pass 1 for shares that are "
                    "uniform from 0 to 1, or 0 to mix no images."
                )
            object.__setattr__(self, name, value)
        probability = real_number(
            "random_erasing (a probability)", self.random_erasing, least=0, most=1, example=0.25
        )
        object.__setattr__(self, "random_erasing", probability)
        padding = whole_number("crop_padding (pixels)", self.crop_padding, 0, MOST_PADDING)
        object.__setattr__(self, "crop_padding", padding)
        others = [name for name in OF_TENSORS if getattr(self, name)]
        if others and self.method != "projective":
            raise ArgumentError(
                f"{' and '.join(others)} must be 0 with method={self.method!r}, which does not "
                f"have {'this transform' if len(others) == 1 else 'these transforms'}. Received: "
                f"{', '.join(f'{name}={getattr(self, name)}' for name in others)}. Leave out "
                "method=, or these values."
            )

    @property
    def mixes(self) -> bool:
        """Whether images of a batch are mixed with each other, by mixup or CutMix."""
        return bool(self.mixup or self.cutmix)

    @property
    def changes_images(self) -> bool:
        """Whether an image can come out changed.

        Example:
            >>> Augmentation().changes_images, Augmentation(zoom_range=0.1).changes_images
            (False, True)
        """
        kept = {name: getattr(self, name) for name in ("fill_mode", "cval", "method")}
        return self != Augmentation(**kept)

    def without_mixing(self) -> Augmentation:
        """Give the same transforms without mixup and CutMix.

        Example:
            >>> Augmentation(rotation_range=5, cutmix=1).without_mixing().mixes
            False
        """
        return replace(self, mixup=0.0, cutmix=0.0)

    def __call__(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Transform each image by its own random parameters.

        Args:
            images: Pixels 0..255 [batch, height, width, channels], any dtype.
            seed: A whole number. The same seed gives the same transforms.

        Returns:
            Transformed pixels, float32 [batch, height, width, channels].

        Raises:
            ArgumentError: The images would be mixed, which changes their targets too; or images
                or seed are not as described.
        """
        import numpy as np
        import tensorflow as tf

        from zoo.augmentation.projective import draw, parameters

        self.check_unmixed("a call with images and without targets")
        images, words = _checked(images, seed)
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

    def mix(
        self, images: np.ndarray, shares: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Transform each image by its own random parameters, and mix images and their targets.

        Args:
            images: Pixels 0..255 [batch, height, width, channels], any dtype.
            shares: The shares of the classes for each image, float [batch, classes], of which each
                row sums to 1: `numpy.eye(classes)[labels]` for labels.
            seed: A whole number. The same seed gives the same images.

        Returns:
            Mixed pixels, float32 [batch, height, width, channels], and the shares of the classes of
            the mixed images, float32 [batch, classes].

        Raises:
            ArgumentError: Neither mixup nor cutmix is above 0, or an argument is not as described.
        """
        import numpy as np
        import tensorflow as tf

        if self.mixer is None:
            raise ArgumentError(
                f"mixup or cutmix must be above 0 to mix images. Received: mixup={self.mixup}, "
                f"cutmix={self.cutmix}. Call the augmentation itself, with the images only."
            )
        images, words = _checked(images, seed)
        shares = np.asarray(shares, "float32")
        if shares.ndim != 2 or len(shares) != len(images):
            raise ArgumentError(
                f"shares must be [batch, classes] for {len(images)} images. Received: the shape "
                f"{shares.shape}. Pass np.eye(classes)[labels] for labels."
            )
        sums = shares.sum(axis=1)
        wrong = (np.abs(sums - 1) > 1e-3) | (shares < 0).any(axis=1) | ~np.isfinite(sums)
        if wrong.any():
            raise ArgumentError(
                "shares must be 0 or more, and 1 together for each image. Received: "
                f"{shares[wrong.argmax()].tolist()!s:.80} for image {wrong.argmax()}. Divide each "
                "row by its sum."
            )
        with tf.device("CPU:0"):
            mixed = self.mixer(tf.constant(images), words, shares)
        return mixed[0].numpy(), mixed[1].numpy()

    @property
    def mixer(self) -> Callable[..., tuple[Any, Any, Any]] | None:
        """The transforms with mixup or CutMix as a function of tensors, for use in a graph.

        The function takes images, the two integers of `zoo.seeds.seed_words`, shares of the classes
        [batch, classes], and weights of the images [batch] or None. It returns the mixed images,
        their shares and their weights. It is None for an augmentation that mixes no images.
        """
        if not self.mixes:
            return None
        from zoo.augmentation.graphs import mixer

        return mixer(self)

    def check_unmixed(self, purpose: str) -> None:
        """Refuse mixup and CutMix where there are no targets to mix.

        Args:
            purpose: What the transforms are for, in words for the message.

        Raises:
            ArgumentError: mixup or cutmix is above 0.
        """
        if self.mixes:
            raise ArgumentError(
                f"mixup and cutmix must be 0 for {purpose}, since images are mixed together with "
                f"their targets. Received: mixup={self.mixup}, cutmix={self.cutmix}. Take "
                "augmentation.without_mixing(), or pass the augmentation to a zoo.Recipe."
            )

    @property
    def on_tensors(self) -> Callable[[Any, Any], Any] | None:
        """The transforms of single images as a function of tensors, for use in a graph.

        The function takes images and the two integers of `zoo.seeds.seed_words`, and returns
        float32 images. It is None for `method="ImageDataGenerator"`, which takes arrays only, and
        for an augmentation that mixes images (`mixer`).
        """
        if self.method != "projective" or self.mixes:
            return None
        import tensorflow as tf

        from zoo.augmentation.graphs import augmenter

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
    return float(value) if is_real(value) else math.nan


def _checked(images: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Check images and a seed; give the images as an array, and the two words of the seed."""
    import numpy as np

    array = np.asarray(images)
    if array.ndim != 4:
        raise ArgumentError(
            "images must be [batch, height, width, channels]. Received: the shape "
            f"{array.shape}. Pass images[None] for a single image, and images[..., None] for grey "
            "images without an axis of channels."
        )
    return array, seed_words(whole_number("seed", seed, 0))


REPORT = Augmentation(
    rotation_range=45,
    width_shift_range=0.25,
    height_shift_range=0.25,
    horizontal_flip=True,
    vertical_flip=True,
)
"""The transforms of the CO395 report on FER2013."""
