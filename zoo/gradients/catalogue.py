"""Catalogue of targets: the layer, loss or model that a name on the command line stands for."""

import inspect
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import keras

import zoo.layers
import zoo.losses
from zoo import registry
from zoo.arguments import check_choice
from zoo.errors import ArgumentError, UnknownModelError
from zoo.layers.registration import EXAMPLES
from zoo.text import did_you_mean, first_line

SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 227, 256)
"""Sides of square images. A model is checked at the first size that it takes."""

NUM_CLASSES = 3
"""How many classes a model is built with."""

REQUIRED: dict[str, Any] = {
    "units": 4,
    "filters": 3,
    "kernel_size": 3,
    "rate": 0.5,
    "pool_size": 2,
    "stddev": 0.5,
    "num_heads": 2,
    "key_dim": 3,
}
"""Values for arguments without a default of the constructors of Keras's layers."""

SHAPES = {"1D": (7, 3), "2D": (7, 7, 2), "3D": (5, 5, 5, 2)}
"""Input shapes of Keras's layers with this in their name."""

SEQUENCE = (4, 3)
"""Input shape of layers of sequences."""

PAIRS = (
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
    *("Attention", "AdditiveAttention", "MultiHeadAttention"),
)
"""Layers that take two inputs."""


def own_gradients() -> list[str]:
    """List the layers and losses of Zoo, which are checked if no name is given."""
    return [*(name for name in sorted(EXAMPLES) if name in zoo.layers.__all__), *zoo.losses.__all__]


def target(
    name: str,
    gradients: str,
    seed: int,
    input_shapes: Sequence[tuple[int, ...]] = (),
    arguments: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Make the layer, loss or model that a name stands for, small enough for a quick check.

    Args:
        name: Name of a registered model, or of a layer or loss of Zoo or Keras.
        gradients: `"handwritten"` takes layers from `zoo.layers` and losses from `zoo.losses`
            where they have that name, and builds models from them. `"auto"` takes Keras's.
        seed: Seed of a model's weights.
        input_shapes: Shapes without the batch axis, in place of the shapes of this catalogue.
        arguments: Arguments of the layer, of the loss or of the model's builder, which replace
            those of this catalogue.

    Returns:
        The layer, loss or model, and the arguments of `gradcheck` that say where to check it.

    Raises:
        UnknownModelError: Nothing has that name.
        ArgumentError: Arguments that do not fit, or a layer that needs more arguments than this
            catalogue has.
    """
    arguments = dict(arguments or {})
    if name in registry.list_models():
        if len(input_shapes) > 1:
            raise ArgumentError(
                f"input_shapes must be a single shape for a model. Received: {len(input_shapes)} "
                "shapes. Pass one (height, width, channels)."
            )
        return _model(name, input_shapes, {**arguments, "gradients": gradients, "seed": seed}), {}
    check_choice("gradients", gradients, ("auto", "handwritten"), 'Pass "auto" for Keras')
    kinds = _kinds(gradients)
    if name in kinds:
        kind = kinds[name]
        shapes = list(input_shapes) if input_shapes else _shape(name, kind)
        return _instance(kind, arguments), {"input_shape": shapes}
    raise UnknownModelError(
        "name must be that of a registered model, or of a layer or loss of Zoo or Keras. Received: "
        f"{name!r}{did_you_mean(name, {*registry.list_models(), *kinds})} "
        "`zoo models` lists the models."
    )


def _kinds(gradients: str) -> dict[str, Any]:
    """List the classes of layers and losses by name; those of Zoo replace Keras's if wanted."""
    libraries = [keras.losses, keras.layers]
    if gradients == "handwritten":
        libraries += [zoo.losses, zoo.layers]
    return {
        name: kind
        for library in libraries
        for name, kind in inspect.getmembers(library, inspect.isclass)
        if issubclass(kind, keras.layers.Layer | keras.losses.Loss)
    }


def _is_example(kind: Any) -> bool:
    """Whether the class is registered with an example."""
    return kind.__name__ in EXAMPLES and kind is getattr(zoo.layers, kind.__name__, None)


def _model(name: str, shapes: Sequence[tuple[int, ...]], arguments: dict[str, Any]) -> Any:
    """Build the model for a shape, or for the first of `SIZES` that fits, in grey, then colour."""
    arguments = {"num_classes": NUM_CLASSES, **arguments}
    refusal = None
    for channels, size in itertools.product((1, 3), SIZES):
        shape = shapes[0] if shapes else (size, size, channels)
        try:
            return registry.build(name, input_shape=shape, **arguments)
        except ArgumentError as error:
            if shapes:
                raise
            refusal = error
    raise refusal  # type: ignore[misc]


def _instance(kind: Any, arguments: dict[str, Any]) -> Any:
    """Make a layer or loss with small arguments where it has no defaults."""
    if _is_example(kind):
        known = dict(EXAMPLES[kind.__name__].arguments)
    else:
        needed = [
            parameter.name
            for parameter in inspect.signature(kind).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        unknown = [name for name in needed if name not in REQUIRED and name not in arguments]
        if unknown:
            raise ArgumentError(
                f"{kind.__name__} must be given {', '.join(unknown)}. Received: nothing. Pass the "
                f"argument, such as `--set {unknown[0]}=…`; in Python: "
                f"zoo.gradcheck({kind.__name__}(...), input_shape=...)."
            )
        known = {name: REQUIRED[name] for name in needed if name in REQUIRED}
    given = {**known, **arguments}
    try:
        return kind(**given)
    except Exception as error:
        received = ", ".join(f"{key}={value!r}" for key, value in given.items()) or "no argument"
        raise ArgumentError(
            f"The arguments must fit {kind.__name__}. Received: {received} ({first_line(error)}). "
            "Change them with `--set NAME=VALUE`."
        ) from error


def _shape(name: str, kind: Any) -> Any:
    """Choose a small input shape for a layer, or a shape of predictions for a loss."""
    if _is_example(kind):
        return EXAMPLES[name].input_shape
    if name in PAIRS:
        return [SEQUENCE, SEQUENCE]
    if name in ("LSTM", "GRU", "SimpleRNN"):
        return SEQUENCE
    return next((shape for part, shape in SHAPES.items() if part in name), (6,))
