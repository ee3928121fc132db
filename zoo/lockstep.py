"""Models that learn from the same batches, in one graph."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.learner import Learner

Combine = Callable[[Any], Any]
"""From the members' probabilities [members, batch, classes] to the committee's [batch, classes]."""


class Lockstep:
    """The arithmetic of training several models on the same batches.

    The models share no weights, so the gradient of the sum of their losses is each one's own
    gradient. One tape and one pass over the data serve all of them.

    Args:
        learners: The models, with their optimisers started.
        combine: Combines their probabilities, for the committee's own scores; or None.
    """

    def __init__(self, learners: Sequence[Learner], combine: Combine | None = None) -> None:
        self._learners = list(learners)
        self._combine = combine
        self._names = [learner.name for learner in learners] + ["committee"] * bool(combine)
        # A row for each name: sum of losses, right answers, images. Not a Keras weight, so it
        # never gets into a saved model.
        self._totals = tf.Variable(tf.zeros([len(self._names), 3], "float64"), trainable=False)
        self._train_functions: dict[tuple[bool, ...], Any] = {}
        self._evaluate_function = _repeated(self._look)

    def train(self, batches: Iterator[Any], steps: int, epoch: int) -> None:
        """Train some steps, those that still learn in this epoch; the others look on.

        Args:
            batches: Iterator over (images, labels).
            steps: How many batches to take from it.
            epoch: The epoch under way, from 0.
        """
        # A graph for each set of learners, so that those that have stopped cost no backward pass.
        active = tuple(learner.trains(epoch) for learner in self._learners)
        if active not in self._train_functions:
            step = functools.partial(self._step, active)
            self._train_functions = {active: _repeated(step)}
        self._train_functions[active](batches, tf.constant(steps))

    def evaluate(self, batches: Any) -> dict[str, dict[str, float]]:
        """Score every model and the committee.

        Args:
            batches: A `tf.data.Dataset` of (images, labels), with a known length.

        Returns:
            Name → `loss` (with penalties, as in Keras) and `accuracy`.
        """
        self.reset()
        self._evaluate_function(iter(batches), tf.cast(batches.cardinality(), "int32"))
        return self.scores()

    def predict(self, batches: Any) -> dict[str, np.ndarray]:
        """What every model, and the committee, takes the images for.

        Args:
            batches: A `tf.data.Dataset` of (images, labels).

        Returns:
            Name → class ids, int64 [n].
        """

        @tf.function(autograph=False)
        def decide(images: Any) -> list[Any]:
            images = tf.cast(images, "float32")
            outputs = [learner.model(images, training=False) for learner in self._learners]
            return [tf.argmax(output, axis=-1) for output in self._with_committee(outputs)]

        columns = zip(*(decide(images) for images, _ in batches), strict=True)
        return {
            name: np.concatenate([np.asarray(part) for part in column])
            for name, column in zip(self._names, columns, strict=True)
        }

    def scores(self) -> dict[str, dict[str, float]]:
        """Name → mean `loss` and `accuracy` since `reset`, of those that were counted."""
        return {
            name: {"loss": float(loss / n), "accuracy": float(right / n)}
            for name, (loss, right, n) in zip(self._names, self.totals, strict=True)
            if n
        }

    @property
    def totals(self) -> np.ndarray:
        """The sums since `reset`, float64 [names, 3]."""
        return self._totals.numpy()

    def reset(self, totals: np.ndarray | None = None) -> None:
        """Set the sums to zero, or to what they were."""
        self._totals.assign(tf.zeros_like(self._totals) if totals is None else totals)

    def _step(self, active: tuple[bool, ...], images: Any, labels: Any) -> None:
        with tf.GradientTape() as tape:
            outputs, losses = self._forward(images, labels, active)
            total = sum(
                learner.optimizer.scale_loss(loss)
                for learner, loss, learns in zip(self._learners, losses, active, strict=True)
                if learns
            )
        learning = [one for one, learns in zip(self._learners, active, strict=True) if learns]
        variables = [learner.model.trainable_variables for learner in learning]
        for learner, gradients in zip(learning, tape.gradient(total, variables), strict=True):
            learner.optimizer.apply(gradients, learner.model.trainable_variables)
        self._add(labels, outputs, losses, active)

    def _look(self, images: Any, labels: Any) -> None:
        outputs, losses = self._forward(images, labels, [False] * len(self._learners))
        self._add(labels, outputs, losses, [True] * len(self._learners))

    def _forward(
        self, images: Any, labels: Any, training: Sequence[bool]
    ) -> tuple[list[Any], list[Any]]:
        """Probabilities [batch, classes] and mean loss (cross-entropy and penalties) of each."""
        images = tf.cast(images, "float32")
        outputs = [
            learner.model(images, training=learns)
            for learner, learns in zip(self._learners, training, strict=True)
        ]
        losses = [
            sum(learner.model.losses, start=_cross_entropy(labels, output))
            for learner, output in zip(self._learners, outputs, strict=True)
        ]
        return outputs, losses

    def _with_committee(self, outputs: list[Any]) -> list[Any]:
        if not self._combine:
            return outputs
        return [*outputs, self._combine(tf.stack([tf.cast(x, "float32") for x in outputs]))]

    def _add(
        self, labels: Any, outputs: list[Any], losses: list[Any], counted: Sequence[bool]
    ) -> None:
        """Add a batch to the totals of those that are counted, and of the committee."""
        outputs = self._with_committee(outputs)
        if self._combine:
            losses = [*losses, _cross_entropy(labels, outputs[-1])]
            counted = [*counted, True]
        count = tf.cast(tf.shape(labels)[0], "float64")
        rows = []
        for output, loss, counts in zip(outputs, losses, counted, strict=True):
            right = tf.argmax(output, axis=-1, output_type=labels.dtype) == labels
            row = [
                tf.cast(loss, "float64") * count,
                tf.reduce_sum(tf.cast(right, "float64")),
                count,
            ]
            # Not a product with 0: a loss that is no number would stay one.
            rows.append(tf.stack(row) if counts else tf.zeros(3, "float64"))
        self._totals.assign_add(tf.stack(rows))


def _repeated(step: Callable[[Any, Any], None]) -> Any:
    """A graph that takes (images, labels) from an iterator, so many times, and steps."""

    @tf.function(autograph=False)
    def run(batches: Any, steps: Any) -> None:
        def body(done: Any) -> Any:
            step(*batches.get_next())
            return done + 1

        tf.while_loop(lambda done: done < steps, body, [tf.constant(0)], parallel_iterations=1)

    return run


def _cross_entropy(labels: Any, probabilities: Any) -> Any:
    return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, probabilities))
