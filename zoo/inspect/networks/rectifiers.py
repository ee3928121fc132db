"""Other backward passes of ReLU, in the graph of a run.

`modify_relus` changes the gradient of each ReLU between the images and the logits of a run: of
layers, of `activation="relu"`, of `keras.ops.relu` and `tf.nn.relu`, of ReLU with its options, of
`zoo.layers`, and in nested models. It changes the operations of one graph, the one that is being
traced, and neither the model nor any other graph.
"""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as graph_operations

from zoo.errors import ArgumentError

_RECTIFIERS = ("Relu", "Relu6", "LeakyRelu")
_HALF_LINEAR = ("SelectV2", "Maximum")
"""Operations that compute a ReLU with a threshold, and `maximum(x, 0)`."""
_ELEMENTWISE = (
    *("Cast", "Identity", "Maximum", "Minimum", "ClipByValue", "Neg", "Mul", "Sub", "AddV2"),
    *("Greater", "SelectV2"),
)
"""Operations beside a rectifier in a ReLU with options."""


def guided(backward: Callable[..., Any], gradient: Any) -> Any:
    """Guided backpropagation: only positive gradients go back through a ReLU that is active.

    `dX = [X > 0] ⊙ max(dY, 0)` (Springenberg et al., 2014).
    """
    return backward(tf.nn.relu(gradient))


def deconvolution(backward: Callable[..., Any], gradient: Any) -> Any:
    """The deconvolutional network: positive gradients go back, whether or not a ReLU is active.

    `dX = max(dY, 0)` (Zeiler and Fergus, 2014).
    """
    del backward
    return tf.nn.relu(gradient)


RULES: dict[str, Callable[..., Any]] = {"guided": guided, "deconvolution": deconvolution}
"""Name → rule: a function of the usual backward pass and of the gradient dY, which gives dX."""


def modify_relus(logits: Any, rule: str) -> int:
    """Change the backward pass of each ReLU that a tensor of a graph was computed through.

    Call it inside a `tf.function`, after `forward` and before `tf.gradients`. A gradient tape does
    not see the change.

    Args:
        logits: The tensor that is going to be differentiated.
        rule: `"guided"` or `"deconvolution"`; see `RULES`.

    Returns:
        The number of ReLUs that were changed; 0 if there are none.

    Raises:
        ArgumentError: A ReLU cannot be changed: it runs inside a `tf.function` or a loop of its
            own, or it has a negative slope together with a threshold or a largest value.
    """
    changed = 0
    for operation in _operations_behind(logits):
        entry = _entry(operation)
        if entry is not None:
            operation._gradient_function = _modified(operation, entry, RULES[rule])
            changed += 1
    return changed


def _operations_behind(tensor: Any) -> Iterator[Any]:
    """Go through the operations that a gradient of the tensor goes through, each once."""
    waiting, visited = [tensor.op], set()
    while waiting:
        operation = waiting.pop()
        if operation in visited:
            continue
        visited.add(operation)
        _refuse_hidden(operation)
        yield operation
        inputs = list(operation.inputs)
        if _has_custom_gradient(operation):
            # The inputs are the results of the function and then its arguments, and the gradient
            # skips the operations in between. Only results have consumers.
            used = [index for index, x in enumerate(operation.outputs) if x.consumers()]
            inputs = inputs[1 + max(used, default=0) :]
        waiting += [x.op for x in inputs]


def _entry(operation: Any) -> int | None:
    """Give the position of a ReLU's input among the inputs of an operation; None for no ReLU."""
    if operation.type in _RECTIFIERS:
        if _is_negative_part(operation):
            raise ArgumentError(
                "A ReLU with a negative slope must have no threshold and no largest value, so that "
                f"its backward pass can be changed. Received: {operation.name!r}. Use another "
                "method."
            )
        return 0
    if operation.type in _HALF_LINEAR:
        return _entry_of_half_linear(operation)
    if _has_custom_gradient(operation) and len(operation.inputs) == 2:
        return 1 if _rectifies(operation.inputs[0], operation.inputs[1]) else None
    return None


