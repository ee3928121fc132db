"""How the layers and operations of a saved model hang together, as its description tells it."""

from collections.abc import Iterator
from typing import Any


def calls_without_inputs(value: Any) -> Iterator[str]:
    """Find the layers and operations that Keras would compute while it loads a description.

    A call in the graph of a model takes a symbolic tensor, of which Keras computes the shape alone.
    Keras never saves another call, but it computes a call on plain numbers at once, and such a call
    can ask for any amount of memory.

    Args:
        value: What `keras.saving.serialize_keras_object` made of a model, or a part of it.

    Returns:
        The name of each such layer or operation.

    Example:
        >>> ones = {"name": "ones", "inbound_nodes": [{"args": [[10**12]], "kwargs": {}}]}
        >>> list(calls_without_inputs({"layers": [ones]}))
        ['ones']
    """
    if isinstance(value, list):
        for item in value:
            yield from calls_without_inputs(item)
    elif isinstance(value, dict):
        nodes = value.get("inbound_nodes", [])
        if not isinstance(nodes, list) or not all(map(_takes_a_symbolic_tensor, nodes)):
            yield str(value.get("name"))
        for item in value.values():
            yield from calls_without_inputs(item)


def _takes_a_symbolic_tensor(node: Any) -> bool:
    """Whether a call, in the form of Keras 3 or of earlier versions, takes a symbolic tensor."""
    if isinstance(node, list):  # of earlier versions: the names of the layers before
        return bool(node)
    return isinstance(node, dict) and _holds_a_symbolic_tensor(
        [node.get("args"), node.get("kwargs")]
    )


def _holds_a_symbolic_tensor(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_a_symbolic_tensor, value))
    if not isinstance(value, dict):
        return False
    # What stands inside the configuration of another object is no argument of the call.
    if "class_name" in value and "config" in value:
        return bool(value["class_name"] == "__keras_tensor__")
    return any(map(_holds_a_symbolic_tensor, value.values()))
