"""Residual networks for small images: sums of layers and of shortcuts around them."""

from types import ModuleType
from typing import Any

from zoo.arguments import is_whole
from zoo.errors import ArgumentError
from zoo.models.blocks import conv_norm, every_pixel, norm, pooled_head_input
from zoo.models.stem_and_head import classifier_head, stem
from zoo.models.vgg import RECIPE, check_sizes
from zoo.registry.specs import register


@register(
    tags=("conv", "small", "batchnorm", "residual"),
    source="He, Zhang, Ren, Sun, 2016, section 4.2: the networks for CIFAR-10",
    recipe=RECIPE,
    # 269,722 trainable parameters, as in other implementations, and the moving statistics.
    parameter_count=269_722 + 2 * (16 * 7 + 32 * 6 + 64 * 6),
    flops=2 * 9 * 32 * 32 * (3 * 16 + 6 * 16 * 16)
    + 2 * 9 * 16 * 16 * (16 * 32 + 5 * 32 * 32)
    + 2 * 9 * 8 * 8 * (32 * 64 + 5 * 64 * 64)
    + 2 * 64 * 10,
)
def resnet(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 20,
    width: int = 16,
    classifier_activation: str | None = "softmax",
) -> Any:
    """CIFAR's residual network of 20, 32, 44 or 56 layers: 6 n + 2 for n blocks a stage.

    The three stages have `width`, 2 · `width` and 4 · `width` filters. Where a stage begins, the
    shortcut takes every second pixel and adds channels of zeros (option A of the paper), so that
    it has no weights. As in all Keras layers with `"same"` padding, the 3×3 convolutions with
    strides lie one pixel further right and down on even sides than those of PyTorch do.
    """
    blocks = _blocks_of_a_stage("resnet", depth, 2)
    check_sizes("resnet", width=width)
    inputs, x = stem(layers, "resnet", input_shape)
    x = conv_norm(layers, x, width, "stem")
    for stage in (1, 2, 3):
        filters = width * 2 ** (stage - 1)
        for number in range(1, blocks + 1):
            name, stride = f"stage{stage}_{number}", 1 + (stage > 1 and number == 1)
            shortcut = _padded_shortcut(layers, x, filters, stride, name)
            x = conv_norm(layers, x, filters, f"{name}_1", stride=stride)
            x = conv_norm(layers, x, filters, f"{name}_2", relu=False)
            x = layers.Add(name=f"{name}_sum")([x, shortcut])
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = pooled_head_input(layers, x, 0.0)
    return classifier_head(
        layers, "resnet", inputs, x, num_classes, classifier_activation,
        kernel_initializer="he_normal",
    )  # fmt: skip


@register(
    tags=("conv", "small", "batchnorm", "residual"),
    source="Zagoruyko and Komodakis, 2016",
    recipe=RECIPE,
    # 691,674 trainable parameters, and the moving statistics.
    parameter_count=691_674 + 2 * (16 + 3 * 32 + 32 + 3 * 64 + 64 + 3 * 128 + 128),
    flops=2 * 32 * 32 * (27 * 16 + 9 * (16 * 32 + 3 * 32 * 32) + 16 * 32)
    + 2 * 16 * 16 * (9 * (32 * 64 + 3 * 64 * 64) + 32 * 64)
    + 2 * 8 * 8 * (9 * (64 * 128 + 3 * 128 * 128) + 64 * 128)
    + 2 * 128 * 10,
)
def wide_resnet(
    layers: ModuleType,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 16,
    width: int = 2,
    conv_dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
) -> Any:
    """Wide residual network: few blocks with `width` times the filters of a residual network.

    `depth` is 6 n + 4 for n blocks a stage: `depth=28, width=10` is the paper's WRN-28-10. Each
    convolution follows batch normalisation and a ReLU. `conv_dropout` drops numbers between the
    two convolutions of a block.
    """
    blocks = _blocks_of_a_stage("wide_resnet", depth, 4)
    check_sizes("wide_resnet", width=width)
    inputs, x = stem(layers, "wide_resnet", input_shape)
    x = _conv(layers, x, 16, "stem")
    for stage in (1, 2, 3):
        filters = 16 * width * 2 ** (stage - 1)
        for number in range(1, blocks + 1):
            name, stride = f"stage{stage}_{number}", 1 + (stage > 1 and number == 1)
            x = _wide_block(layers, x, filters, stride, conv_dropout, name)
    x = pooled_head_input(layers, _norm_relu(layers, x, "last"), 0.0)
    return classifier_head(
        layers, "wide_resnet", inputs, x, num_classes, classifier_activation,
        kernel_initializer="he_normal",
    )  # fmt: skip


def _blocks_of_a_stage(name: str, depth: Any, outside: int) -> int:
    """Compute how many blocks of two layers each of the three stages has."""
    if not is_whole(depth) or depth < 6 + outside or (depth - outside) % 6:
        depths = ", ".join(str(6 * blocks + outside) for blocks in (1, 2, 3, 4, 5))
        raise ArgumentError(
            f"depth must be 6 n + {outside} for {name}, with n blocks in each of three stages. "
            f"Received: {depth!r}. Pass {depths} or more."
        )
    return (depth - outside) // 6


def _padded_shortcut(layers: ModuleType, x: Any, filters: int, stride: int, name: str) -> Any:
    """Take every `stride`-th pixel, and add channels of zeros on both sides up to `filters`."""
    x = every_pixel(layers, x, stride, name)
    missing = filters - x.shape[-1]
    if not missing:
        return x
    # ZeroPadding2D pads the last two axes in this format, whatever stands there.
    return layers.ZeroPadding2D(
        ((0, 0), (missing // 2, missing - missing // 2)), data_format="channels_first",
        name=f"{name}_channels",
    )(x)  # fmt: skip


def _wide_block(
    layers: ModuleType, x: Any, filters: int, stride: int, dropout: float, name: str
) -> Any:
    """Add two convolutions of the normalised input to the input."""
    rectified = _norm_relu(layers, x, f"{name}_1")
    shortcut = x
    if x.shape[-1] != filters or stride > 1:
        pixels = every_pixel(layers, rectified, stride, f"{name}_shortcut")
        shortcut = _conv(layers, pixels, filters, f"{name}_shortcut", size=1)
    x = _conv(layers, rectified, filters, f"{name}_1", stride=stride)
    x = _norm_relu(layers, x, f"{name}_2")
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    x = _conv(layers, x, filters, f"{name}_2")
    return layers.Add(name=f"{name}_sum")([x, shortcut])


def _norm_relu(layers: ModuleType, x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(norm(layers, f"{name}_norm")(x))


def _conv(
    layers: ModuleType, x: Any, filters: int, name: str, size: int = 3, stride: int = 1
) -> Any:
    return layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)  # fmt: skip