def _entry_of_half_linear(operation: Any) -> int | None:
    """Recognise `where(x > threshold, x, 0)` and `maximum(x, 0)`."""
    inputs = list(operation.inputs)
    if operation.type == "Maximum":
        zeros = [position for position, x in enumerate(inputs) if _is_zero(x)]
        if len(zeros) != 1:
            return None
        other = inputs[1 - zeros[0]].op
        if other.type == "Minimum" and any(x.op.type in _RECTIFIERS for x in other.inputs):
            return None  # the limits of a ReLU with a largest value
        return 1 - zeros[0]
    condition, chosen, other = inputs
    compared = condition.op.type in ("Greater", "GreaterEqual") and (
        condition.op.inputs[0].name == chosen.name
    )
    return 1 if compared and _is_zero(other) else None


def _is_zero(tensor: Any) -> bool:
    """Whether a tensor is a constant of zeros."""
    while tensor.op.type in ("Cast", "Identity"):
        tensor = tensor.op.inputs[0]
    value = tf.get_static_value(tensor)
    return value is not None and not value.any()


def _is_negative_part(operation: Any) -> bool:
    """Whether a Relu is the part `relu(−x)` of a ReLU with a slope and another option."""
    before = operation.inputs[0].op
    while before.type in ("AddV2", "Cast", "Identity"):
        before = before.inputs[0].op
    products = [user for user in operation.outputs[0].consumers() if user.type == "Mul"]
    return before.type == "Neg" and any(
        user.type == "Sub" for product in products for user in product.outputs[0].consumers()
    )


def _has_custom_gradient(operation: Any) -> bool:
    """Whether an operation is the end of a function with a gradient by hand."""
    if operation.type != "IdentityN":
        return False
    try:
        kind = operation.get_attr("_gradient_op_type")
    except ValueError:
        return False
    return bytes(kind).startswith(b"CustomGradient")


def _rectifies(output: Any, argument: Any) -> bool:
    """Whether the output is a ReLU of the argument and nothing else."""
    waiting, rectifiers = [output], 0
    while waiting:
        tensor = waiting.pop()
        if tensor.name == argument.name or tensor.op.type == "Const":
            continue
        compares = tensor.op.type == "SelectV2" and _entry_of_half_linear(tensor.op) is not None
        if tensor.op.type in _RECTIFIERS or compares:
            rectifiers += 1
        elif tensor.op.type not in _ELEMENTWISE:
            return False
        waiting += list(tensor.op.inputs)
    return rectifiers > 0


def _modified(operation: Any, entry: int, rule: Callable[..., Any]) -> Callable[..., Any]:
    """Make the gradient function of an operation that follows a rule."""
    original = graph_operations.get_gradient_function(operation)
    count = len(operation.inputs)

    def backward(op: Any, *gradients: Any) -> list[Any]:
        def usual(gradient: Any) -> Any:
            results = original(op, gradient, *gradients[1:])
            results = results if isinstance(results, (list, tuple)) else [results]
            return results[entry]

        modified: list[Any] = [None] * count
        modified[entry] = rule(usual, gradients[0])
        return modified

    return backward


def _refuse_hidden(operation: Any) -> None:
    """Refuse a ReLU that runs inside a function or a loop, whose graph is finished already."""
    for attribute in ("f", "body", "then_branch", "else_branch"):
        try:
            name = operation.get_attr(attribute).name
        except (ValueError, AttributeError):
            continue
        graph = operation.graph._get_function(name)
        types = {inner.type for inner in graph.graph.get_operations()} if graph else set()
        if types & set(_RECTIFIERS):
            raise ArgumentError(
                "Each ReLU must run in the model's own graph, so that its backward pass can be "
                f"changed. Received: a ReLU inside {operation.name!r}, which is a loop or a "
                "tf.function. Use another method."
            )
