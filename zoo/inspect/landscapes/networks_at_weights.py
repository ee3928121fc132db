"""How a network is run at other weights: in float32, with other statistics, from a layer on.

Nothing here changes a weight. Some attributes of layers are replaced while TensorFlow traces a
graph, and are back in place afterwards, also after an error.
"""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
from keras import ops

import zoo.layers


def weight_dtype(model: Any) -> str:
    """Give the dtype in which a network is evaluated: float64 if it has such weights, or float32.

    Args:
        model: A built `keras.Model`.
    """
    return "float64" if any(weight.dtype == "float64" for weight in model.weights) else "float32"


@contextmanager
def replaced(attributes: list[tuple[Any, str, Any]]) -> Iterator[None]:
    """Replace attributes of objects for a while.

    Args:
        attributes: For each attribute the object, the name and the other value.
    """
    missing = object()
    before = [(vars(owner), name, vars(owner).get(name, missing)) for owner, name, _ in attributes]
    try:
        for owner, name, value in attributes:
            vars(owner)[name] = value
        yield
    finally:
        for values, name, value in before:
            if value is missing:
                values.pop(name, None)
            else:
                values[name] = value


def normalizers(model: Any) -> list[Any]:
    """List the layers with batch statistics that a training changes.

    A batch normalisation that is frozen keeps its statistics in a training, and is left out.

    Args:
        model: A built `keras.Model`.
    """
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable and layer.built
    ]


Moments = tuple[Any, Any]
"""Mean and variance of each channel, both [channels]."""


def call_with_batch_moments(
    layer: Any, scope: Callable[[], Any], record: Callable[[Any, Moments], None]
) -> tuple[Any, str, Any]:
    """Make the replacement with which batch normalisation uses the moments of the batch itself.

    Args:
        layer: The batch normalisation.
        scope: Gives the `keras.StatelessScope` in which the network runs.
        record: Gets the layer with its moments, in each call.

    Returns:
        An attribute for `replaced`.
    """

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        axis = layer.axis % len(inputs.shape)
        axes = [other for other in range(len(inputs.shape)) if other != axis]
        dtype = "float64" if inputs.dtype == "float64" else "float32"
        moments = ops.moments(ops.cast(inputs, dtype), axes)
        record(layer, moments)
        for variable, value in zip(statistics_of(layer), moments, strict=True):
            scope().add_update((variable, value))
        return type(layer).call(layer, inputs, training=False, mask=mask)

    return layer, "call", call


def statistics_of(layer: Any) -> Moments:
    """Give the variables of the moving mean and the moving variance of a batch normalisation."""
    return layer.moving_mean, layer.moving_variance


class Prefix(NamedTuple):
    """The part of a network that is the same at all points, so that it runs only once.

    Attributes:
        model: The network from the images to the inputs of `layer`.
        layer: The first layer with a weight that moves.
        is_product: Whether the layer is a matrix product, which is linear in its kernel.
    """

    model: Any
    layer: Any
    is_product: bool


def common_prefix(model: Any, moving: Set[int]) -> Prefix | None:
    """Find the part of a network in front of the first layer with a weight that moves.

    Args:
        model: A built `keras.Model`.
        moving: The identities (`id`) of the weights that move.

    Returns:
        The part, or None for a network that is no plain graph of layers.
    """
    if not type(model).__module__.startswith("keras."):
        return None  # its own code may compute something else
    layers = (
        layer for layer in model.layers if any(id(weight) in moving for weight in layer.weights)
    )
    layer = next(layers, None)
    if layer is None or isinstance(layer, keras.Model) or len(layer._inbound_nodes) != 1:
        return None
    try:
        prefix = keras.Model(model.inputs, layer.input)
    except (AttributeError, ValueError):
        return None
    if any(id(weight) in moving for weight in prefix.weights):
        return None
    if isinstance(layer, keras.layers.BatchNormalization):
        return None
    kinds = (keras.layers.Dense, zoo.layers.Dense)
    is_product = (
        type(layer) in kinds
        and len(layer.input.shape) == 2
        and id(layer.kernel) in moving
        and not layer.lora_enabled
    )
    return Prefix(prefix, layer, is_product)
