"""The layer whose outputs, the feature maps, tell where in the image something is."""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.networks.running import LayerCall

_CONVOLUTIONS = (
    *(keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.DepthwiseConv2D),
    keras.layers.Conv2DTranspose,
)

_BEHIND_CONVOLUTIONS = (
    *(keras.layers.BatchNormalization, keras.layers.Add, keras.layers.Activation),
    *(keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU),
)
"""Layers behind a convolution that belong to it."""


def feature_layer(model: Any, calls: Sequence[LayerCall], layer: Any = None) -> str:
    """Give the name of the layer with the feature maps.

    Args:
        model: A built `keras.Model`.
        calls: The calls of its layers, from `layer_calls`.
        layer: The layer that a user asks for, as `find_layer` takes it; None for the last
            convolution whose output has more than one position, or the normalisation, shortcut or
            activation behind it, if these are layers.

    Returns:
        The path of the layer, with the number of the call where the model calls it twice or more.

    Raises:
        ArgumentError: There is no such layer, or its output is not [batch, height, width,
            channels].

    Example:
        >>> import zoo
        >>> from zoo.inspect.networks.running import layer_calls
        >>> model = zoo.build("cnn")
        >>> feature_layer(model, layer_calls(model, (48, 48, 1))).startswith("re_lu")
        True
    """
    if layer is not None:
        use = find_layer(model, layer)
        name = use.path if use.number < 0 else f"{use.path}:{use.number}"
        for call in calls:
            if call.layer is use.layer and call.shape is not None and len(call.shape) != 4:
                raise ArgumentError(
                    "layer must give feature maps [batch, height, width, channels]. Received: "
                    f"{name!r}, whose output has the shape {call.shape}. Pass the name of a "
                    "convolution, or of a layer that keeps height and width."
                )
        return name
    for position in reversed(range(len(calls))):
        if isinstance(calls[position].layer, _CONVOLUTIONS) and _has_positions(calls[position]):
            return _with_activation(calls[position:]).name
    raise ArgumentError(
        f"{model.name} must have a convolution whose output has more than one position. "
        f"Received: a model of {', '.join(sorted({type(c.layer).__name__ for c in calls}))}. "
        "Pass layer= with the name of a layer that gives [batch, height, width, channels], or "
        "use another method."
    )


def has_channels_first(model: Any, calls: Sequence[LayerCall], name: str) -> bool:
    """Whether the output of a layer is [batch, channels, height, width].

    An activation does not know where the channels are. The layer in front of it that knows, such as
    a convolution, tells.

    Args:
        model: A built `keras.Model`.
        calls: The calls of its layers, from `layer_calls`.
        name: The name of the layer, as `find_layer` takes it.

    Returns:
        Whether the channels stand before the positions.
    """
    layer = find_layer(model, name).layer
    last = max(position for position, call in enumerate(calls) if call.layer is layer)
    for call in reversed(calls[: last + 1]):
        if isinstance(call.layer, (keras.layers.Permute, keras.layers.Reshape)):
            break  # the axes in front of it are others
        if data_format := getattr(call.layer, "data_format", None):
            return data_format == "channels_first"
    return False


def _with_activation(calls: Sequence[LayerCall]) -> LayerCall:
    """Find the last layer that belongs to a convolution, the first of the calls.

    The feature maps of the authors are rectified: they come from behind the normalisation, the
    shortcut and the activation.
    """
    chosen = calls[0]
    for call in calls[1:]:
        if isinstance(call.layer, keras.Model):
            continue  # a model inside the model, which contains the layers before it
        if not isinstance(call.layer, _BEHIND_CONVOLUTIONS) or call.shape != chosen.shape:
            break
        chosen = call
    return chosen


def _has_positions(call: LayerCall) -> bool:
    """Whether the output of a call is a map of more than one position, channels first or last."""
    shape = call.shape
    return shape is not None and len(shape) == 4 and sorted(shape[1:4], key=_length)[1] != 1


def _length(side: int | None) -> float:
    return float("inf") if side is None else side
