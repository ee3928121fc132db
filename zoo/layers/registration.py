"""Registration of a layer of `zoo.layers`: its name for saved files, and an example of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import keras

LayerClass = TypeVar("LayerClass", bound=type)

Shape = tuple[int, ...] | tuple[tuple[int, ...], ...]
"""The shape of an input without the batch axis, or the shapes of several inputs."""


@dataclass(frozen=True)
class Example:
    """Arguments and an input shape with which a layer can be tried.

    Attributes:
        input_shape: Shape of the input without the batch axis; for a layer of several inputs, a
            tuple of such shapes.
        arguments: Arguments of the constructor.
    """

    input_shape: Shape
    arguments: Mapping[str, Any]


EXAMPLES: dict[str, Example] = {}
"""The example of each registered layer, by the name of its class."""


def register_layer(input_shape: Shape, **arguments: Any) -> Callable[[LayerClass], LayerClass]:
    """Register a class of layers: with Keras as `zoo>NAME`, and with an example in `EXAMPLES`.

    The gradient checker and the tests of all layers use the example, so a new layer needs no other
    entry for them.

    Args:
        input_shape: A small shape of the input without the batch axis; for a layer of several
            inputs, a tuple of such shapes.
        **arguments: Arguments of the constructor; all that have no default.

    Returns:
        The decorator, which returns the class unchanged.

    Example:
        >>> import zoo.layers
        >>> EXAMPLES["Dense"]
        Example(input_shape=(6,), arguments={'units': 4})
    """

    def register(kind: LayerClass) -> LayerClass:
        EXAMPLES[kind.__name__] = Example(input_shape, arguments)
        return keras.saving.register_keras_serializable(package="zoo")(kind)

    return register
