"""The part of a model that runs while its features are kept: the head and the layers behind it."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.registry.features import head_of
from zoo.training.transfer.freezing import parts_of


class Head(keras.Model):
    """The last layers of a model, which take features in place of images.

    The layers are those of the model, so training the head trains the model.

    Args:
        layers: The layers, one behind another.
        columns: Which columns of the features are those of this model.
        shape: The shape of the features of an image, as the first layer takes them.
    """

    def __init__(self, layers: Sequence[Any], columns: slice, shape: Sequence[int]) -> None:
        super().__init__(name="head")
        self._chain = list(layers)
        self._columns, self._shape = columns, tuple(shape)

    def call(self, features: Any) -> Any:
        """Give probabilities [batch, classes] of features [batch, 1, 1, columns]."""
        x = tf.reshape(features[:, 0, 0, self._columns], [-1, *self._shape])
        for layer in self._chain:
            x = layer(x)
        return x


def layers_of_head(model: Any) -> list[Any]:
    """List the layers that have to run in each step while the layers below the head are frozen.

    These are the head, the layers behind it, and dropout directly before it.

    Args:
        model: A built `keras.Model`.

    Returns:
        The layers, one behind another.

    Example:
        >>> import zoo
        >>> [layer.name for layer in layers_of_head(zoo.build("vgg", dropout=0.5))]
        ['dropout', 'logits', 'probabilities']
    """
    head = model.layers.index(head_of(model))
    first = head
    for number in range(head - 1, 0, -1):
        layer = model.layers[number]
        if layer.weights or not _follow(model.layers[number : head + 1]):
            break
        if _is_random(layer):
            first = number
    return list(model.layers[first:])


def obstacle_to_caching(model: Any) -> str:
    """Tell why the features of a model with frozen layers cannot be computed once for all epochs.

    Args:
        model: A built `keras.Model`.

    Returns:
        The reason, in words that stand behind the name of the model; an empty text if they can.

    Example:
        >>> import zoo
        >>> obstacle_to_caching(zoo.build("cnn")).partition(" ")[2]
        '(Dropout) is random in training, even frozen'
    """
    chain = layers_of_head(model)
    try:
        is_graph = [model.outputs[0]] == [chain[-1].output] and len(model.inputs) == 1
    except (AttributeError, ValueError):  # no graph of layers
        is_graph = False
    if not (is_graph and _follow(chain)):
        return "the layers from the head on do not follow one another"
    if None in chain[0].input.shape[1:]:
        return "the size of the head's input is not fixed"
    for layer in model.layers[: model.layers.index(chain[0])]:
        for part in parts_of(layer):
            kind = type(part).__name__
            if type(part).__module__.split(".")[0] not in ("keras", "zoo"):
                return f"{part.name} ({kind}) may compute something else in training"
            if _is_random(part):
                return f"{part.name} ({kind}) is random in training, even frozen"
            if part.activity_regularizer:
                return f"{part.name} ({kind}) has a penalty on its output"
    return ""


def _follow(layers: Sequence[Any]) -> bool:
    """Tell whether each layer takes the output of the layer before."""
    try:
        return all(b.input is a.output for a, b in itertools.pairwise(layers))
    except (AttributeError, ValueError):  # a layer is used twice, or not at all
        return False


def _is_random(layer: Any) -> bool:
    return bool(layer._seed_generators)
