"""Sample inputs: the arrays, labels and predictions at which a target is checked."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from scipy.special import expit, softmax

from zoo.arguments import is_whole
from zoo.errors import ArgumentError

NamedArrays = tuple[list[np.ndarray], list[str]]
"""Arrays with their batch axis, and a name for each array."""


def layer_inputs(
    layer: Any, input_shape: Any, inputs: Any, batch_size: int, rng: np.random.Generator
) -> NamedArrays:
    """Draw the inputs of a layer or model.

    They are drawn from the standard normal distribution. For a model with a `Rescaling` layer, they
    are drawn from the range that this layer maps to 0..1, such as pixels of 0..255.

    Args:
        layer: The layer or model.
        input_shape: A shape without the batch axis, a list of shapes, or None.
        inputs: Arrays to use instead, or None.
        batch_size: How many samples to draw.
        rng: The generator that draws them.

    Returns:
        Arrays and names.

    Raises:
        ArgumentError: The shape is missing, or it is not a shape.
    """
    if inputs is not None:
        arrays = _arrays(inputs)
    else:
        shapes = _known_shapes(layer) if input_shape is None else _shapes(input_shape)
        arrays = [rng.standard_normal((batch_size, *shape)) for shape in shapes]
        parts = getattr(layer, "layers", [])
        rescaling = next((x for x in parts if isinstance(x, keras.layers.Rescaling)), None)
        if rescaling:
            arrays = [(rng.random(x.shape) - rescaling.offset) / rescaling.scale for x in arrays]
    known = [x.name for x in getattr(layer, "inputs", None) or []]
    if len(known) == len(arrays):
        return arrays, known
    return arrays, [f"input {i}" for i in range(len(arrays))] if len(arrays) > 1 else ["input"]


def loss_inputs(
    loss: Any, input_shape: Any, inputs: Any, batch_size: int, rng: np.random.Generator
) -> NamedArrays:
    """Draw labels and predictions for a loss.

    The name of the loss decides about the labels: class ids for `sparse`, else one-hot rows for
    `categorical` or `softmax`, 0 or 1 for `binary`, and so on. Its `from_logits` decides whether
    the predictions are logits or probabilities.

    Args:
        loss: A `keras.losses.Loss` or a function.
        input_shape: Shape of the predictions without the batch axis, classes last.
        inputs: Labels and predictions to use instead, or None.
        batch_size: How many samples to draw.
        rng: The generator that draws them.

    Returns:
        [labels, predictions] and their names.

    Raises:
        ArgumentError: Neither a shape nor two arrays are given.
    """
    names = ["y_true", "y_pred"]
    if inputs is not None:
        arrays = _arrays(inputs)
        if len(arrays) != 2:
            raise ArgumentError(
                f"inputs of a loss must be (y_true, y_pred). Received: {len(arrays)} arrays. "
                "Pass the labels and the predictions."
            )
        return arrays, names
    if input_shape is None or len(_shapes(input_shape)) != 1:
        raise ArgumentError(
            "input_shape must be the shape of a loss's predictions without the batch axis, such as "
            f"(10,). Received: {input_shape!r}. Pass such a shape, or inputs=(y_true, y_pred)."
        )
    shape = (batch_size, *_shapes(input_shape)[0])
    name = getattr(loss, "__name__", type(loss).__name__).lower().replace("_", "")
    predictions = rng.standard_normal(shape)
    labels: np.ndarray
    if "sparse" in name:
        labels = rng.integers(0, shape[-1], shape[:-1])
    elif any(word in name for word in ("categorical", "softmax")):
        labels = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    elif any(word in name for word in ("binary", "dice", "tversky")):
        labels = rng.integers(0, 2, shape).astype("float64")
    elif "hinge" in name:
        labels = rng.choice((-1.0, 1.0), shape)
    elif any(word in name for word in ("kl", "poisson", "logarithmic", "percentage")):
        labels = softmax(rng.standard_normal(shape), axis=-1)
    else:
        labels = rng.standard_normal(shape)
    if not _from_logits(loss, name):
        predictions = expit(predictions) if "binary" in name else softmax(predictions, axis=-1)
    return [labels, predictions], names


def _from_logits(loss: Any, name: str) -> bool:
    """Whether the predictions are logits, which may be any numbers, and not probabilities."""
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    if "from_logits" in config:
        return bool(config["from_logits"])
    if not isinstance(loss, keras.losses.Loss):
        parameters = inspect.signature(loss).parameters
        if "from_logits" in parameters:
            return bool(parameters["from_logits"].default)
    words = ("categoricalcrossentropy", "binarycrossentropy", "kl", "poisson", "logarithmic")
    return not any(word in name for word in (*words, "dice", "tversky"))


def _known_shapes(layer: Any) -> list[tuple[int, ...]]:
    """Find the shapes of a model's inputs, or the shape that a layer was built with."""
    if isinstance(layer, keras.Model) and layer.built and getattr(layer, "inputs", None):
        shapes = [tuple(x.shape[1:]) for x in layer.inputs]
    else:
        config = (layer.get_build_config() or {}) if layer.built else {}
        shape = config.get("input_shape")
        shapes = [tuple(shape[1:])] if shape and not isinstance(shape[0], tuple | list) else []
    if not shapes or any(side is None for shape in shapes for side in shape):
        raise ArgumentError(
            f"input_shape or inputs must be given for {layer.name}, whose input shape is not "
            "known. Received: neither. Pass input_shape= without the batch axis, such as (5,), or "
            "inputs=."
        )
    return shapes


def _shapes(input_shape: Any) -> list[tuple[int, ...]]:
    if isinstance(input_shape, tuple | list):
        if all(is_whole(side) and side > 0 for side in input_shape):
            return [tuple(int(side) for side in input_shape)]
        if all(isinstance(shape, tuple | list) for shape in input_shape):
            return [shape for given in input_shape for shape in _shapes(given)]
    raise ArgumentError(
        "input_shape must be a shape of whole numbers above 0 without the batch axis, such as "
        f"(5,), or a list of shapes. Received: {input_shape!r}. batch_size= has the batch axis."
    )


def _arrays(inputs: Any) -> list[np.ndarray]:
    """Convert inputs to arrays, floating-point inputs to float64."""
    given: Sequence[Any] = inputs if isinstance(inputs, tuple | list) else [inputs]
    arrays = [np.asarray(x) for x in given]
    if not arrays or any(x.ndim == 0 or x.size == 0 for x in arrays):
        raise ArgumentError(
            "inputs must be an array with a batch axis that is not empty, or a list of such "
            f"arrays. Received: arrays of shapes {[x.shape for x in arrays]}. Pass x[None] "
            "for a single example x."
        )
    return [x.astype("float64") if x.dtype.kind == "f" else x for x in arrays]
