"""The graph of a model for TensorBoard: a node for each call of a layer."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.inspect.networks.interception import observed_calls
from zoo.inspect.networks.layer_names import layers_by_path
from zoo.inspect.units.unit_outputs import shape_of_images
from zoo.tensorboard import run_folder
from zoo.training.callbacks import MemberCallback

INPUT, OUTPUT = "pixels", "answers"
"""The names of the first and of the last node."""

SETTINGS = (
    *("units", "filters", "kernel_size", "strides", "padding", "pool_size", "groups"),
    *("activation", "rate", "momentum", "epsilon", "scale"),
)
"""The settings of a layer that its node shows, if the layer has them."""


class GraphLog(MemberCallback):
    """Write the graph of each model for TensorBoard's GRAPHS tab, before the first epoch.

    A node is a call of a layer, with its settings and the shape of its output. A nested model is a
    box that a double click opens.

    Args:
        log_dir: As for `MemberCallback`: a folder with `keras.Model.fit`, else None.

    Example:
        >>> import tempfile, zoo
        >>> data = zoo.datasets.load("digits")
        >>> committee = zoo.ensembles.Committee(["softmax"])
        >>> history = committee.fit(
        ...     data.train, epochs=1, callbacks=[GraphLog()], log_dir=tempfile.mkdtemp(), verbose=0
        ... )
    """

    def begin_members(self, members: Mapping[str, Any]) -> None:
        """Write the graphs."""
        assert self.log
        for name, model in members.items():
            self.log.graph(run_folder(name), layer_graph(model))


class _Call(NamedTuple):
    """A call of a layer that contains no other layers.

    Attributes:
        node: The name of the node.
        operation: The `keras.Operation`, which may be a layer.
        tensors: The outputs, tensors of a graph.
    """

    node: str
    operation: Any
    tensors: list[Any]


def layer_graph(model: Any) -> Any:
    """Give the graph of a model, with a node for each call of a layer.

    Nothing is computed: a step of a training is traced, which TensorFlow never runs.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.

    Returns:
        A `tf.compat.v1.GraphDef`. Its nodes are no operations of TensorFlow: `op` is the class of
        the layer, and nodes inside a nested model have the name of the model before their own.

    Example:
        >>> import zoo
        >>> [node.op for node in layer_graph(zoo.build("softmax")).node]
        ['Input', 'Rescaling', 'Flatten', 'Dense', 'Softmax', 'Output']
    """
    images, calls, outputs = _trace(model)
    graph = tf.compat.v1.GraphDef()
    _add_node(graph, INPUT, "Input", [images], [])
    owners = {id(images): INPUT}
    for call in calls:
        sources = _sources(call.tensors, owners)
        _add_node(graph, call.node, type(call.operation).__name__, call.tensors, sources)
        _add_settings(graph.node[-1], call.operation)
        owners.update({id(tensor): call.node for tensor in call.tensors})
    _add_node(graph, OUTPUT, "Output", outputs, _sources(outputs, owners))
    return graph


def _trace(model: Any) -> tuple[Any, list[_Call], list[Any]]:
    """Trace a model in training: its input, the calls in their order, and its outputs."""
    paths: dict[int, str] = {}
    for path, layer in layers_by_path(model).items():
        paths.setdefault(id(layer), path)
    containers = {path.rpartition("/")[0] for path in paths.values()}
    called: list[tuple[str, Any, list[Any]]] = []
    traced: list[Any] = []

    def keep(operation: Any, output: Any) -> None:
        path = paths.get(id(operation), operation.name)
        tensors = [tensor for tensor in tf.nest.flatten(output) if tf.is_tensor(tensor)]
        if operation is not model and path not in containers and tensors:
            called.append((path, operation, tensors))

    def trace(images: Any) -> Any:
        with observed_calls(keep):
            outputs = model(images, training=True)
        traced.extend([images, outputs])
        return outputs

    signature = tf.TensorSpec((None, *shape_of_images(model)), tf.float32)
    tf.function(trace, autograph=False).get_concrete_function(signature)
    nodes = {INPUT: 1, OUTPUT: 1}
    calls = []
    for path, operation, tensors in called:
        name = re.sub(r"[^\w./-]", "_", path)
        nodes[name] = nodes.get(name, 0) + 1
        again = f"{name}_call_{nodes[name]}" if nodes[name] > 1 else name
        calls.append(_Call(again, operation, tensors))
    images, outputs = traced
    return images, calls, tf.nest.flatten(outputs)


def _sources(tensors: list[Any], owners: Mapping[int, str]) -> list[str]:
    """Name the nodes from which tensors are computed, without nodes between."""
    return list(dict.fromkeys(name for tensor in tensors for name in _behind(tensor, owners)))


def _behind(tensor: Any, owners: Mapping[int, str]) -> Iterator[str]:
    """Go back from a tensor to the next tensors that are outputs of nodes."""
    waiting, known = [tensor], {id(tensor)}
    while waiting:
        current = waiting.pop()
        if id(current) in owners:
            yield owners[id(current)]
            continue
        for source in current.op.inputs:
            if id(source) not in known:
                known.add(id(source))
                waiting.append(source)


def _add_node(graph: Any, name: str, kind: str, tensors: list[Any], sources: list[str]) -> None:
    """Add a node with the shapes of its outputs, which TensorBoard writes beside the edges."""
    node = graph.node.add(name=name, op=kind, input=sources)
    shapes = node.attr["_output_shapes"].list
    shapes.shape.extend(tensor.shape.as_proto() for tensor in tensors)


def _add_settings(node: Any, operation: Any) -> None:
    """Add the settings and the number of weights of a layer to its node."""
    for setting in SETTINGS:
        value = getattr(operation, setting, None)
        if value is not None:
            text = getattr(value, "__name__", None) or str(value)
            node.attr[setting].s = text.encode()
    weights = sum(int(tf.size(weight)) for weight in getattr(operation, "weights", ()))
    if weights:
        node.attr["parameters"].s = f"{weights:,}".encode()
