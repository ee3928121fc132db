"""Small images in the first epochs, and networks that take them (progressive resizing).

Convolutions and global pooling take images of many sizes, so the same weights can learn from small
images first, whose steps take less time (Tan and Le, 2021, section 4).
"""

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.augmentation import Augmentation
from zoo.datasets.split import Split
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.starting.signals import raise_shared
from zoo.text import first_line

_NUMBERS = 2**24
"""The most numbers of images that are made smaller at a time."""


class SmallImageNetwork(keras.Model):
    """A model for images of another size than it was built for.

    The layers are those of the model, so training the network trains the model.

    Args:
        model: A built `keras.Model`.

    Example:
        >>> import zoo
        >>> model = zoo.build("vgg", input_shape=(48, 48, 1), num_classes=7, width=4)
        >>> SmallImageNetwork(model)(np.zeros((2, 32, 32, 1))).shape
        TensorShape([2, 7])
    """

    def __init__(self, model: Any) -> None:
        super().__init__(name=model.name, dtype=model.dtype_policy, autocast=False)
        self._model = model
        self._takes_training = "training" in inspect.signature(model.call).parameters

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Give probabilities [batch, classes] of images [batch, height, width, channels]."""
        options = {"training": training} if self._takes_training else {}
        return self._model.call(images, **options)  # `__call__` would check the size


def small_shape(recipe: Recipe, image_shape: Sequence[int], epoch: int) -> tuple[int, ...] | None:
    """Give the shape of the small images that a recipe asks for in an epoch.

    Args:
        recipe: The recipe.
        image_shape: Height, width and channels of the images as they are.
        epoch: The epoch, from 0.

    Returns:
        Height, width and channels; None where the images are as they are.

    Example:
        >>> recipe = Recipe(small_images=0.67, full_size_at=5)
        >>> small_shape(recipe, (48, 48, 1), 4), small_shape(recipe, (48, 48, 1), 5)
        ((32, 32, 1), None)
    """
    *sides, channels = image_shape
    share = recipe.small_images or 1.0
    small = (*(max(1, round(side * share)) for side in sides), channels)
    is_small = epoch < (recipe.full_size_at or 0) and small != tuple(image_shape)
    return small if is_small else None


def small_image_network(name: str, model: Any, shape: Sequence[int]) -> SmallImageNetwork:
    """Make a network of a model's layers that takes small images.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.
        shape: Height, width and channels of the small images.

    Raises:
        ArgumentError: The model takes images of its own size only.

    Example:
        >>> import zoo
        >>> small_image_network("vgg", zoo.build("vgg", width=4), (32, 32, 1)).name
        'vgg'
    """
    network = SmallImageNetwork(model)
    reason = "they leave nothing for its last layers"
    try:
        if np.isfinite(network(np.zeros((1, *shape), "float32"), training=False)).all():
            return network
    except tf.errors.OpError:  # a message about TensorFlow's kernels
        reason = "its layers cannot compute them"
    except (ValueError, TypeError) as error:
        reason = first_line(error)
    raise ArgumentError(
        f"With small_images, {name} must take images of {'×'.join(map(str, shape))} too. Received: "
        f"a network that does not ({reason}). Pass a larger share as small_images, take a network "
        "for images of any size, such as vgg, or leave out small_images and full_size_at."
    )


def check_small_images(
    name: str, model: Any, recipe: Recipe, image_shape: Sequence[int], *, taught: bool
) -> None:
    """Check that a model can be trained on small images, if its recipe asks for that.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.
        recipe: The recipe.
        image_shape: Height, width and channels of the images as they are.
        taught: Whether the model learns from a teacher, who would see small images too.

    Raises:
        ArgumentError: The model takes images of its own size only, or has a teacher.

    Example:
        >>> import zoo
        >>> recipe = Recipe(small_images=0.5, full_size_at=1)
        >>> check_small_images("vgg", zoo.build("vgg"), recipe, (48, 48, 1), taught=False)
    """
    if shape := small_shape(recipe, image_shape, 0):
        if taught:
            raise ArgumentError(
                "small_images must be None beside a teacher, who knows images as they are. "
                f"Received: small_images={recipe.small_images} in the recipe of {name}, and a "
                "teacher. Leave out one of the two."
            )
        small_image_network(name, model, shape)


def make_smaller(data: Split, shape: Sequence[int]) -> Split:
    """Make all images of a split smaller.

    Each new pixel is a weighted mean of the pixels around its place, up to a new pixel away.

    Args:
        data: The images.
        shape: Height, width and channels of the small images.

    Returns:
        The same split with small images, uint8 [n, height, width, channels].

    Example:
        >>> import zoo
        >>> make_smaller(zoo.datasets.load("digits").train, (4, 4, 1)).image_shape
        (4, 4, 1)
    """
    store = np.empty((len(data), *shape), np.uint8)
    done = 0
    for block in data.blocks(max(1, _NUMBERS // math.prod(data.image_shape))):
        raise_shared()
        with tf.device("CPU:0"):
            resized = tf.image.resize(block, shape[:2], antialias=True)
        store[done : done + len(block)] = np.rint(resized)
        done += len(block)
    return replace(data, store=store, rows=None)


def scaled(augmentation: Augmentation | None, share: float) -> Augmentation | None:
    """Scale the padding of random crops, which is in pixels, as the images are scaled.

    Args:
        augmentation: The random transforms of images as they are, or None.
        share: The share of height and width that small images have.

    Example:
        >>> scaled(Augmentation(crop_padding=4), 0.5).crop_padding
        2
    """
    if augmentation is None:
        return None
    return replace(augmentation, crop_padding=round(augmentation.crop_padding * share))
