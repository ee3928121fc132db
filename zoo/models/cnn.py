"""Small convolutional networks."""

from types import ModuleType
from typing import Any

from zoo.augmentation import REPORT, Augmentation
from zoo.models.stem_and_head import classifier_head, stem
from zoo.recipes import Recipe
from zoo.registry.specs import register

RECIPE = Recipe(
    optimizer="adam",
    learning_rate=0.001,
    schedule="cosine",
    batch_size=32,
    epochs=30,
    augmentation=Augmentation(
        rotation_range=10, width_shift_range=0.1, height_shift_range=0.1, zoom_range=0.1
    ),
    standardize="per_image",
    precision="auto",
)
"""The default of the convolutional networks for small images. docs/tried.md has the trials."""


@register(
    tags=("conv", "report"),
    source="CO395 coursework on FER2013",
    recipe=RECIPE,
    recipes={
        "CO395": Recipe(
            optimizer="adam",
            learning_rate=0.0005,
            batch_size=32,
            epochs=150,
            augmentation=REPORT,
            precision="auto",
        )
    },
    parameter_count=4_787_687,
    flops=2 * 9 * (48 * 48 * (32 + 32 * 32) + 24 * 24 * (32 * 64 + 64 * 64))
    + 2 * (12 * 12 * 64 * 512 + 512 * 7),
)
def cnn(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    filters: tuple[int, ...] = (32, 64),
    hidden: int = 512,
    conv_dropout: float = 0.25,
    dropout: float = 0.5,
    initializer: str = "glorot_uniform",
    classifier_activation: str | None = "softmax",
) -> Any:
    """VGG-style: pairs of 3×3 convolutions with pooling and dropout, then a dense layer."""
    inputs, x = stem(layers, "cnn", input_shape, smallest=2 ** len(filters))
    for width in filters:
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", kernel_initializer=initializer)(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(conv_dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(hidden, kernel_initializer=initializer)(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(dropout)(x)
    return classifier_head(
        layers, "cnn", inputs, x, num_classes, classifier_activation, kernel_initializer=initializer
    )


@register(
    tags=("conv", "report", "batchnorm"),
    source="HW3 2019 on FER2013",
    recipe=RECIPE,
    recipes={"HW3": Recipe(optimizer="adam", batch_size=128, epochs=50, precision="auto")},
    # 2,109,031 trainable parameters, as in the report, and the moving statistics.
    parameter_count=2_109_031 + 2 * (16 + 32 + 64 + 128 + 256 + 512 + 1024),
    flops=2 * 9 * (48 * 48 * 16 + 24 * 24 * 16 * 32 + 12 * 12 * 32 * 64 + 6 * 6 * 64 * 128)
    + 2 * 9 * (3 * 3 * 128 * 256 + 256 * 512)
    + 2 * (512 * 1024 + 1024 * 7),
)
def conv_bn(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    initializer: str = "he_normal",
    classifier_activation: str | None = "softmax",
) -> Any:
    """Six 3×3 convolutions from 16 to 512 filters with batch normalisation, down to 1×1."""
    # After four halvings, 3×3 pixels must be left for the last convolution, which has no padding.
    inputs, x = stem(layers, "conv_bn", input_shape, smallest=3 * 2**4)
    for filters in (16, 32, 64, 128, 256, 512):
        padding = "valid" if filters == 512 else "same"
        x = layers.Conv2D(filters, 3, padding=padding, kernel_initializer=initializer)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        if filters <= 128:
            x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1024, kernel_initializer=initializer)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    return classifier_head(
        layers,
        "conv_bn",
        inputs,
        x,
        num_classes,
        classifier_activation,
        kernel_initializer=initializer,
    )
