"""Names on the command line: what is checked, and at which small size."""

import inspect
import itertools
from typing import Any

import keras

import zoo.layers
from zoo import registry
from zoo.errors import ArgumentError, UnknownModelError

SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 227, 256)
"""Sides of square images; a model is checked at the first that it takes."""

NUM_CLASSES = 3

REQUIRED = {
    "units": 4,
    "filters": 3,
    "kernel_size": 3,
    "rate": 0.5,
    "stddev": 0.5,
    "num_heads": 2,
    "key_dim": 3,
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


def own_layers() -> list[str]:
    """The layers that `zoo.layers` itself defines, not those it passes on from Keras."""
    return [
        name
        for name in sorted(zoo.layers.__all__)
        if getattr(zoo.layers, name).__module__.startswith("zoo.")
    ]


def target(name: str, gradients: str | None, seed: int) -> tuple[Any, dict[str, Any]]:
    """What a name stands for.

    Args:
        name: A registered model, or a layer of `zoo.layers` or `keras.layers`.
        gradients: `"auto"` for Keras's layers, `"handwritten"` for those of `zoo.layers`; None
            builds models from Keras's and prefers `zoo.layers` for a layer.
        seed: Of a model's weights.

    Returns:
        The model or layer, and where to check it as arguments of `gradcheck`.

    Raises:
        UnknownModelError: Nothing has that name.
        ArgumentError: A layer that needs more than this table knows.
    """
    if name in registry.list_models():
        return _model(name, gradients or "auto", seed), {}
    if gradients not in (None, "auto", "handwritten"):
        raise ArgumentError(f'gradients is "auto" or "handwritten". Received: {gradients!r}')
    libraries = {"auto": [keras.layers], "handwritten": [zoo.layers]}
    choices = libraries.get(gradients or "", [zoo.layers, keras.layers])
    for library in choices:
        kind = getattr(library, name, None)
        if inspect.isclass(kind) and issubclass(kind, keras.layers.Layer):
            return _layer(kind), {"input_shape": _shape(kind)}
    known = {*registry.list_models(), *(one for library in choices for one in dir(library))}
    raise UnknownModelError(
        f"There is no model and no layer {name!r}{registry.did_you_mean(name, known)} "
        "`zoo models` lists the models."
    )


def _model(name: str, gradients: str, seed: int) -> Any:
    """The model for the smallest of `SIZES` that it takes, in grey, else in colour."""
    for channels, size in itertools.product((1, 3), SIZES):
        try:
            return registry.build(
                name,
                gradients=gradients,
                seed=seed,
                input_shape=(size, size, channels),
                num_classes=NUM_CLASSES,
            )
        except ArgumentError as error:
            refusal = error
    raise refusal


def _layer(kind: Any) -> Any:
    needed = [
        one.name
        for one in inspect.signature(kind).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    unknown = [name for name in needed if name not in REQUIRED]
    if unknown:
        raise ArgumentError(
            f"{kind.__name__} needs {', '.join(unknown)}, which the command line does not know; "
            f"in Python: zoo.gradcheck({kind.__name__}(...), input_shape=...)"
        )
    return kind(**{name: REQUIRED[name] for name in needed})


def _shape(kind: Any) -> Any:
    name = kind.__name__
    if name in PAIRS:
        return [SEQUENCE, SEQUENCE]
    if name in ("LSTM", "GRU", "SimpleRNN"):
        return SEQUENCE
    if name == "LocalResponseNormalization":
        return SHAPES["2D"]
    return next((shape for part, shape in SHAPES.items() if part in name), (6,))
