"""Counting the operations of a model: multiplications and additions of a forward pass."""

import math
import re
from collections.abc import Iterator
from typing import Any

from zoo.errors import ArgumentError


def flops(model: Any) -> int:
    """Count the floating-point operations of a model's forward pass for one image.

    A multiplication and the addition of the product are two operations. Only dense layers and
    convolutions are counted, also those of models inside the model. The others take a few
    operations a number, and most of their time goes into reading and writing.

    Args:
        model: A built functional or Sequential `keras.Model`.

    Returns:
        The number of operations.

    Raises:
        ArgumentError: The model is no graph of layers, so that nobody knows the shapes.

    Example:
        >>> import zoo
        >>> flops(zoo.build("softmax")), 2 * 28 * 28 * 10
        (15680, 15680)
    """
    if not hasattr(model, "inputs"):
        raise ArgumentError(
            "model must be a built graph of layers, to count its operations. Received: "
            f"{model!r}. Build the model by keras.Model(inputs, outputs), or by keras.Sequential "
            "that begins with keras.Input."
        )
    return 2 * sum(map(multiply_adds, layers_of(model)))


def layers_of(model: Any) -> Iterator[Any]:
    """Go through the layers of a model and those of models inside the model.

    Args:
        model: A built functional or Sequential `keras.Model`.

    Example:
        >>> import keras, zoo
        >>> inner = zoo.build("softmax")
        >>> outer = keras.Sequential([keras.Input((28, 28, 1)), inner])
        >>> [layer.name for layer in layers_of(outer)][-1]
        'probabilities'
    """
    for layer in model.layers:
        if hasattr(layer, "layers") and hasattr(layer, "inputs"):
            yield from layers_of(layer)
        else:
            yield layer


def multiply_adds(layer: Any) -> int:
    """Count the multiply-adds of a layer's forward pass for one image.

    A multiply-add is a multiplication and the addition of the product.

    Args:
        layer: A built layer of Keras or of `zoo.layers`.

    Returns:
        The numbers of the kernel, times the positions at which the layer applies the kernel. 0 for
        layers other than dense layers and convolutions, and for those of a model inside the model
        that was built for images of any size.

    Example:
        >>> import zoo
        >>> multiply_adds(zoo.build("cnn").layers[2]), 48 * 48 * 3 * 3 * 32
        (663552, 663552)
    """
    kind = type(layer).__name__
    if not re.fullmatch(r"Dense|(Depthwise|Separable)?Conv[123]D|Conv[123]DTranspose", kind):
        return 0
    # A transposed convolution applies the kernel at each position of its input.
    shape = (layer.input if kind.endswith("Transpose") else layer.output).shape[1:]
    if None in shape:
        return 0
    if getattr(layer, "data_format", None) == "channels_first":
        shape = (*shape[1:], shape[0])
    kernels = (
        [layer.depthwise_kernel, layer.pointwise_kernel]
        if kind.startswith("Separable")
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
    kernel = layer.pointwise_kernel if kind.startswith("Separable") else layer.kernel
    inputs, outputs = kernel.shape[-2:]
    if kind.startswith("Depthwise"):
        return 1, outputs
    return inputs, outputs // getattr(layer, "groups", 1)
