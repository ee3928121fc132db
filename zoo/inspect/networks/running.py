"""A run of a model inside a graph: its logits, and the outputs of chosen layers.

`forward` is called inside a `tf.function`, so that the tensors that it returns belong to the same
graph and `tf.gradients` differentiates each of them by any other:

    @tf.function
    def gradient(images):
        run = forward(model, images, ["vgg/block3_conv1"])
        features, = run.recorded.values()
        return tf.gradients(run.logits[:, 0], features)

The softmax or sigmoid at the end is left out by looking at the graph: the logits are the input of
the last operation. The model and its weights stay as they are.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.inspect.networks.interception import in_float32, observed_calls
from zoo.inspect.networks.layer_names import Use, find_layer, layers_by_path
from zoo.training.built_models.logits import source_of

ENDINGS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
"""TensorFlow's operations that a model can end with → the name of the activation."""


class Run(NamedTuple):
    """The tensors of a run of a model; they belong to the graph in which `forward` was called.

    Attributes:
        outputs: The output of the model, float32 [batch, classes] or [batch, 1].
        logits: The logits, float32 [batch, classes]. For a single unit z, which decides between
            two classes, they are [-z, z]: the log-odds of each class.
        ending: `"softmax"`, `"sigmoid"` or `"log_softmax"` if that activation was left out;
            `"linear"` if the last operation adds weights or multiplies by weights, as at the end of
            a model that gives logits; None if the model ends in another way.
        recorded: Name as passed → the output of that layer, in its own dtype.
    """

    outputs: Any
    logits: Any
    ending: str | None
    recorded: dict[str, Any]


class LayerCall(NamedTuple):
    """A call of a layer in a run of a model.

    Attributes:
        name: The path of the layer; with the number of the call, such as `"shared:0"`, if the
            model calls the layer more than once.
        layer: The Keras layer.
        shape: The shape of the output, with None for the batch; None where the output is not a
            single tensor.
    """

    name: str
    layer: Any
    shape: tuple[int | None, ...] | None


def forward(model: Any, images: Any, layers: Sequence[Any] = (), *, float32: bool = True) -> Run:
    """Run a model inside a graph, and keep its logits and the outputs of layers.

    Args:
        model: A built `keras.Model` with one input and one output: functional, Sequential,
            subclassed, or with such models inside.
        images: A tensor [batch, height, width, channels] of any dtype, pixels as the model takes
            them.
        layers: Names of layers as `find_layer` takes them.
        float32: Whether layers of a mixed policy compute in float32. Their weights are float32.

    Returns:
        The tensors of the run.

    Raises:
        ArgumentError: A layer does not exist, is not called in a run, or runs inside a loop or
            another function, whose tensors are out of reach.
        RuntimeError: The function is not called inside a `tf.function`.
    """
    graph = tf.compat.v1.get_default_graph()
    if tf.executing_eagerly():
        raise RuntimeError("forward must be called inside a tf.function.")
    uses = {_key(name): find_layer(model, name) for name in layers}
    outputs_of: dict[int, list[Any]] = {id(use.layer): [] for use in uses.values()}

    def keep(operation: Any, output: Any) -> None:
        if id(operation) in outputs_of:
            outputs_of[id(operation)].append(output)

    images = tf.cast(images, tf.float64 if model.compute_dtype == "float64" else tf.float32)
    with in_float32() if float32 else nullcontext(), observed_calls(keep):
        outputs = model(images, training=False)
    if not isinstance(outputs, tf.Tensor) or outputs.shape.rank not in (1, 2):
        raise ArgumentError(
            f"{model.name} must have a single output, a number for each class. Received: "
            f"{outputs!r}. Choose the output: keras.Model(model.inputs, model.outputs[0])."
        )
    recorded = {
        name: _recorded(model, use, outputs_of[id(use.layer)], graph) for name, use in uses.items()
    }
    logits, ending = logits_behind(outputs)
    outputs, logits = (tf.cast(x, tf.float32) for x in (outputs, logits))
    if outputs.shape.rank == 1:
        outputs, logits = outputs[:, None], logits[:, None]
    if logits.shape[-1] == 1:
        logits = tf.concat([-logits, logits], axis=-1)
    return Run(outputs, logits, ending, recorded)


