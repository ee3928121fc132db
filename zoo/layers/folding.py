"""Folding batch normalisation into the convolutions and dense layers before it, for inference.

In inference, batch normalisation is a multiplication and an addition for each channel, with the
constants s = γ / √(σ² + ε) and t = β − μ s. Behind a linear layer with the kernel K and the bias b
they change only the constants of that layer:

    s (X ∗ K + b) + t = X ∗ (s K) + (s b + t)

so that the normalisation costs nothing. A sum of such convolutions of the same input is a single
convolution, with the sum of the kernels; a smaller kernel is padded by zeros, and a normalisation
without a convolution has the kernel 1 at the centre (Ding et al., 2021).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.registry.sources import take_sources

_FOLDED = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense")


class Branch(NamedTuple):
    """A linear layer and the batch normalisation of its output.

    Attributes:
        linear: The layer; None for a normalisation of the input itself.
        norm: The batch normalisation.
    """

    linear: Any
    norm: Any


def fold_batch_normalization(model: Any) -> Any:
    """Copy a model for inference, with batch normalisation folded into the layers before it.

    The answers are the same up to rounding, and are computed in less time. Parallel convolutions of
    `rep_vgg` become a single convolution. Models inside the model are folded too. Layers that
    cannot be folded are copied: batch normalisation before a ReLU that stands before a
    convolution, as in `wide_resnet`, has no linear layer before it.

    Args:
        model: A built functional or Sequential `keras.Model`, trained.

    Returns:
        A new `keras.Model` with weights of its own, to predict with and to export. Training it
        would not train the normalisation. Committees know the images that `model` was trained on.

    Raises:
        ArgumentError: The model is no graph of layers.

    Example:
        >>> import zoo
        >>> model = zoo.build("vgg", width=4)
        >>> folded = fold_batch_normalization(model)
        >>> len(model.layers) - len(folded.layers)  # eight are folded
        8
    """
    if not _is_graph(model):
        raise ArgumentError(
            f"model must be a graph of layers, to fold batch normalisation. Received: {model!r}. "
            "Build the model by keras.Model(inputs, outputs) or keras.Sequential."
        )
    graph, branches = _graph_and_branches(model)
    skipped = _skipped(branches)
    copies: dict[int, Any] = {}

    def operation(layer: Any) -> Any:
        if id(layer) in skipped:
            return lambda x, *rest, **options: x
        if id(layer) in branches:
            return lambda x, **options: _new_layer(layer.name, branches[id(layer)], _first(x))(
                _first(x)
            )
        if isinstance(layer, keras.layers.Layer):
            if id(layer) not in copies:
                inner = _is_graph(layer)
                copies[id(layer)] = fold_batch_normalization(layer) if inner else _copy_of(layer)
            return copies[id(layer)]
        return layer

    inputs = [keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in graph.inputs]
    outputs = graph._run_through_graph(inputs, operation_fn=operation)
    for layer in graph.layers:
        if id(layer) in copies and layer.weights and not _is_graph(layer):
            copies[id(layer)].set_weights(layer.get_weights())
            if getattr(layer, "lora_enabled", False):  # lost when Keras builds a layer
                copies[id(layer)].lora_alpha = layer.lora_alpha
    structure = keras.tree.pack_sequence_as(graph._inputs_struct, inputs)
    folded = keras.Model(structure, outputs, name=model.name)
    take_sources(folded, model)
    if known := getattr(model, "zoo_class_names", None):
        folded.zoo_class_names = known
    return folded


def folded_where_possible(model: Any) -> Any:
    """Copy a model by `fold_batch_normalization`; a model with nothing to fold is given unchanged.

    Args:
        model: A built `keras.Model`.

    Returns:
        A model with the same answers.

    Example:
        >>> import zoo
        >>> model = zoo.build("cnn")
        >>> folded_where_possible(model) is model
        True
    """
    return fold_batch_normalization(model) if _can_fold(model) else model


def inference_of(model: Any) -> Callable[[Any], Any]:
    """Make a function that computes what a model answers, with batch normalisation folded.

    The function reads the weights of the model at each call, and so follows a training. A model in
    which nothing can be folded is called as it stands.

    Args:
        model: A built `keras.Model`.

    Returns:
        A function from images [batch, height, width, channels] to the output of the model.

    Example:
        >>> import zoo
        >>> answers = inference_of(zoo.build("vgg", width=4))
        >>> answers(tf.zeros((2, 48, 48, 1))).shape
        TensorShape([2, 7])
    """
    if not _can_fold(model):
        return lambda images: model(images, training=False)
    graph, branches = _graph_and_branches(model)
    skipped = _skipped(branches)

    def operation(layer: Any) -> Any:
        if id(layer) in skipped:
            return lambda x, *rest, **options: x
        if id(layer) in branches:
            return lambda x, **options: _compute(branches[id(layer)], _first(x))
        if _can_fold(layer):
            inner = inference_of(layer)  # the graph may pass the input by its name
            return lambda x=None, inputs=None, **options: inner(inputs if x is None else x)
        if isinstance(layer, keras.layers.Layer) and layer._call_has_training_arg:
            return lambda *x, **options: layer(*x, **{**options, "training": False})
        return layer

    return lambda images: graph._run_through_graph(
        graph._standardize_inputs(images), operation_fn=operation
    )


def _is_graph(model: Any) -> bool:
    """Whether a model is Keras's own functional or Sequential model, without a call of its own."""
    if isinstance(model, keras.Sequential):
        return type(model) is keras.Sequential and model.built
    return type(model).__name__ == "Functional"


