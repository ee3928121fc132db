"""Mini-Xception, the small network that many programs read emotions with."""

from types import ModuleType
from typing import Any

from zoo.models.blocks import conv_norm, norm
from zoo.models.stem_and_head import probabilities_of, stem
from zoo.models.vgg import RECIPE, check_sizes
from zoo.registry.specs import register


@register(
    tags=("conv", "small", "batchnorm", "residual", "separable"),
    source="Arriaga, Valdenegro-Toro, Plöger, 2017",
    recipe=RECIPE,
    parameter_count=58_423,  # as the authors' own, at 7 classes
    flops=2 * (46 * 46 * 72 + 44 * 44 * 576)
    + 2 * 44 * 44 * (9 * 8 + 8 * 16 + 9 * 16 + 16 * 16) + 2 * 22 * 22 * 8 * 16
    + 2 * 22 * 22 * (9 * 16 + 16 * 32 + 9 * 32 + 32 * 32) + 2 * 11 * 11 * 16 * 32
    + 2 * 11 * 11 * (9 * 32 + 32 * 64 + 9 * 64 + 64 * 64) + 2 * 6 * 6 * 32 * 64
    + 2 * 6 * 6 * (9 * 64 + 64 * 128 + 9 * 128 + 128 * 128) + 2 * 3 * 3 * 64 * 128
    + 2 * 3 * 3 * 9 * 128 * 7,
)  # fmt: skip
def mini_xception(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    width: int = 8,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Two convolutions, then four modules of separable convolutions around 1×1 shortcuts.

    The first convolutions have `width` filters, and module k has `width · 2^k`. A last convolution
    makes a map of each class, whose mean is the logit of the class.
    """
    check_sizes("mini_xception", width=width)
    # Two convolutions without padding take four pixels away.
    inputs, x = stem(layers, "mini_xception", input_shape, smallest=5)
    for number in (1, 2):
        x = conv_norm(layers, x, width, f"stem_{number}", padding="valid")
    for module in (1, 2, 3, 4):
        x = _module(layers, x, width * 2**module, f"module{module}")
    x = layers.Conv2D(num_classes, 3, padding="same", name="class_maps")(x)
    return probabilities_of(
        layers, "mini_xception", inputs, layers.GlobalAveragePooling2D, x, classifier_activation
    )


def _module(layers: ModuleType, x: Any, filters: int, name: str) -> Any:
    """Halve the image by two separable convolutions and pooling, beside a 1×1 shortcut."""
    shortcut = conv_norm(layers, x, filters, f"{name}_shortcut", size=1, stride=2, relu=False)
    for number in (1, 2):
        separable = layers.SeparableConv2D(
            filters, 3, padding="same", use_bias=False, name=f"{name}_{number}_conv"
        )
        x = norm(layers, f"{name}_{number}_norm")(separable(x))
        if number == 1:
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_sum")([x, shortcut])
