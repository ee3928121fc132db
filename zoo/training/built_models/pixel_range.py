"""Whether a trained model of another origin takes pixels from 0 to 255, as members do.

A model that was trained on values from 0 to 1 or from −1 to 1 answers about pixels from 0 to 255
without an error, and mostly wrongly. Only its answers tell.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.text import percent

_IMAGES = 256
"""How many images are tried, at most."""
_GAIN = 0.2
"""By how much the mean recall of the classes must be higher in another range, ..."""
_GAIN_LOSS = 0.85
"""... with at most this loss, as a share of the loss of equal probabilities. An untrained model has
a loss about as large as that. With three classes or more, ..."""
_SKILL = 0.3
"""... it is also enough that the recall is this share of the way from guessing to always right: an
overfitted model has a large loss too."""
_WRONG_LOSS, _RIGHT_LOSS = 2.0, 0.5
"""Or the loss must be above the first share with pixels, so that the model is confident where it is
wrong, and below the second share in another range, with a recall that is no lower."""

_RANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "0 to 1": ("1/255", lambda pixels: pixels / 255),
    "-1 to 1": ("1/127.5, offset=-1", lambda pixels: pixels / 127.5 - 1),
}
"""Range of values → arguments of `keras.layers.Rescaling`, and the function that it computes."""

_NEUTRAL = (
    *("InputLayer", "Resizing", "CenterCrop", "RandomCrop", "RandomFlip", "RandomRotation"),
    *("RandomTranslation", "RandomZoom", "ZeroPadding2D", "Reshape", "Flatten", "Permute"),
    "Augment",
)
"""Layers that keep the range of the pixels."""
_SCALING = (
    *("Rescaling", "Normalization", "PerImageStandardization", "MeanImageStandardization"),
    *("Multiply", "TrueDivide", "Divide", "Subtract", "Add", "Cast"),
)
"""Layers and operations with which a model takes pixels and brings them to its own range."""


def warning_of_range(name: str, model: Any, split: Split) -> str:
    """Try a model on some images, as they are and in other ranges.

    Args:
        name: The model's name in the warning.
        model: A built `keras.Model`.
        split: Images with labels of the model's classes.

    Returns:
        A warning with the way out, if the model is trained and takes another range; or the empty
        string. Untrained models, and models that begin with a `Rescaling`, take pixels.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits").train
        >>> warning_of_range("mlp", zoo.build("mlp", input_shape=(8, 8, 1), num_classes=10), data)
        ''
    """
    if _rescales(model) or not _is_trained(model):
        return ""
    rows = np.random.default_rng(0).permutation(len(split))[:_IMAGES]
    labels, pixels = split.labels[rows], np.asarray(split.images[rows], "float32")
    recall, loss = _judge(model, pixels, labels)
    classes = model.output_shape[-1]
    equal = np.log(classes)
    better = []
    for values, (arguments, change) in _RANGES.items():
        other_recall, other_loss = _judge(model, change(pixels), labels)
        skill = (other_recall - 1 / classes) / (1 - 1 / classes) if classes > 2 else 0
        learned = other_recall >= recall + _GAIN and (
            other_loss <= _GAIN_LOSS * equal or skill >= _SKILL
        )
        confident = loss >= _WRONG_LOSS * equal and other_loss <= _RIGHT_LOSS * equal
        if learned or (confident and other_recall >= recall):
            better.append((other_recall, -other_loss, values, arguments))
    if not better:
        return ""
    other_recall, other_loss, values, arguments = max(better)
    return (
        f"{name} must take pixels from 0 to 255, which members are given. On {len(rows)} images, "
        f"{name} has a mean recall of {percent(recall)} and a loss of {loss:.2f} with pixels; "
        f"{percent(other_recall)} and {-other_loss:.2f} with values from {values}. Put a layer "
        f"before it: keras.Sequential([keras.Input({tuple(model.input_shape[1:])}), "
        f"keras.layers.Rescaling({arguments}), model])."
    )


def _rescales(model: Any) -> bool:
    """Whether the first layer that changes values is a layer that scales pixels."""
    for layer in model.layers:
        kind = type(layer).__name__
        if isinstance(layer, keras.Model) and layer.layers:
            return _rescales(layer)
        if kind not in _NEUTRAL:
            return kind in _SCALING
    return False


def _is_trained(model: Any) -> bool:
    """Whether a bias or a moving mean is no longer 0, as it is in a new model."""
    return any(
        np.any(variable)
        for variable in model.weights
        if variable.path.rsplit("/", 1)[-1] in ("bias", "beta", "moving_mean")
    )


def _judge(model: Any, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Measure the mean recall of the classes, and the mean loss of the classes."""
    outputs = keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")
    chosen = outputs[np.arange(len(labels)), labels]
    right = outputs.argmax(axis=-1) == labels
    losses = -np.log(np.maximum(chosen, np.finfo("float32").tiny))
    classes = np.unique(labels)
    return (
        float(np.mean([right[labels == label].mean() for label in classes])),
        float(np.mean([losses[labels == label].mean() for label in classes])),
    )
