"""Whether a built model takes images and gives one probability for each class."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.errors import ArgumentError
from zoo.metrics import sums_to_1
from zoo.text import first_line

_SIDE = 64
"""The height and width of the images that try a model without a fixed size."""


def image_interface(name: str, model: Any) -> tuple[tuple[int | None, ...], int]:
    """Give the shape of the images that a model takes, and the number of its classes.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.

    Returns:
        (height, width, channels), with None for any size; and the number of classes.

    Raises:
        ArgumentError: The model is not built, has several inputs or outputs, or its input is not
            images, or its output not a number for each class.

    Example:
        >>> import zoo
        >>> image_interface("cnn", zoo.build("cnn"))
        ((48, 48, 1), 7)
    """
    try:
        inputs, outputs = model.input_shape, model.output_shape
    except ArgumentError as error:  # of a committee
        raise ArgumentError(
            f"{name} must be built. Received: {model!r}. Train this committee first, or make it of "
            "built models."
        ) from error
    except (AttributeError, ValueError) as error:
        raise ArgumentError(
            f"{name} must have a fixed input shape. Received: {model!r}. Wrap it: "
            "keras.Model(x, model(x)) with x = keras.Input((height, width, channels))."
        ) from error
    if not _is_shape(inputs):
        raise ArgumentError(
            f"{name} must have a single input, the images. Received: a model with the inputs "
            f"{inputs}. Make a keras.Model of one input that computes the others from it."
        )
    if not _is_shape(outputs) or isinstance(getattr(model, "output", None), dict):
        raise ArgumentError(
            f"{name} must have a single output, the probabilities. Received: a model with the "
            f"outputs {outputs}. Choose one of them: "
            "keras.Model(model.input, model.outputs[0])."
        )
    if len(inputs) != 4:
        raise ArgumentError(
            f"{name} must take images [batch, height, width, channels]. Received: a model that "
            f"takes {inputs}. Put a layer before it: keras.Sequential([keras.Input((height, width, "
            f"channels)), keras.layers.Reshape({tuple(inputs[1:])}), model])."
        )
    if inputs[0] is not None:
        raise ArgumentError(
            f"{name} must take batches of any size. Received: a model for batches of {inputs[0]} "
            "images. Build it without batch_size= and batch_shape=."
        )
    if len(outputs) != 2 or (outputs[-1] or 0) < 2:
        remedy = "Add a Dense layer with a softmax."
        if outputs[1:] == (1,):
            remedy = (
                "If it is the probability of class 1, add that of class 0: "
                "keras.Model(model.input, "
                "keras.layers.Concatenate()([1 - model.output, model.output]))."
            )
        raise ArgumentError(
            f"{name} must give probabilities of shape [batch, classes], with 2 classes or more. "
            f"Received: a model that gives {outputs}. {remedy}"
        )
    return tuple(inputs[1:]), outputs[-1]


def check_model(name: str, model: Any, image_shape: Sequence[int | None], num_classes: int) -> None:
    """Check that a model takes images of a shape and gives one probability for each class.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.
        image_shape: (height, width, channels); None stands for any size.
        num_classes: How many classes the model must have.

    Raises:
        ArgumentError: The model takes other images, has another number of classes, or gives
            logits.

    Example:
        >>> import zoo
        >>> check_model("cnn", zoo.build("cnn"), (48, 48, 1), num_classes=7)
    """
    expected, classes = image_interface(name, model)
    if len(expected) != len(image_shape) or any(
        None not in (side, given) and side != given
        for side, given in zip(expected, image_shape, strict=True)
    ):
        raise ArgumentError(
            f"{name} must be given images of (height, width, channels) = {expected}. "
            f"Received: {tuple(image_shape)}. Load the images in this size and colour, or build "
            "the model for the images."
        )
    if classes != num_classes:
        raise ArgumentError(
            f"{name} must be given images of {classes} classes. Received: {num_classes} "
            f"classes. Choose classes of the data set (classes=), or build the model with "
            f"num_classes={num_classes}."
        )
    _check_probabilities(name, model, [given or side for side, given in zip(
        expected, image_shape, strict=True)])  # fmt: skip


def _check_probabilities(name: str, model: Any, shape: Sequence[int | None]) -> None:
    """Check that the answers about a black image and about noise add up to 1.

    Noise of small values is tried too: sigmoids of large values are 0 or 1, which can add up to 1.
    """
    sides = [side or _SIDE for side in shape]
    noise = np.random.default_rng(0).uniform(0, 255, (2, *sides))
    images = np.concatenate([np.zeros((1, *sides)), noise, noise / 255]).astype("float32")
    try:
        outputs = keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")
    except Exception as error:  # of layers of any origin
        raise ArgumentError(
            f"{name} must answer about pixels, float32 {list(images.shape)}. Received: a model "
            f"that raises an error: {first_line(error)}. Call the model with such an array to "
            "find the layer."
        ) from error
    wrong = np.flatnonzero(~sums_to_1(outputs))
    if len(wrong):
        image = "a black image" if wrong[0] == 0 else "an image of noise"
        raise ArgumentError(
            f"{name} must give probabilities, which add up to 1. Received: a sum of "
            f"{outputs[wrong[0]].sum():.3g} for {image}, as of logits or sigmoids. Build it with "
            'classifier_activation="softmax", or put keras.layers.Softmax() after its logits.'
        )
    if (outputs < 0).any():
        raise ArgumentError(
            f"{name} must give probabilities, from 0 to 1. Received: {outputs.min():.3g}. Put "
            "keras.layers.Softmax() after its logits."
        )


def _is_shape(value: Any) -> bool:
    """Whether a value is the shape of a single tensor."""
    return isinstance(value, tuple) and all(side is None or isinstance(side, int) for side in value)
