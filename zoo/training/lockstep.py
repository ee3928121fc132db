"""Models that learn from the same batches, in one graph."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.model_group import Crew

Combine = Callable[[Any], Any]
"""From the members' probabilities [members, batch, classes] to the committee's [batch, classes]."""


class Lockstep:
    """The arithmetic of training several models on the same batches.

    One tape and one pass over the data serve all of them, and copies of one architecture are one
    wide model.

    Args:
        learners: The models, with their optimisers started.
        combine: Combines their probabilities, for the committee's own scores; or None.
        class_weights: How much the training images of each class count, [classes], for those
            whose recipes ask for it.
        teacher: Whom they learn from beside the labels, or None.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        combine: Combine | None = None,
        class_weights: Sequence[float] = (),
        teacher: Teacher | None = None,
    ) -> None:
        self._learners = list(learners)
        balanced = [learner.recipe.class_weight is not None for learner in learners]
        # A row for each learner, or nothing at all.
        self._weights = (
            np.where(np.array(balanced)[:, None], class_weights, 1) if any(balanced) else None
        )
        self._combine = combine
        self._teacher = teacher
        self._names = [learner.name for learner in learners] + ["committee"] * bool(combine)
        # A row for each name: sum of losses, right answers, images. Not a Keras weight, so it
        # never gets into a saved model.
        self._totals = tf.Variable(tf.zeros([len(self._names), 3], "float64"), trainable=False)
        self._train_functions: dict[tuple[bool, ...], Any] = {}

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
            crew = Crew(
                [learner.model for learner in self._learners],
                [
                    one.optimizer if learns else None
                    for one, learns in zip(self._learners, active, strict=True)
                ],
            )
            step = functools.partial(self._step, crew, active)
            self._train_functions = {active: _repeated(step, crew)}
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
        self._onlookers.load()

        @tf.function(autograph=False)
        def decide(images: Any) -> list[Any]:
            outputs, _ = self._onlookers(images)
            return tf.unstack(tf.argmax(self._with_committee(outputs), axis=-1))

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

    @functools.cached_property
    def _onlookers(self) -> Crew:
        return Crew([learner.model for learner in self._learners])

    @functools.cached_property
    def _evaluate_function(self) -> Any:
        return _repeated(self._look, self._onlookers)

    def _step(self, crew: Crew, active: tuple[bool, ...], images: Any, labels: Any) -> None:
        says = self._teacher.probabilities(images) if self._teacher else None
        with tf.GradientTape() as tape:
            outputs, penalties = crew(images)
            losses = _cross_entropy(labels, outputs, self._weights) + penalties
            if self._teacher:
                pairs = zip(tf.unstack(outputs), tf.unstack(losses), strict=True)
                losses = tf.stack([self._teacher.loss(says, *pair) for pair in pairs])
            crew.learn(tape, losses)
        self._add(labels, outputs, losses, active)

    def _look(self, images: Any, labels: Any) -> None:
        outputs, penalties = self._onlookers(images)
        losses = _cross_entropy(labels, outputs) + penalties
        self._add(labels, outputs, losses, [True] * len(self._learners))

    def _with_committee(self, outputs: Any) -> Any:
        if not self._combine:
            return outputs
        committee = tf.cast(self._combine(outputs), outputs.dtype)
        return tf.concat([outputs, committee[None]], axis=0)

    def _add(self, labels: Any, outputs: Any, losses: Any, counted: Sequence[bool]) -> None:
        """Add a batch to the totals of those that are counted, and of the committee."""
        outputs = self._with_committee(outputs)
        if self._combine:
            losses = tf.concat([losses, _cross_entropy(labels, outputs[-1:])], axis=0)
            counted = [*counted, True]
        right = tf.argmax(outputs, axis=-1, output_type=labels.dtype) == labels
        count = tf.cast(tf.shape(labels)[0], "float64")
        columns = [
            tf.cast(losses, "float64") * count,
            tf.reduce_sum(tf.cast(right, "float64"), axis=-1),
            tf.fill([len(counted)], count),
        ]
        # Not a product with 0: a loss that is no number would stay one.
        rows = tf.where(tf.constant(counted)[:, None], tf.stack(columns, axis=-1), 0)
        self._totals.assign_add(rows)


def _repeated(step: Callable[[Any, Any], None], crew: Crew) -> Any:
    """A graph that takes (images, labels) from an iterator, so many times, and steps."""

    def run(batches: Any, steps: Any) -> None:
        def body(done: Any) -> Any:
            step(*batches.get_next())
            return done + 1

        crew.load()
        tf.while_loop(lambda done: done < steps, body, [tf.constant(0)], parallel_iterations=1)
        crew.store()

    # TensorFlow counts tracings by a function's code, and would warn of the fifth short training
    # that it traces too often; a partial is counted by itself.
    return tf.function(functools.partial(run), autograph=False)


def _cross_entropy(labels: Any, probabilities: Any, weights: np.ndarray | None = None) -> Any:
    """The mean over the batch, [models], of probabilities [models, batch, classes].

    Images count by the weights of their classes, [models, classes]; the mean is over their number,
    as in Keras.
    """
    shape = tf.shape(probabilities)[:2]
    every = tf.broadcast_to(labels, shape)
    losses = keras.losses.sparse_categorical_crossentropy(every, probabilities)
    if weights is not None:
        losses *= tf.gather(tf.constant(weights, losses.dtype), labels, axis=1)
    return tf.reduce_mean(losses, axis=-1)
