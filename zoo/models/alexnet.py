"""AlexNet, the network that won ImageNet's competition of 2012."""

from types import ModuleType
from typing import Any

from zoo.models.stem_and_head import classifier_head, stem
from zoo.recipes import Recipe
from zoo.registry.specs import register


@register(
    tags=("conv", "report", "imagenet"),
    source="Krizhevsky, Sutskever, Hinton, 2012; CSC411 project on FaceScrub",
    recipe=Recipe(
        learning_rate=0.01,
        optimizer_arguments={"momentum": 0.9, "weight_decay": 0.0005},
        batch_size=128,
        epochs=90,
        precision="auto",
    ),
    parameter_count=60_965_224,
    # Five convolutions, three of them in two groups, and three dense layers.
    flops=2 * (55 * 55 * 121 * 3 * 96 + 27 * 27 * 25 * 48 * 256 + 13 * 13 * 9 * 256 * 384)
    + 2 * 13 * 13 * 9 * 192 * (384 + 256)
    + 2 * (9216 * 4096 + 4096 * 4096 + 4096 * 1000),
)
def alexnet(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    classifier_activation: str | None = "softmax",
) -> Any:
    """The 2012 network with its groups and local response normalisation.

    `zoo.build("alexnet", features="pool5")` ends with the flattened activations of the last
    pooling, 9,216 numbers at 227×227.
    """
    from zoo.layers import LocalResponseNormalization

    inputs, x = stem(layers, "alexnet", input_shape, smallest=67)

    def conv(x: Any, filters: int, size: int, name: str, **arguments: Any) -> Any:
        x = layers.Conv2D(filters, size, kernel_initializer="he_normal", name=name, **arguments)(x)
        return layers.ReLU()(x)

    x = conv(x, 96, 11, "conv1", strides=4)
    x = layers.MaxPooling2D(3, 2)(LocalResponseNormalization()(x))
    x = conv(x, 256, 5, "conv2", padding="same", groups=2)
    x = layers.MaxPooling2D(3, 2)(LocalResponseNormalization()(x))
    x = conv(x, 384, 3, "conv3", padding="same")
    x = conv(x, 384, 3, "conv4", padding="same", groups=2)
    x = conv(x, 256, 3, "conv5", padding="same", groups=2)
    x = layers.Flatten(name="pool5")(layers.MaxPooling2D(3, 2)(x))
    for name in ("fc6", "fc7"):
        x = layers.Dense(4096, kernel_initializer="he_normal", name=name)(x)
        x = layers.Dropout(dropout)(layers.ReLU()(x))
    return classifier_head(layers, "alexnet", inputs, x, num_classes, classifier_activation)
