"""Finding layers of a model by name, also inside nested models and layers of layers.

The name of a layer in a nested model is a path, such as `"vgg/block3_conv1"`: the names of the
models and layers around it, then its own. The model itself is not part of the path. A layer that
a model uses twice or more has a number for each of its uses, from 0, such as `"shared:0"`.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from zoo.errors import ArgumentError
from zoo.text import did_you_mean

_MOST_LISTED = 30
"""The most layers that an error message lists."""


class Use(NamedTuple):
    """A layer of a model, and which of its calls is meant.

    Attributes:
        path: The path of the layer, such as `"vgg/block3_conv1"`.
        layer: The Keras layer.
        number: The number of the call in a run of the model, from 0; -1 for the last call.
    """

    path: str
    layer: Any
    number: int


def layers_by_path(model: Any) -> dict[str, Any]:
    """Give every layer inside a model, at any depth, in the order in which the model lists them.

    Args:
        model: A built `keras.Model`: functional, Sequential or subclassed.

    Returns:
        Path → layer. A nested model stands before the layers that it contains.

    Example:
        >>> import keras
        >>> inner = keras.Sequential([keras.layers.ReLU(name="rectified")], name="inner")
        >>> model = keras.Sequential([keras.Input((2,)), inner])
        >>> list(layers_by_path(model))
        ['inner', 'inner/rectified']
    """
    found: dict[str, Any] = {}
    for path, layer in _walk(model, "", ()):
        number, unique = 1, path
        while unique in found and found[unique] is not layer:  # two layers with the same name
            number += 1
            unique = f"{path}_{number}"
        found[unique] = layer
    return found


def find_layer(model: Any, name: Any) -> Use:
    """Find a layer of a model by its path, by the end of its path, or as the layer itself.

    Args:
        model: A built `keras.Model`.
        name: A path such as `"vgg/block3_conv1"`; the end of a path, such as `"block3_conv1"`, if
            only a single layer has it; either with the number of a call, such as `"shared:0"`; or
            the layer.

    Returns:
        The layer, with its path and the call that is meant, which is the last call by default.

    Raises:
        ArgumentError: No layer has this name, or several layers have it.

    Example:
        >>> import zoo
        >>> find_layer(zoo.build("cnn"), "logits").path
        'logits'
    """
    layers = layers_by_path(model)
    if not isinstance(name, str):
        paths = [path for path, layer in layers.items() if layer is name]
        if not paths:
            raise ArgumentError(
                f"layer must be the name of a layer of {model.name}, or a layer that it contains. "
                f"Received: {name!r}. {_listing(layers)}"
            )
        return Use(paths[0], name, -1)
    path, number = name, -1
    if name not in layers and (match := re.fullmatch(r"(.+):(\d+)", name)):
        path, number = match[1], int(match[2])
    ends = [path] if path in layers else [known for known in layers if known.endswith(f"/{path}")]
    if len({id(layers[known]) for known in ends}) == 1:
        return Use(ends[0], layers[ends[0]], number)
    if ends:
        raise ArgumentError(
            f"layer must name a single layer of {model.name}. Received: {name!r}, which "
            f"{len(ends)} layers have. Pass one of {', '.join(map(repr, ends))}."
        )
    raise ArgumentError(
        f"layer must be the name of a layer of {model.name}. Received: {name!r}"
        f"{did_you_mean(path, layers)} {_listing(layers)}"
    )


def _walk(layer: Any, prefix: str, around: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Go through the layers inside a layer, with their paths."""
    import keras  # imported here, since the import takes seconds

    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if isinstance(inner, keras.layers.InputLayer) or any(inner is outer for outer in around):
            continue
        path = prefix + inner.name
        yield path, inner
        yield from _walk(inner, f"{path}/", (*around, inner))


def _listing(layers: dict[str, Any]) -> str:
    """Write the paths of a model's layers, for an error message."""
    paths = list(layers)
    more = f", and {len(paths) - _MOST_LISTED} more" if len(paths) > _MOST_LISTED else ""
    return f"The layers are {', '.join(paths[:_MOST_LISTED])}{more}."
