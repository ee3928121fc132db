"""Learning from what another model says, beside the labels."""

from __future__ import annotations

import numbers
import zlib
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from zoo.errors import ArgumentError

FLOOR = 1e-7
"""The least probability that a logarithm is taken of, as in Keras's cross-entropy."""


@dataclass(frozen=True)
class Teacher:
    """Whom a model learns from, and how much (Hinton, Vinyals and Dean, 2015).

    With p the teacher's probabilities, q the student's, y the label and T the temperature, the
    loss of an image is

        (1 − share) · (−log q[y]) + share · T² · KL(p_T ‖ q_T),  p_T ∝ p^(1/T).

    The teacher sees what the student sees, augmented images included.

    Args:
        model: A `Committee`, whose probabilities count, those of majority voting as the weighted
            mean of its members'; or a `keras.Model` that gives probabilities.
        temperature: Above 0; the higher, the more the lesser classes count.
        share: How much of the loss is the teacher's, from 0 to 1.

    Raises:
        ArgumentError: A value out of its range, or a teacher that is no model.

    Example:
        >>> import zoo
        >>> Teacher(zoo.build("softmax"), temperature=2).share
        0.9
    """

    model: Any
    temperature: float = 4.0
    share: float = 0.9

    def __post_init__(self) -> None:
        if not hasattr(self.model, "trainable_variables"):
            raise ArgumentError(
                f"A teacher is a Committee or a keras.Model. Received: {self.model!r}"
            )
        for name, low, high in (("temperature", 0, 1e6), ("share", -1e-9, 1)):
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or not low < float(value) <= high:
                wanted = "above 0" if name == "temperature" else "from 0 to 1"
                raise ArgumentError(f"A teacher's {name} is {wanted}. Received: {value!r}")

    def probabilities(self, images: Any) -> Any:
        """What it says of pixels [batch, height, width, channels]: float32 [batch, classes]."""
        images = tf.cast(images, "float32")
        soft = getattr(self.model, "soft_probabilities", None)
        says = soft(images) if soft else self.model(images, training=False)
        return tf.stop_gradient(tf.cast(says, "float32"))

    def loss(self, says: Any, student: Any, labels_loss: Any) -> Any:
        """The mean loss of a batch.

        Args:
            says: The teacher's probabilities, float [batch, classes].
            student: The student's.
            labels_loss: The student's loss by the labels, with its penalties.

        Returns:
            A scalar.
        """
        theirs, own = (self._softened(one) for one in (says, tf.cast(student, "float32")))
        divergence = tf.reduce_sum(tf.exp(theirs) * (theirs - own), axis=-1)
        taught = self.temperature**2 * tf.reduce_mean(divergence)
        return (1 - self.share) * labels_loss + tf.cast(self.share * taught, labels_loss.dtype)

    def fingerprint(self) -> dict[str, Any]:
        """What tells one teacher from another when resuming."""
        crc = 0
        for weight in self.model.get_weights():
            crc = zlib.crc32(weight.tobytes(), crc)
        rule = getattr(self.model, "rule", None)
        facts = {"temperature": self.temperature, "share": self.share, "crc32": crc}
        return {**facts, "rule": rule and rule.to_config()}

    def _softened(self, probabilities: Any) -> Any:
        """Log-probabilities at this temperature."""
        logits = tf.math.log(tf.maximum(probabilities, FLOOR)) / self.temperature
        return tf.nn.log_softmax(logits)
