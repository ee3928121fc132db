"""VGG for small images, and its successor with branches that are merged after the training."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from zoo.arguments import check_choice, is_whole
from zoo.augmentation import Augmentation
from zoo.errors import ArgumentError
from zoo.models.blocks import conv_norm, norm, pooled_head_input, squeeze_and_excite
from zoo.models.stem_and_head import classifier_head, stem
from zoo.recipes import Recipe
from zoo.registry.specs import register

RECIPE = Recipe(
    optimizer="adamw",
    learning_rate=0.0015,
    optimizer_arguments={"weight_decay": 0.001},
    schedule="cosine",
    batch_size=128,
    epochs=30,
    augmentation=Augmentation(
        rotation_range=10, width_shift_range=0.1, height_shift_range=0.1, zoom_range=0.1
    ),
    standardize="per_image",
    precision="auto",
)
"""The default of the networks with batch normalisation. docs/tried.md has the trials."""
_WITHOUT = "Pass False to build without squeeze and excitation"


@register(
    tags=("conv", "small", "batchnorm"),
    source="Simonyan and Zisserman, 2015, with batch normalisation and global pooling",
    recipe=RECIPE,
    # Two kernels a block, four numbers of batch normalisation a channel, and the last layer.
    parameter_count=9 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    + 9 * (128 * 256 + 256 * 256)
    + 4 * 2 * (32 + 64 + 128 + 256)
    + 257 * 7,
    flops=2 * 9 * (48 * 48 * (32 + 32 * 32) + 24 * 24 * (32 * 64 + 64 * 64))
    + 2 * 9 * (12 * 12 * (64 * 128 + 128 * 128) + 6 * 6 * (128 * 256 + 256 * 256))
    + 2 * 256 * 7,
)
def vgg(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    width: int = 32,
    blocks: int = 4,
    conv_dropout: float = 0.0,
    dropout: float = 0.0,
    squeeze_excitation: bool = False,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Blocks of two 3×3 convolutions with batch normalisation, each block half the size before.

    The first block has `width` filters, and each block twice as many as the block before.
    `conv_dropout` drops numbers of the feature maps behind each block, `dropout` the means that
    the classes are told by.
    """
    check_sizes("vgg", width=width, blocks=blocks)
    check_choice("squeeze_excitation", squeeze_excitation, (True, False), _WITHOUT)
    inputs, x = stem(layers, "vgg", input_shape, smallest=2**blocks)
    for block in range(1, blocks + 1):
        for number in (1, 2):
            x = conv_norm(layers, x, width * 2 ** (block - 1), f"block{block}_{number}")
        if squeeze_excitation:
            x = squeeze_and_excite(layers, x, f"block{block}")
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        if conv_dropout:
            x = layers.Dropout(conv_dropout, name=f"block{block}_dropout")(x)
    x = pooled_head_input(layers, x, dropout)
    return classifier_head(layers, "vgg", inputs, x, num_classes, classifier_activation)


def check_sizes(name: str, **sizes: Any) -> None:
    """Refuse sizes of a network that are no whole numbers above 0.

    Args:
        name: Name of the model, for the error.
        **sizes: Arguments of the builder.

    Raises:
        ArgumentError: A size is not a whole number above 0.

    Example:
        >>> check_sizes("vgg", width=32)
    """
    for argument, size in sizes.items():
        if not is_whole(size) or size < 1:
            raise ArgumentError(
                f"{argument} must be a whole number of 1 or more for {name}. Received: {size!r}. "
                f"`zoo describe {name}` shows the default."
            )


@register(
    tags=("conv", "small", "batchnorm"),
    source="RepVGG, Ding et al., 2021, with pooling in place of strides",
    recipe=RECIPE,
    # A 3×3 and a 1×1 kernel, and batch normalisation of both and, in all but the first layer of
    # a stage, of the input.
    parameter_count=10 * (1 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    + 10 * (128 * 256 + 256 * 256)
    + 4 * (2 * 32 + 5 * (64 + 128 + 256))
    + 257 * 7,
    flops=2 * 10 * (48 * 48 * 32 + 24 * 24 * (32 * 64 + 64 * 64))
    + 2 * 10 * (12 * 12 * (64 * 128 + 128 * 128) + 6 * 6 * (128 * 256 + 256 * 256))
    + 2 * 256 * 7,
)
def rep_vgg(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (48, 48, 1),
    num_classes: int = 7,
    *,
    width: int = 32,
    depths: Sequence[int] = (1, 2, 2, 2),
    dropout: float = 0.0,
    squeeze_excitation: bool = False,
    classifier_activation: str | None = "softmax",
) -> Any:
    """3×3 and 1×1 convolutions and a shortcut side by side, which folding makes one convolution.

    Stage k has `depths[k]` layers of `width · 2^k` filters. In training, a layer is the sum of a
    3×3 convolution, a 1×1 convolution and, if the channels stay, its input, each with batch
    normalisation. `zoo.fold_batch_normalization` merges the three to a single 3×3 convolution,
    which gives the same answers and is as fast as `vgg`.
    """
    check_sizes("rep_vgg", width=width)
    check_choice("squeeze_excitation", squeeze_excitation, (True, False), _WITHOUT)
    if not isinstance(depths, Sequence) or not depths:
        raise ArgumentError(
            "depths must be a list of the numbers of layers of each stage, such as (1, 2, 2, 2). "
            f"Received: {depths!r}. Pass (2,) for a single stage."
        )
    check_sizes("rep_vgg", **{f"depths[{stage}]": depth for stage, depth in enumerate(depths)})
    inputs, x = stem(layers, "rep_vgg", input_shape, smallest=2 ** len(depths))
    for stage, depth in enumerate(depths, 1):
        for number in range(1, depth + 1):
            name = f"stage{stage}_{number}"
            x = _branches(layers, x, width * 2 ** (stage - 1), name)
            x = layers.ReLU(name=f"{name}_relu")(x)
        if squeeze_excitation:
            x = squeeze_and_excite(layers, x, f"stage{stage}")
        x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    x = pooled_head_input(layers, x, dropout)
    return classifier_head(layers, "rep_vgg", inputs, x, num_classes, classifier_activation)


def _branches(layers: ModuleType, x: Any, filters: int, name: str) -> Any:
    """Add up a 3×3 convolution, a 1×1 convolution and, if the channels stay, the input."""
    # Half the variance each, so that the sum has the variance of a single convolution.
    options: dict[str, Any] = {"relu": False, "initializer": "lecun_normal"}
    branches = [
        conv_norm(layers, x, filters, f"{name}_{size}x{size}", size=size, **options)
        for size in (3, 1)
    ]
    if x.shape[-1] == filters:
        branches.append(norm(layers, f"{name}_input_norm")(x))
    return layers.Add(name=f"{name}_sum")(branches)