def logits_behind(outputs: Any) -> tuple[Any, str | None]:
    """Find the input of the softmax or sigmoid that computed a tensor of a graph.

    It makes no difference where the activation comes from: a layer, `activation="softmax"`,
    `keras.ops`, TensorFlow's own functions, or `zoo.layers`.

    Args:
        outputs: The output of a model, a tensor of a graph.

    Returns:
        The logits and the name of the activation, or `"linear"` for logits; `outputs` and None if
        another operation computed the tensor.
    """
    tensor = source_of(outputs)
    if tensor.op.type in ENDINGS:
        return tensor.op.inputs[0], ENDINGS[tensor.op.type]
    return outputs, "linear" if _uses_weights(tensor.op) else None


def layer_calls(model: Any, image_shape: Sequence[int | None]) -> list[LayerCall]:
    """List the calls of layers in a run of a model, in the order in which they end.

    Nothing is computed: the run is traced as a graph.

    Args:
        model: A built `keras.Model`.
        image_shape: (height, width, channels).

    Returns:
        The calls, at any depth. A nested model stands after the layers that it contains.

    Example:
        >>> import zoo
        >>> [call.shape for call in layer_calls(zoo.build("softmax"), (28, 28, 1))][-1]
        (None, 10)
    """
    paths: dict[int, str] = {}
    for path, layer in layers_by_path(model).items():
        paths.setdefault(id(layer), path)
    calls: list[tuple[Any, Any]] = []

    def keep(operation: Any, output: Any) -> None:
        if id(operation) in paths:
            shape = tuple(output.shape) if isinstance(output, tf.Tensor) else None
            calls.append((operation, shape))

    def trace(images: Any) -> Any:
        with observed_calls(keep):
            return model(images, training=False)

    signature = tf.TensorSpec((None, *image_shape), tf.float32)
    tf.function(trace, autograph=False).get_concrete_function(signature)
    counts: dict[int, int] = {}
    listed = []
    for layer, shape in calls:
        number = counts[id(layer)] = counts.get(id(layer), -1) + 1
        repeated = sum(other is layer for other, _ in calls) > 1
        path = paths[id(layer)]
        listed.append(LayerCall(f"{path}:{number}" if repeated else path, layer, shape))
    return listed


def ends_linearly(outputs: Any) -> bool:
    """Whether an operation that gives logits computed a tensor: a product, a sum or a mean.

    A single number between 0 and 1 that another operation computed is a probability.

    Args:
        outputs: The output of a model, a tensor of a graph.
    """
    return outputs.op.type in ("MatMul", "BiasAdd", "Add", "AddV2", "Conv2D", "Mean")


def _uses_weights(operation: Any) -> bool:
    """Whether an operation adds weights, or multiplies by them."""
    if operation.type not in ("AddV2", "BiasAdd", "MatMul"):
        return False
    sources = [x.op for x in operation.inputs]
    while any(source.type in ("Cast", "Identity", "Reshape") for source in sources):
        sources = [
            s.inputs[0].op if s.type in ("Cast", "Identity", "Reshape") else s for s in sources
        ]
    return any(source.type == "ReadVariableOp" for source in sources)


def _key(name: Any) -> str:
    """Give the name under which an output is kept."""
    return name if isinstance(name, str) else name.name


def _recorded(model: Any, use: Use, outputs: list[Any], graph: Any) -> Any:
    """Choose the output of the call that is meant, and check that the graph can use it."""
    if not outputs:
        raise ArgumentError(
            f"layer must be a layer that {model.name} calls to answer. Received: {use.path!r}, "
            "which is not called. Pass the name of another layer."
        )
    if use.number >= len(outputs):
        raise ArgumentError(
            f"The number behind the name of a layer must be below {len(outputs)}, as often as "
            f"{model.name} calls {use.path!r}. Received: {use.number}. Pass '{use.path}:0', for "
            "example."
        )
    output = outputs[use.number]
    if not isinstance(output, tf.Tensor):
        raise ArgumentError(
            f"layer must be a layer with a single output. Received: {use.path!r}, whose output is "
            f"{type(output).__name__}. Pass the name of a layer inside or behind it."
        )
    if output.graph is not graph:
        raise ArgumentError(
            f"layer must run in the model's own graph. Received: {use.path!r}, which runs inside a "
            "loop or a tf.function of its own. Pass the name of the layer around it."
        )
    return output
