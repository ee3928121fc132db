"""Counting the operations of a model: multiplications and additions of a forward pass."""

import math
from typing import Any


def flops(model: Any) -> int:
    """Count the floating-point operations of a model's forward pass for one image.

    A multiplication and the addition of the product are two operations. Only dense and
    convolutional layers are counted. The others take a few operations a number, and most of their
    time goes into reading and writing.

    Args:
        model: A built `keras.Model`.

    Returns:
        The number of operations.

    Example:
        >>> import zoo
        >>> flops(zoo.build("softmax")), 2 * 28 * 28 * 10
        (15680, 15680)
    """
    return 2 * sum(map(multiply_adds, model.layers))


def multiply_adds(layer: Any) -> int:
    """Count the multiply-adds of a layer's forward pass for one image.

    A multiply-add is a multiplication and the addition of the product.

    Args:
        layer: A built layer of Keras or of `zoo.layers`.

    Returns:
        The numbers of the kernel, times the positions at which the layer applies the kernel. 0 for
        layers other than dense layers and convolutions.

    Example:
        >>> import zoo
        >>> multiply_adds(zoo.build("cnn").layers[2]), 48 * 48 * 3 * 3 * 32
        (663552, 663552)
    """
    kind = type(layer).__name__
    if kind not in ("Dense", "Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    shape = layer.output.shape[1:]
    if getattr(layer, "data_format", None) == "channels_first":
        shape = (*shape[1:], shape[0])
    kernels = (
        [layer.depthwise_kernel, layer.pointwise_kernel]
        if kind == "SeparableConv2D"
        else [layer.kernel]
    )
    return sum(math.prod(kernel.shape) for kernel in kernels) * math.prod(shape[:-1])


def kernel_widths(layer: Any) -> tuple[int, int]:
    """Give the channels of input and output that the matrix product of a layer has.

    Args:
        layer: A built dense or convolutional layer.

    Returns:
        (channels of the input of a group, channels of the output of a group). Of a separable
        convolution, those of its 1×1 convolution, in which most of the work is.

    Example:
        >>> import zoo
        >>> kernel_widths(zoo.build("cnn").get_layer("logits"))
        (512, 7)
    """
    kind = type(layer).__name__
    kernel = layer.pointwise_kernel if kind == "SeparableConv2D" else layer.kernel
    inputs, outputs = kernel.shape[-2:]
    if kind == "DepthwiseConv2D":
        return 1, outputs
    return inputs, outputs // getattr(layer, "groups", 1)