def _can_fold(model: Any) -> bool:
    """Whether there is something to fold in a model, or in a model inside the model."""
    if not _is_graph(model):
        return False
    graph, branches = _graph_and_branches(model)
    return bool(branches) or any(map(_can_fold, graph.layers))


def _graph_and_branches(model: Any) -> tuple[Any, dict[int, list[Branch]]]:
    """Find what can be folded in a model.

    Returns:
        The functional model, and the branches that are folded, by the id of the layer whose output
        they replace: a batch normalisation, or the sum of several.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    nodes = [node for row in graph._nodes_by_depth.values() for node in row if not node.is_input]
    made_by = {id(x): node for node in nodes for x in node.outputs}
    uses: dict[int, int] = {}
    for x in [x for node in nodes for x in node.input_tensors] + list(graph.outputs):
        uses[id(x)] = uses.get(id(x), 0) + 1
    calls: dict[int, int] = {}
    for node in nodes:
        calls[id(node.operation)] = calls.get(id(node.operation), 0) + 1

    def maker(x: Any) -> Any:
        """Find the layer that made a tensor for a single reader, and that is called only once."""
        node = made_by.get(id(x))
        if node is None or uses[id(x)] > 1 or calls[id(node.operation)] > 1:
            return None
        return node

    branches: dict[int, list[Branch]] = {}
    sources: dict[int, Any] = {}  # the id of a normalisation → the tensor that the branch reads
    for node in nodes:
        norm = node.operation
        if not _is_norm(norm, node) or calls[id(norm)] > 1:
            continue
        before = maker(node.input_tensors[0])
        if before is not None and _is_linear(before.operation):
            branches[id(norm)] = [Branch(before.operation, norm)]
            sources[id(norm)] = before.input_tensors[0]
    for node in nodes:
        if _is_own(node.operation, "Add") and calls[id(node.operation)] == 1:
            _merge(node, maker, branches, sources)
    return graph, branches


def _merge(
    node: Any, maker: Callable[[Any], Any], branches: dict[int, list[Branch]],
    sources: dict[int, Any],
) -> None:  # fmt: skip
    """Replace the branches that a sum adds up by a single one, if all of them read one tensor."""
    merged, read = [], set()
    for x in node.input_tensors:
        before = maker(x)
        if before is None or not _is_norm(before.operation, before):
            return
        (branch,) = branches.get(id(before.operation), [Branch(None, before.operation)])
        source = sources.get(id(before.operation), before.input_tensors[0])
        if not _can_be_added(branch.linear):
            return
        merged.append(branch)
        read.add(id(source))
    if len(read) == 1 and any(branch.linear for branch in merged):
        for branch in merged:
            branches.pop(id(branch.norm), None)
        branches[id(node.operation)] = merged


def _skipped(branches: dict[int, list[Branch]]) -> set[int]:
    """List the ids of the layers whose work another layer does."""
    layers = [layer for row in branches.values() for branch in row for layer in branch if layer]
    return {id(layer) for layer in layers} - {*branches}


def _is_own(layer: Any, *kinds: str) -> bool:
    """Whether a layer is one of these of Keras or of Zoo, and no subclass by somebody else."""
    kind = type(layer)
    return kind.__name__ in kinds and kind.__module__.startswith(("keras.", "zoo.layers."))


def _is_norm(layer: Any, node: Any) -> bool:
    """Whether a layer is a batch normalisation of the last axis."""
    return _is_own(layer, "BatchNormalization") and layer.axis in (
        -1,
        len(node.input_tensors[0].shape) - 1,
    )


def _is_linear(layer: Any) -> bool:
    """Whether a layer is dense or a convolution, of the last axis, without an activation."""
    return (
        _is_own(layer, *_FOLDED)
        and layer.activation in (None, keras.activations.linear)
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and getattr(layer, "quantization_mode", None) is None
    )


def _can_be_added(linear: Any) -> bool:
    """Whether a convolution, or None, has an odd kernel that is centred at each pixel."""
    return linear is None or (
        type(linear).__name__ == "Conv2D"
        and linear.padding == "same"
        and {*linear.strides, *linear.dilation_rate, linear.groups} == {1}
        and all(side % 2 for side in linear.kernel_size)
    )


def _scale_and_shift(norm: Any) -> tuple[Any, Any]:
    """Compute what a batch normalisation multiplies by, and what it adds, float32 [channels]."""
    scale = tf.math.rsqrt(tf.cast(norm.moving_variance, "float32") + norm.epsilon)
    if norm.scale:
        scale *= tf.cast(norm.gamma, "float32")
    shift = -tf.cast(norm.moving_mean, "float32") * scale
    return scale, shift + tf.cast(norm.beta, "float32") if norm.center else shift


def _constants(branches: list[Branch], channels: int) -> tuple[Any, Any]:
    """Compute kernel and bias of the layer that stands for several branches, float32.

    Args:
        branches: The branches.
        channels: The channels of their input.

    Returns:
        The kernel, which is the pointwise kernel of a separable convolution, and the bias.
    """
    sides = [branch.linear.kernel_size for branch in branches if _is_own(branch.linear, "Conv2D")]
    height, width = (max(side) for side in zip(*sides, strict=True)) if sides else (1, 1)
    kernels, biases = [], []
    for linear, norm in branches:
        scale, shift = _scale_and_shift(norm)
        if linear is None:
            kernel = tf.reshape(tf.linalg.diag(scale), (1, 1, channels, channels))
        else:
            separable = _is_own(linear, "SeparableConv2D")
            kernel = tf.cast(linear.pointwise_kernel if separable else linear.kernel, "float32")
            shape = kernel.shape[2:] if _is_own(linear, "DepthwiseConv2D") else (-1,)
            kernel *= tf.reshape(scale, shape)
            if linear.use_bias:
                shift += tf.cast(linear.bias, "float32") * scale
        if sides:
            down, across = ((height - kernel.shape[0]) // 2, (width - kernel.shape[1]) // 2)
            kernel = tf.pad(kernel, [[down, down], [across, across], [0, 0], [0, 0]])
        kernels.append(kernel)
        biases.append(shift)
    return sum(kernels), sum(biases)


def _compute(branches: list[Branch], x: Any) -> Any:
    """Compute what several branches add up to, in the dtype of the layers."""
    linear = next(branch.linear for branch in branches if branch.linear)
    dtype = linear.compute_dtype
    x = tf.cast(x, dtype)
    kernel, bias = (tf.cast(value, dtype) for value in _constants(branches, x.shape[-1]))
    if _is_own(linear, "Dense"):
        y = tf.tensordot(x, kernel, axes=1)
    elif _is_own(linear, "Conv2D"):
        y = linear.convolution_op(x, kernel)
    else:
        options = {
            name: getattr(linear, name)
            for name in ("strides", "padding", "dilation_rate", "data_format")
        }
        if _is_own(linear, "DepthwiseConv2D"):
            y = keras.ops.depthwise_conv(x, kernel, **options)
        else:
            depthwise = tf.cast(linear.depthwise_kernel, dtype)
            y = keras.ops.separable_conv(x, depthwise, kernel, **options)
    # TensorFlow computes a convolution, BiasAdd and a ReLU in one kernel.
    return tf.nn.bias_add(y, bias)


def _new_layer(name: str, branches: list[Branch], x: Any) -> Any:
    """Make the layer that stands for several branches, with weights."""
    linear = next(branch.linear for branch in branches if branch.linear)
    kernel, bias = _constants(branches, x.shape[-1])
    config = {**linear.get_config(), "use_bias": True, "name": name}
    config.pop("lora_rank", None)  # the kernel has the change by low ranks in it
    if _is_own(linear, "Conv2D"):  # the kernel of a sum may be larger than that of each branch
        config |= {"kernel_size": tuple(kernel.shape[:2]), "filters": kernel.shape[-1]}
    layer = type(linear).from_config(config)
    layer.build(x.shape)
    first = [linear.depthwise_kernel] if _is_own(linear, "SeparableConv2D") else []
    layer.set_weights([*first, kernel, bias])
    return layer


def _copy_of(layer: Any) -> Any:
    """Copy a layer, or a model inside the model that is no graph, without its weights."""
    if isinstance(layer, keras.Model):
        return keras.models.clone_model(layer)
    return type(layer).from_config(layer.get_config())


def _first(x: Any) -> Any:
    """Give a tensor, or the first of several: branches of a sum all pass on what they read."""
    return x[0] if isinstance(x, list | tuple) else x
