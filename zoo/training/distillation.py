"""Distillation: learning from the labels and from another model's probabilities."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import tensorflow as tf

from zoo.arguments import real_number
from zoo.errors import ArgumentError
from zoo.metrics import LEAST_PROBABILITY
from zoo.registry.class_order import is_other_order, known_classes

logger = logging.getLogger("zoo")


@runtime_checkable
class TeachingCommittee(Protocol):
    """A teacher that consists of several models, such as a `Committee`.

    Attributes:
        rule: How the models' probabilities are combined; `rule.to_config()` gives the rule
            as JSON values, by which a resumed training recognises its teacher.
    """

    rule: Any

    def soft_probabilities(self, images: Any) -> Any:
        """Give probabilities [batch, classes] of pixels [batch, height, width, channels].

        Unlike shares of votes they also rank the classes that lose.
        """


@dataclass(frozen=True)
class Teacher:
    """A model that other models learn from, and how much (Hinton, Vinyals and Dean, 2015).

    With p the teacher's probabilities, q the student's, y the label and T the temperature, the
    loss of an image is

        (1 − share) · (−log q[y]) + share · T² · KL(p_T ‖ q_T),  p_T ∝ p^(1/T).

    The teacher sees the same images as the student, augmented images included.

    Args:
        model: A `Committee`, of which the combined probabilities count (with majority voting, the
            weighted mean of the members' probabilities); or a `keras.Model` that gives
            probabilities.
        temperature: Above 0. The higher, the more the less probable classes count.
        share: The teacher's share of the loss, from 0 to 1.

    Raises:
        ArgumentError: A value is out of its range, or the teacher is not a model.

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
                f"A teacher must be a Committee or a keras.Model. Received: {self.model!r}. "
                "Load a committee with Committee.load(path), or build and train a model."
            )
        real_number("temperature of the teacher", self.temperature, above=0, example=4)
        real_number("share of the teacher", self.share, least=0, most=1, example=0.9)

    @property
    def rule(self) -> Any:
        """How a teacher of several models combines them; None for a single model."""
        return self.model.rule if isinstance(self.model, TeachingCommittee) else None

    def check_classes(self, class_names: Sequence[str]) -> None:
        """Check that the teacher and the students have the classes in the same order.

        The log names the classes of a teacher that knows classes of other names. Classes that have
        numbers for names, as those of arrays have, are not compared with other names.

        Args:
            class_names: The classes that the students learn.

        Raises:
            ArgumentError: The teacher knows the same classes in another order.
        """
        known = getattr(self.model, "known_class_names", None) or known_classes(self.model)
        known = known or class_names
        if is_other_order(known, class_names):
            raise ArgumentError(
                "The teacher must know the classes in the order of the training images: "
                f"{', '.join(class_names)}. Received: a teacher that knows {', '.join(known)}. "
                "Load the images in the teacher's order, with zoo.datasets.load(classes=...)."
            )
        numbers = [*map(str, range(len(class_names)))]
        if numbers not in ([*known], [*class_names]) and [*known] != [*class_names]:
            logger.warning(
                "The teacher knows other classes: %s. The classes of the data are %s.",
                ", ".join(known), ", ".join(class_names),
            )  # fmt: skip

    def probabilities(self, images: Any) -> Any:
        """Give the teacher's probabilities.

        Args:
            images: Pixels [batch, height, width, channels], of any dtype.

        Returns:
            float32 [batch, classes], without a gradient.
        """
        images = tf.cast(images, "float32")
        if isinstance(self.model, TeachingCommittee):
            probabilities = self.model.soft_probabilities(images)
        else:
            probabilities = self.model(images, training=False)
        return tf.stop_gradient(tf.cast(probabilities, "float32"))

    def loss(
        self, teacher_probabilities: Any, student: Any, labels_loss: Any, image_weights: Any = None
    ) -> Any:
        """Compute the mean loss of a batch.

        Args:
            teacher_probabilities: The teacher's probabilities, float [batch, classes].
            student: The student's logits, float [batch, classes].
            labels_loss: The student's loss by the labels, without penalties, a scalar.
            image_weights: The weights of the images, [batch]; None weights all alike.

        Returns:
            A scalar.
        """
        target = self._softened(tf.math.log(tf.maximum(teacher_probabilities, LEAST_PROBABILITY)))
        answer = self._softened(tf.cast(student, "float32"))
        divergence = tf.reduce_sum(tf.exp(target) * (target - answer), axis=-1)
        if image_weights is not None:
            divergence *= tf.cast(image_weights, divergence.dtype)
        taught = self.temperature**2 * tf.reduce_mean(divergence)
        return (1 - self.share) * labels_loss + tf.cast(self.share * taught, labels_loss.dtype)

    def fingerprint(self) -> dict[str, Any]:
        """Describe the teacher as JSON values, by which a resumed training recognises it."""
        crc = 0
        for weight in self.model.get_weights():
            crc = zlib.crc32(weight.tobytes(), crc)
        facts = {"temperature": self.temperature, "share": self.share, "crc32": crc}
        return {**facts, "rule": self.rule and self.rule.to_config()}

    def _softened(self, logits: Any) -> Any:
        """Give log-probabilities at this temperature."""
        return tf.nn.log_softmax(logits / self.temperature)
