"""Names on the command line: what is checked, and at which small size."""

import inspect
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import keras

import zoo.layers
import zoo.losses
from zoo import registry
from zoo.errors import ArgumentError, UnknownModelError
from zoo.gradients.subject import first_line
from zoo.text import did_you_mean

SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 227, 256)
"""Sides of square images; a model is checked at the first that it takes."""

NUM_CLASSES = 3

REQUIRED: dict[str, Any] = {
    "units": 4,
    "filters": 3,
    "kernel_size": 3,
    "rate": 0.5,
    "pool_size": 2,
    "stddev": 0.5,
    "num_heads": 2,
    "key_dim": 3,
    "augmentation": {"rotation_range": 45, "zoom_range": 0.3, "horizontal_flip": True},
}
"""What a layer's constructor is given for arguments without a default."""

SHAPES = {"1D": (7, 3), "2D": (7, 7, 2), "3D": (5, 5, 5, 2)}
"""Input shapes of layers with this in their name."""

SEQUENCE = (4, 3)
PAIRS = (
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
    *("Attention", "AdditiveAttention", "MultiHeadAttention"),
)
"""Layers of two inputs."""


def own_gradients() -> list[str]:
    """The layers and losses with a gradient by hand, without what is passed on from Keras."""
    layers = [
        name
        for name in sorted(zoo.layers.__all__)
        if getattr(zoo.layers, name).__module__.startswith("zoo.")
    ]
    return [*layers, *zoo.losses.__all__]


def target(
    name: str,
    gradients: str,
    seed: int,
    input_shapes: Sequence[tuple[int, ...]] = (),
    arguments: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """What a name stands for.

    Args:
        name: A registered model, or a layer or loss of Zoo or Keras.
        gradients: `"handwritten"` for the layers of `zoo.layers` and losses of `zoo.losses` where
            they have that name, and models made of them; `"auto"` for Keras's.
        seed: Of a model's weights.
        input_shapes: Shapes without the batch axis, instead of this table's.
        arguments: Of the layer, the loss or the model's builder, over this table's.

    Returns:
        The model, layer or loss, and where to check it as arguments of `gradcheck`.

    Raises:
        UnknownModelError: Nothing has that name.
        ArgumentError: Arguments that do not fit, or a layer that needs more than this table knows.
    """
    arguments = dict(arguments or {})
    if name in registry.list_models():
        if len(input_shapes) > 1:
            raise ArgumentError(f"A model has one input. Received: {len(input_shapes)} shapes")
        return _model(name, input_shapes, {**arguments, "gradients": gradients, "seed": seed}), {}
    if gradients not in ("auto", "handwritten"):
        raise ArgumentError(f'gradients is "auto" or "handwritten". Received: {gradients!r}')
    libraries = [keras.layers, keras.losses]
    if gradients == "handwritten":
        libraries = [zoo.layers, zoo.losses, *libraries]
    kinds = {one: getattr(library, one) for library in libraries[::-1] for one in dir(library)}
    kinds = {
        one: kind
        for one, kind in kinds.items()
        if inspect.isclass(kind) and issubclass(kind, keras.layers.Layer | keras.losses.Loss)
    }
    if name in kinds:
        shape = list(input_shapes) if input_shapes else _shape(name)
        return _made(kinds[name], arguments), {"input_shape": shape}
    raise UnknownModelError(
        f"There is no model, layer or loss {name!r}"
        f"{did_you_mean(name, {*registry.list_models(), *kinds})} "
        "`zoo models` lists the models."
    )


def _model(name: str, shapes: Sequence[tuple[int, ...]], arguments: dict[str, Any]) -> Any:
    """The model for a shape, or for the smallest of `SIZES` that it takes, in grey, else colour."""
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


def _made(kind: Any, arguments: dict[str, Any]) -> Any:
    needed = [
        one.name
        for one in inspect.signature(kind).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    unknown = [name for name in needed if name not in REQUIRED and name not in arguments]
    if unknown:
        raise ArgumentError(
            f"{kind.__name__} needs {', '.join(unknown)}, such as `--set {unknown[0]}=…`; in "
            f"Python: zoo.gradcheck({kind.__name__}(...), input_shape=...)"
        )
    known = {name: REQUIRED[name] for name in needed if name in REQUIRED}
    try:
        return kind(**{**known, **arguments})
    except Exception as error:
        raise ArgumentError(f"{kind.__name__}: {first_line(error)}") from error


def _shape(name: str) -> Any:
    if name in PAIRS:
        return [SEQUENCE, SEQUENCE]
    if name in ("LSTM", "GRU", "SimpleRNN"):
        return SEQUENCE
    if name in ("Augment", "LocalResponseNormalization") or "ImageStandardization" in name:
        return SHAPES["2D"]
    return next((shape for part, shape in SHAPES.items() if part in name), (6,))
