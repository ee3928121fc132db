"""LeNet-5, the convolutional network that read cheques in the nineties."""

from types import ModuleType
from typing import Any

from zoo.errors import ArgumentError
from zoo.models.blocks import pooled_head_input
from zoo.models.cnn import RECIPE
from zoo.models.stem_and_head import activate, classifier_head, stem
from zoo.registry.specs import register


@register(
    tags=("conv", "small"),
    source="LeCun, Bottou, Bengio, Haffner, 1998; ReLU and maxima as in uncertainty-baselines",
    recipe=RECIPE,
    # 5×5 kernels with 6, 16 and 120 filters, then 84 and 10 units, each with a bias.
    parameter_count=(25 + 1) * 6 + (150 + 1) * 16 + (400 + 1) * 120 + (120 + 1) * 84 + 85 * 10,
    flops=2 * (28 * 28 * 150 + 10 * 10 * 2400 + 48_000 + 120 * 84 + 84 * 10),
)
def lenet(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    activation: str = "relu",
    pooling: str = "max",
    dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
) -> Any:
    """LeNet-5: three 5×5 convolutions of 6, 16 and 120 filters, then 84 units.

    `activation="tanh"` and `pooling="average"` are those of 1998. At 28×28 pixels the third
    convolution ends in a single pixel. For larger images the mean over its pixels is taken.
    """
    kinds = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    if pooling not in kinds:
        raise ArgumentError(
            f'pooling must be "max" or "average". Received: {pooling!r}. Pass "average" for the '
            "network of 1998."
        )
    # 5×5 pixels must be left for the third convolution, and twice 2·5 + 4 for the second.
    inputs, x = stem(layers, "lenet", input_shape, smallest=28)
    for number, (filters, padding) in enumerate(((6, "same"), (16, "valid"), (120, "valid")), 1):
        x = layers.Conv2D(filters, 5, padding=padding, name=f"conv{number}")(x)
        x = activate(layers, activation, x)
        if number < 3:
            x = kinds[pooling](2, name=f"pool{number}")(x)
    x = pooled_head_input(layers, x, 0.0)
    x = activate(layers, activation, layers.Dense(84, name="dense")(x))
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return classifier_head(layers, "lenet", inputs, x, num_classes, classifier_activation)
