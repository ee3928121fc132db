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

_POOLINGS = (
    *(keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
    *(keras.layers.GlobalMaxPooling2D, keras.layers.GlobalAveragePooling2D),
)

_WITHOUT_EFFECT = (
    *(keras.layers.Dropout, keras.layers.SpatialDropout2D),
    *(keras.layers.GaussianNoise, keras.layers.GaussianDropout, keras.layers.Identity),
)
"""Layers that give back their input when a model predicts."""


def feature_layer(model: Any, calls: Sequence[LayerCall], layer: Any = None) -> str:
    """Give the name of the layer with the feature maps.

    Args:
        model: A built `keras.Model`.
        calls: The calls of its layers, from `layer_calls`.
        layer: The layer that a user asks for, as `find_layer` takes it; None for the last feature
            map before the pooling. This is the last output with the positions of the last
            convolution that has more than one: of the convolution itself, or of a normalisation, a
            sum or concatenation of branches, or an activation behind it.

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
            return _last_of_these_positions(calls[position:]).name
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


def _last_of_these_positions(calls: Sequence[LayerCall]) -> LayerCall:
    """Find the last call whose output has the positions of a convolution, the first of the calls.

    The feature maps of the authors are rectified: they come from behind the normalisation, the
    sum of branches and the activation.
    """
    positions = _positions(calls[0], calls[0].layer.data_format)
    chosen = calls[0]
    for call in calls[1:]:
        if isinstance(call.layer, _POOLINGS) and None in (positions or ()):
            break  # the positions behind it cannot be told from those before it
        # A model or a layer with layers of its own ends after them, and its calls count already.
        is_outer = any(other.name.startswith(f"{call.name}/") for other in calls)
        passes = is_outer or isinstance(call.layer, (*_POOLINGS, *_WITHOUT_EFFECT))
        if not passes and _positions(call, calls[0].layer.data_format) == positions:
            chosen = call
    return chosen


def _positions(call: LayerCall, data_format: str) -> tuple[int | None, ...] | None:
    """Give height and width of the output of a call; None if the output has no positions."""
    if call.shape is None or len(call.shape) != 4:
        return None
    return call.shape[2:] if data_format == "channels_first" else call.shape[1:3]


def _has_positions(call: LayerCall) -> bool:
    """Whether the output of a call is a map of more than one position, channels first or last."""
    shape = call.shape
    return shape is not None and len(shape) == 4 and sorted(shape[1:4], key=_length)[1] != 1


def _length(side: int | None) -> float:
    return float("inf") if side is None else side
