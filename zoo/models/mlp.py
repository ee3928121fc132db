"""Multilayer perceptrons: dense layers in sequence."""

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

from zoo.arguments import is_whole
from zoo.errors import ArgumentError
from zoo.models.stem_and_head import activate, classifier_head, stem
from zoo.recipes import Recipe
from zoo.registry.specs import register

INM702 = "INM702 coursework, task 6, on four classes of FER2013"
RECIPE = Recipe(
    optimizer="adam",
    learning_rate=0.001,
    schedule="cosine",
    batch_size=32,
    epochs=40,
    standardize="per_image",
)
"""The default of all perceptrons, so that they train together. docs/tried.md has the trials."""
INM702_RECIPE = Recipe(optimizer="sgd", learning_rate=0.001, batch_size=256, epochs=100)


@register(
    tags=("mlp", "report"),
    source="CO395 coursework on CIFAR-10 and FER2013; INM702 coursework",
    recipe=RECIPE,
    recipes={
        "CO395": Recipe(
            optimizer_arguments={"momentum": 0.9}, learning_rate=0.01, batch_size=64, epochs=100
        )
    },
    parameter_count=(48 * 48 + 1) * 512 + 2 * (512 + 1) * 512 + (512 + 1) * 7,
    flops=2 * (48 * 48 * 512 + 2 * 512 * 512 + 512 * 7),
)
def mlp(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    hidden: Sequence[int] = (512, 512, 512),
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Multilayer perceptron with optional dropout, L1 and L2 penalties."""
    return _perceptron("mlp", **locals())


@register(
    tags=("mlp", "report", "batchnorm"),
    source=INM702,
    recipe=RECIPE,
    recipes={"INM702": INM702_RECIPE},
    parameter_count=(48 * 48 + 1) * 100 + (100 + 1) * 100 + 2 * 4 * 100 + (100 + 1) * 4,
    flops=2 * (48 * 48 * 100 + 100 * 100 + 100 * 4),
)
def bn_mlp(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 4,
    *,
    hidden: Sequence[int] = (100, 100),
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Two hidden layers of 100 units, each followed by batch normalisation."""
    return _perceptron("bn_mlp", **locals(), batch_normalization=True)


@register(
    tags=("mlp", "report", "regularised"),
    source=INM702,
    recipe=RECIPE,
    recipes={"INM702": INM702_RECIPE},
    parameter_count=(48 * 48 + 1) * 100 + (100 + 1) * 100 + (100 + 1) * 4,
    flops=2 * (48 * 48 * 100 + 100 * 100 + 100 * 4),
)
def lasso_mlp(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 4,
    *,
    hidden: Sequence[int] = (100, 100),
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    l1: float = 1e-4,
    l2: float = 2e-4,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Two hidden layers of 100 units with L1 and L2 penalties on their weights."""
    return _perceptron("lasso_mlp", **locals())


@register(
    tags=("mlp", "report", "deep"),
    source=INM702,
    recipe=RECIPE,
    recipes={"INM702": INM702_RECIPE},
    parameter_count=(48 * 48 + 1) * 100 + 3 * (100 + 1) * 100 + (100 + 1) * 4,
    flops=2 * (48 * 48 * 100 + 3 * 100 * 100 + 100 * 4),
)
def deep_mlp(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 4,
    *,
    hidden: Sequence[int] = (100, 100, 100, 100),
    activation: str = "relu",
    initializer: str = "glorot_uniform",
    dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Four hidden layers of 100 units."""
    return _perceptron("deep_mlp", **locals())


def _perceptron(
    name: str,
    layers: ModuleType,
    input_shape: tuple[int, int, int],
    num_classes: int,
    hidden: Sequence[int],
    activation: str,
    initializer: str,
    classifier_activation: str | None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool = False,
) -> Any:
    """Build the architecture that all models of this file share."""
    import keras

    widths = hidden if isinstance(hidden, Iterable) else [0]
    if not all(is_whole(width) and width > 0 for width in widths):
        raise ArgumentError(
            "hidden must be a list of layer widths, each a whole number of 1 or more, such as "
            f"(100, 100). Received: {hidden!r}. Pass (100,) for a single hidden layer."
        )
    inputs, x = stem(layers, name, input_shape)
    x = layers.Flatten()(x)
    for units in hidden:
        x = layers.Dense(
            int(units),
            kernel_initializer=initializer,
            kernel_regularizer=keras.regularizers.L1L2(l1, l2) if l1 or l2 else None,
        )(x)
        x = activate(layers, activation, x)
        if batch_normalization:
            x = layers.BatchNormalization()(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return classifier_head(
        layers, name, inputs, x, num_classes, classifier_activation, kernel_initializer=initializer
    )
