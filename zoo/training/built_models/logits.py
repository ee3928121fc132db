"""The logits from which a model computes its probabilities.

A loss of probabilities loses its gradient where a probability rounds to 0. The loss of the logits
behind the softmax has the exact gradient p − y everywhere. So the logits are looked up in the graph
of a run: they are the input of the last operation. The model and its weights stay as they are.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

SAME_VALUES = ("Identity", "IdentityN", "Cast", "StopGradient", "CheckNumerics", "EnsureShape")
"""Types of operations of TensorFlow that keep the values of a tensor."""

_SAME_GRADIENT = (*(name for name in SAME_VALUES if name != "StopGradient"), "Reshape", "Squeeze")
"""Types of operations that a gradient goes through unchanged, apart from its shape."""


def source_of(tensor: Any, passing: Sequence[str] = SAME_VALUES) -> Any:
    """Go back from a tensor of a graph to the tensor that it is a copy of.

    Args:
        tensor: A tensor of a graph.
        passing: Types of the operations to go back through.

    Returns:
        The first tensor on the way back that another operation computed.
    """
    while tensor.op.type in passing:
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


def logits_for_loss(outputs: Any) -> Any:
    """Give logits of a model's probabilities, of which a loss has the gradient that training needs.

    The logits are those behind a softmax, or [0, z] for a model of two classes that computes
    1 − s and s from a sigmoid s of z. If the model computes its probabilities p in another way, the
    logits are log p, where p is clipped as in Keras's cross-entropy.

    Args:
        outputs: The output of a model, probabilities [batch, classes].

    Returns:
        Logits [batch, classes], whose softmax is the probabilities.

    Example:
        >>> import zoo
        >>> model = zoo.build("softmax", input_shape=(2, 2, 1), num_classes=3)
        >>> @tf.function
        ... def logits(images):
        ...     return logits_for_loss(model(images))
        >>> zeros = tf.zeros((1, 2, 2, 1))
        >>> float(tf.reduce_sum(logits(zeros)))  # the biases
        0.0
    """
    if tf.is_symbolic_tensor(outputs):
        source = source_of(outputs, _SAME_GRADIENT)
        if source.op.type == "Softmax" and source.shape[-1] == outputs.shape[-1]:
            return tf.reshape(source.op.inputs[0], tf.shape(outputs))
        if source.op.type == "ConcatV2" and (pair := _logits_of_pair(source.op)) is not None:
            return pair
    elif hasattr(outputs, "_keras_logits"):  # outside graphs, Keras's softmax leaves them there
        return outputs._keras_logits
    epsilon = keras.config.epsilon()
    wide = outputs if outputs.dtype == tf.float64 else tf.cast(outputs, tf.float32)
    return tf.math.log(tf.clip_by_value(wide, epsilon, 1 - epsilon))


def _logits_of_pair(operation: Any) -> Any:
    """Give the logits of two classes whose probabilities are 1 − s and s of a sigmoid, or None."""
    sources = [source_of(part, _SAME_GRADIENT) for part in operation.inputs[:-1]]
    for number, (source, other) in enumerate(zip(sources, sources[::-1], strict=True)):
        if len(sources) == 2 and source.op.type == "Sigmoid" and _is_rest(other.op, source):
            logit = tf.reshape(source.op.inputs[0], [-1, 1])
            pair = [tf.zeros_like(logit), logit]
            return tf.concat(pair if number else pair[::-1], axis=-1)
    return None


def _is_rest(operation: Any, share: Any) -> bool:
    """Tell whether an operation computes 1 minus a tensor."""
    if operation.type != "Sub":
        return False
    minuend, subtrahend = operation.inputs
    whole = tf.get_static_value(minuend)
    return (
        whole is not None and (whole == 1).all() and source_of(subtrahend, _SAME_GRADIENT) is share
    )
