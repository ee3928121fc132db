"""Features of a model: the numbers that a layer computes, instead of classes."""

import re
from typing import Any

from zoo.errors import ArgumentError
from zoo.registry.sources import take_sources
from zoo.text import did_you_mean

_MOST_LISTED = 30
"""The most layers that an error message lists."""


def with_features(model: Any, features: Any, layers: Any) -> Any:
    """Cut a model behind a layer, so that the output is what this layer computes.

    Args:
        model: A built functional or Sequential `keras.Model`.
        features: True for the features that the classes are told by, which are the input of the
            last layer with weights; of a feature map, the mean of each channel. Or the name of a
            layer, as `layer_names` lists the names.
        layers: The layer library, `keras.layers` or `zoo.layers`.

    Returns:
        A `keras.Model` that shares the layers and weights of `model`. The output is float32, or
        float64 under that policy: [batch, features] for True, and the output of the layer for a
        name.

    Raises:
        ArgumentError: The model has no such layer, or the model is no graph of layers.

    Example:
        >>> import keras, zoo
        >>> with_features(zoo.build("cnn"), True, keras.layers).output_shape
        (None, 512)
    """
    import keras

    named = layer_names(model)
    if features is True:
        head = head_of(model)
        if head is None:
            raise ArgumentError(
                f"A model must have a layer with weights for features=True. Received: {model.name}."
                " Pass the name of a layer."
            )
        if hasattr(head, "layers"):
            raise ArgumentError(
                "The last layer with weights must be no model inside the model, for features=True. "
                f"Received: {head.name} in {model.name}. Pass the name of a layer."
            )
        x, name = head.input, "features"
    elif isinstance(features, str) and features in named:
        x, name = _output_in(model, named[features]), features
    else:
        listed = [*named][:_MOST_LISTED]
        more = f", and {len(named) - len(listed)} more" if len(named) > len(listed) else ""
        raise ArgumentError(
            f"features must be True, or the name of a layer of {model.name}. Received: "
            f"{features!r}{did_you_mean(str(features), named)} The layers are "
            f"{', '.join(listed)}{more}."
        )
    dtype = "float64" if model.layers[-1].compute_dtype == "float64" else "float32"
    if features is True and len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(dtype=dtype, name="features")(x)
    elif keras.backend.standardize_dtype(x.dtype) != dtype:
        x = layers.Activation("linear", dtype=dtype, name="features")(x)
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    cut = keras.Model(inputs, x, name=f"{model.name}_{name}")
    take_sources(cut, model)
    return cut


def _output_in(model: Any, layer: Any) -> Any:
    """Give the output of a layer, or what a model inside the model gives at a call there."""
    if not hasattr(layer, "layers"):
        return layer.output
    graph = getattr(model, "_functional", model)
    nodes = [node for row in graph._nodes_by_depth.values() for node in row]
    return next(node.outputs[0] for node in nodes if node.operation is layer)


def head_of(model: Any) -> Any:
    """Find the head of a model: the last layer with weights, which tells the classes by features.

    Args:
        model: A built `keras.Model`.

    Returns:
        The layer; None for a model without weights.

    Example:
        >>> import zoo
        >>> head_of(zoo.build("cnn")).name
        'logits'
    """
    return next((layer for layer in reversed(model.layers) if layer.weights), None)


def layer_settings(layer: Any) -> dict[str, Any]:
    """Give the arguments of a layer that tell what it computes, without names and seeds.

    Args:
        layer: A Keras layer.

    Returns:
        Name of an argument → value; nothing for a layer that cannot describe itself.

    Example:
        >>> import keras
        >>> layer_settings(keras.layers.ReLU())
        {'max_value': None, 'negative_slope': 0.0, 'threshold': 0.0}
    """
    try:
        config = layer.get_config()
    except (NotImplementedError, TypeError, ValueError):  # a layer of the user's own
        return {}
    ignored = ("name", "dtype", "seed", "trainable")
    kinds = ("_initializer", "_regularizer")
    return {
        key: value
        for key, value in config.items()
        if key not in ignored and not key.endswith(kinds)
    }


def layer_names(model: Any) -> dict[str, Any]:
    """Give the layers of a model by names that do not depend on other models.

    Keras numbers layers without a name of their own through all models of a process. Here the
    numbers begin anew: the first convolution without a name is `"conv2d"`, the second
    `"conv2d_1"`.

    Args:
        model: A built functional or Sequential `keras.Model`.

    Returns:
        Name → layer, from the input to the output.

    Raises:
        ArgumentError: The model is no graph of layers.

    Example:
        >>> import zoo
        >>> [name for name in layer_names(zoo.build("cnn")) if name.startswith("conv2d")]
        ['conv2d', 'conv2d_1', 'conv2d_2', 'conv2d_3']
    """
    import keras

    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise ArgumentError(
            "A model must be a graph of layers for features=. Received: "
            f"{model.name}, a subclass of keras.Model. Build it by keras.Model(inputs, outputs)."
        )
    names: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for layer in model.layers:
        kind = re.sub(r"(?<!^)(?<!_)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__)
        kind = kind.lower()
        if not re.fullmatch(rf"{kind}(_\d+)?", layer.name):
            names[layer.name] = layer
            continue
        number = counts[kind] = counts.get(kind, -1) + 1
        names[f"{kind}_{number}" if number else kind] = layer
    return names
