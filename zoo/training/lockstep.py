"""Models that learn from the same batches, in one graph."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.registry.kept_memory import count_variables
from zoo.training.distillation import Teacher
from zoo.training.fusion import ModelGroup, graph_key, loop_over_batches
from zoo.training.learner import Learner
from zoo.training.scores import (
    SCORES,
    Score,
    ScoresByName,
    TrainingLoss,
    cross_entropy,
    loss_key,
    sums_of_scores,
)

Combine = Callable[[Any], Any]
"""From the members' probabilities [members, batch, classes] to the committee's [batch, classes]."""

COMPILE_FROM = 200_000_000
"""The number of weights times training steps above which XLA compiles passes over the weights.

Compiling takes 0.15 s and saves about 0.8 ns for each weight in each step (SGD with an elastic-net
penalty, two cores): `python -m benchmarks fixed_cost` measures both.
"""

RETRACE_FROM = 15_000_000_000
"""The number of weights times images above which a new graph without stopped models is faster.

A new graph takes about 0.5 s, and a training step about 33 ps for each weight and image:
`python -m benchmarks fixed_cost` and `committee`.
"""


class Lockstep:
    """The arithmetic of training several models on the same batches.

    One pass over the data serves all models, and models with the same first layers run as one wide
    model. Call `reuse_lockstep` to get a `Lockstep`: it reuses the graphs of an earlier training.

    Args:
        learners: The models, with their optimisers started.
        combine: Combines the models' probabilities, for the committee's own scores; or None.
        class_weights: How much the training images of each class count for each model, [models,
            classes]. They are taken for the models whose recipes ask for it.
        teacher: The model that all learn from beside the labels, or None.
        compiled: Whether XLA compiles the passes over the weights.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        combine: Combine | None = None,
        class_weights: Sequence[Sequence[float]] = (),
        teacher: Teacher | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        self._compiled = compiled
        self._stoppable = may_stop_before_others(learners) if combine else [False] * len(learners)
        self._scores: dict[str, Score] = dict(SCORES)
        recipes = [learner.recipe for learner in learners]
        self._loss = TrainingLoss(recipes, class_weights, teacher)
        self._combine = combine
        # The group whose weights are newer than those of the models, and who learns in it.
        self._trained: tuple[ModelGroup, tuple[bool, ...]] | None = None
        self._take(learners)
        # A row for each name: the sum of each score over the images, and the number of images. Not
        # a Keras weight, so that no saved model holds it.
        shape = [len(self._names), len(self._scores) + 1]
        self._totals = tf.Variable(tf.zeros(shape, "float64"), trainable=False)
        self._groups: dict[tuple[bool, ...], tuple[ModelGroup, Any]] = {}

    def train(
        self, batches: Iterator[Any], steps: int, active: Sequence[bool], images_left: int = 0
    ) -> None:
        """Train some steps. After the last step, `store` gives the models what they have learned.

        Args:
            batches: Iterator over (images, labels) or (images, labels, weights of the images). If a
                recipe asks for label shares, or mixes images, a pair (labels, shares) takes the
                place of the labels. If each model has images of its own, a last element [batch,
                models] says how often each image counts for each model.
            steps: How many batches to take from it.
            active: Whether each learner learns. The others only answer.
            images_left: How many images the training may still go through, at most.
        """
        active = tuple(active)
        everyone = (True,) * len(active)
        self._learning = self._choose_group(active, images_left)
        for key in set(self._groups) - {everyone, self._learning}:
            del self._groups[key]
        group, function = self._group(self._learning)
        if self._trained != (group, active):
            self.store()
            group.load(active)
            self._trained = group, active
        function(batches, tf.constant(steps), tf.constant(active))

    def store(self) -> None:
        """Give the models the weights, and the optimisers the variables, that they have learned."""
        if self._trained:
            group, active = self._trained
            group.store(active)
            self._trained = None

    def evaluate(self, batches: Iterator[Any], steps: int) -> ScoresByName:
        """Score every model and the committee.

        Args:
            batches: Iterator over (images, labels) or (images, labels, weights of the images).
            steps: How many batches to take from it.

        Returns:
            Name → score → mean over the images; the loss with penalties, as in Keras.
        """
        self.reset()
        group = self._answering
        if not (self._trained and self._trained[0] is group and all(self._trained[1])):
            self.store()
            group.load()
        self._evaluate_function(batches, tf.constant(steps))
        return self.scores()

    def probabilities(self, batches: Any) -> np.ndarray:
        """Give the probabilities of each model, and of the committee, for each image.

        Args:
            batches: A `tf.data.Dataset` of (images, labels) or (images, labels, weights).

        Returns:
            float [names, n, classes].
        """
        self.store()
        self._answering.load()
        # Traced once, for batches of every size; TensorFlow warns of functions traced too often.
        traced = self._answer_function.get_concrete_function(batches.element_spec[0])
        return np.concatenate([traced(images).numpy() for images, *_ in batches], axis=1)

    def predict(self, batches: Any) -> dict[str, np.ndarray]:
        """Give the class that each model, and the committee, predicts for each image.

        Args:
            batches: As for `probabilities`.

        Returns:
            Name → class ids, int64 [n].
        """
        answers = self.probabilities(batches).argmax(axis=-1)
        return dict(zip(self._names, answers, strict=True))

    def scores(self) -> ScoresByName:
        """Give name → score → mean since `reset`, for the names that were counted."""
        return {
            name: {score: float(sums[k] / sums[-1]) for k, score in enumerate(self._scores)}
            for name, sums in zip(self._names, self.totals, strict=True)
            if sums[-1]
        }

    @property
    def totals(self) -> np.ndarray:
        """The sums since `reset`, float64 [names, scores + 1]; the last is the number of images."""
        return self._totals.numpy()

    def reset(self, totals: np.ndarray | None = None) -> None:
        """Set the sums to zero, or to given sums.

        Args:
            totals: As the property `totals` gave them, or None.
        """
        self._totals.assign(tf.zeros_like(self._totals) if totals is None else totals)

    def restart(
        self, learners: Sequence[Learner], class_weights: Sequence[Sequence[float]]
    ) -> None:
        """Begin another training with the same graphs.

        Args:
            learners: The models with fresh optimisers. They may be other models where models run
                fused. The graph of a model by itself keeps its optimiser: that gets the values of
                the fresh optimiser, and then replaces it in the learner.
            class_weights: As for `Lockstep`.
        """
        self.reset()
        self._loss.take([learner.recipe for learner in learners], class_weights)
        models = [learner.network for learner in learners]
        everyone = (True,) * len(models)
        self._groups = {key: known for key, known in self._groups.items() if key == everyone}
        for group, _ in self._groups.values():
            optimizers = group.bind(models, [learner.optimizer for learner in learners])
            for learner, optimizer in zip(learners, optimizers, strict=True):
                learner.optimizer = optimizer
        if not self._groups and "_answering" in vars(self):
            self._answering.bind(models, [None] * len(models))
        self._take(learners)

    def _take(self, learners: Sequence[Learner]) -> None:
        """Take the models, optimisers and names of learners."""
        self.models = [learner.network for learner in learners]
        self.optimizers = [learner.optimizer for learner in learners]
        self._names = [learner.name for learner in learners] + ["committee"] * bool(self._combine)
        self._learning = (True,) * len(learners)
        self._trained = None

    def _choose_group(self, active: tuple[bool, ...], images_left: int) -> tuple[bool, ...]:
        """Choose the models of the next graph: all models of the present graph, or the active."""
        # The present graph also works when some models have stopped. A stopped model that runs
        # alone costs nothing. A stopped model in a fused group is still computed, and the result is
        # thrown away. In a committee, a model that is not stoppable stops only if it diverges.
        fits = all(
            learning >= learns and (learning == learns or stoppable or not self._combine)
            for learning, learns, stoppable in zip(
                self._learning, active, self._stoppable, strict=True
            )
        )
        if not fits:
            return active
        idle = self._group(self._learning)[0].idle_weights(active)
        return active if idle * images_left >= RETRACE_FROM else self._learning

    def _group(self, learning: tuple[bool, ...]) -> tuple[ModelGroup, Any]:
        """Give the group in which some models learn, with the graph that trains it."""
        if learning not in self._groups:
            group = ModelGroup(
                self.models,
                [
                    optimizer if learns else None
                    for optimizer, learns in zip(self.optimizers, learning, strict=True)
                ],
                compiled=self._compiled,
                stoppable=[
                    stoppable and learns
                    for stoppable, learns in zip(self._stoppable, learning, strict=True)
                ],
            )
            self._groups[learning] = group, loop_over_batches(functools.partial(self._step, group))
        return self._groups[learning]

    @functools.cached_property
    def _answering(self) -> ModelGroup:
        """The group for evaluation: the group that trained all models, if there is such a group."""
        known = self._groups.get((True,) * len(self.models))
        return known[0] if known else ModelGroup(self.models)

    @functools.cached_property
    def _evaluate_function(self) -> Any:
        return loop_over_batches(functools.partial(self._evaluation_step, self._answering))

    @functools.cached_property
    def _answer_function(self) -> Any:
        group = self._answering

        def answer(images: Any) -> Any:
            return self._with_committee(group(images)[0])

        return tf.function(functools.partial(answer), autograph=False)

    def _step(self, group: Any, active: Any, images: Any, targets: Any, *weightings: Any) -> None:
        # Weights of the images are [batch], those of images for each model [batch, models].
        ranks = {weighting.shape.rank: weighting for weighting in weightings}
        weights, counts = ranks.get(1), ranks.get(2)
        own = weights
        if counts is not None:
            counts = own = tf.transpose(counts)
            if weights is not None:
                own *= tf.cast(weights, own.dtype)
        labels, shares = targets if isinstance(targets, tuple) else (targets, None)
        losses_of = self._loss.of_batch(images, labels, shares, own)
        outputs, losses = group.train(images, losses_of, active)
        targets = labels, shares if self._loss.mixed else None
        self._add(targets, outputs, losses, active, weights, counts)

    def _evaluation_step(self, group: Any, images: Any, labels: Any, weights: Any = None) -> None:
        outputs, penalties = group(images)
        losses = cross_entropy(labels, outputs, weights) + penalties
        self._add((labels, None), outputs, losses, tf.fill([len(self.models)], True), weights)

    def _with_committee(self, outputs: Any) -> Any:
        if not self._combine:
            return outputs
        committee = tf.cast(self._combine(outputs), outputs.dtype)
        return tf.concat([outputs, committee[None]], axis=0)

    def _add(
        self, targets: Any, outputs: Any, losses: Any, added: Any, weights: Any, counts: Any = None
    ) -> None:
        """Add a batch to the sums of the models marked by `added`, and of the committee.

        With `counts` [models, batch], the scores of a model are of its own images only. `targets`
        are the labels, and the shares of mixed images for the loss of the committee, or None.
        """
        labels, shares = targets
        outputs = self._with_committee(outputs)
        if self._combine:
            losses = tf.concat([losses, cross_entropy(labels, outputs[-1:], weights, shares)], 0)
            added = tf.concat([added, [True]], axis=0)
        sums = sums_of_scores(self._scores, labels, outputs, losses, counts)
        # `tf.where`, not a multiplication by 0: NaN · 0 is NaN.
        self._totals.assign_add(tf.where(added[:, None], sums, 0))


