"""Softmax regression."""

from types import ModuleType
from typing import Any

from zoo.models.mlp import RECIPE
from zoo.models.stem_and_head import classifier_head, stem
from zoo.recipes import Recipe
from zoo.registry.specs import register


@register(
    tags=("linear", "report"),
    source="CSC411 project on MNIST and FaceScrub",
    recipe=RECIPE,
    recipes={"CSC411": Recipe(learning_rate=0.01, batch_size=50, epochs=20)},
    parameter_count=28 * 28 * 10 + 10,
    flops=2 * 28 * 28 * 10,
)
def softmax(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    initializer: str = "glorot_uniform",
    classifier_activation: str | None = "softmax",
) -> Any:
    """Softmax regression: a single linear layer, no hidden layer."""
    inputs, x = stem(layers, "softmax", input_shape)
    return classifier_head(
        layers,
        "softmax",
        inputs,
        layers.Flatten()(x),
        num_classes,
        classifier_activation,
        kernel_initializer=initializer,
    )