class Graphs:
    """Keeps the graphs of the latest training, for a training of other models of the same kind.

    Without `Graphs`, the graphs of a training are kept by the first of the models, for another
    training of the same models.
    """

    def __init__(self) -> None:
        self.latest: tuple[Any, Lockstep] | None = None

    def answering(self, models: Sequence[Any]) -> Lockstep | None:
        """Give the graphs of the latest training, if it was a training of exactly these models."""
        lockstep = self.latest[1] if self.latest else None
        return lockstep if lockstep and lockstep.models == [*models] else None


def reuse_lockstep(
    learners: Sequence[Learner],
    combine: Combine | None,
    class_weights: Sequence[Sequence[float]],
    teacher: Teacher | None,
    *,
    steps: int,
    graphs: Graphs | None = None,
) -> Lockstep:
    """Reuse the `Lockstep` of an earlier training, or make a new `Lockstep`.

    Args:
        learners: The models, with their optimisers started. If an earlier graph is reused, the
            learners get the optimisers of that graph, with the values of their own optimisers.
        combine: As for `Lockstep`.
        class_weights: As for `Lockstep`.
        teacher: As for `Lockstep`.
        steps: Training steps in all.
        graphs: Keeps the graphs for a training of other models; None keeps them for a training of
            the same models.

    Returns:
        A `Lockstep` with its sums at zero.
    """
    weights = sum(learner.model.count_params() for learner in learners)
    compiled = weights * steps >= COMPILE_FROM
    stoppable = may_stop_before_others(learners) if combine else []
    key = [
        combine,
        teacher and (teacher, teacher.rule),
        np.shape(class_weights),
        compiled,
        stoppable,
        dict(SCORES),
        loss_key([learner.recipe for learner in learners]),
        [bool(learner.recipe.ema) for learner in learners],
        graph_key(
            [learner.network for learner in learners],
            [learner.optimizer for learner in learners],
            # Models that have stopped answer by themselves in a committee.
            stay=any(stoppable),
        ),
    ]
    # The first model holds the lockstep, so that both are freed together. The attribute is set
    # without Keras, because Keras would save it with the model.
    owner = learners[0].model
    latest = graphs.latest if graphs else vars(owner).get("_zoo_lockstep")
    known, lockstep = latest or (None, None)
    is_known = lockstep is not None and known == key
    slots = [variable for learner in learners for variable in learner.optimizer.variables]
    count_variables(slots, graphs=0 if is_known else 1)
    if lockstep is not None and is_known:
        lockstep.restart(learners, class_weights)
        return lockstep
    lockstep = Lockstep(learners, combine, class_weights, teacher, compiled=compiled)
    if graphs:
        graphs.latest = key, lockstep
    else:
        object.__setattr__(owner, "_zoo_lockstep", (key, lockstep))
    return lockstep


def may_stop_before_others(learners: Sequence[Learner]) -> list[bool]:
    """Tell for each learner whether it may stop learning before the others do."""
    most = max(learner.recipe.epochs for learner in learners)
    return [
        len(learners) > 1 and (bool(learner.recipe.patience) or learner.recipe.epochs < most)
        for learner in learners
    ]
