"""The loop of a training: epochs, pieces of epochs, validation, and when to stop."""

import functools
import math
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.datasets.pipeline import StreamPosition
from zoo.datasets.split import Split
from zoo.training.callbacks import MemberCallback
from zoo.training.checkpoint import Checkpoint
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Graphs, Lockstep, reuse_lockstep
from zoo.training.recording import Recorder
from zoo.training.scores import ScoresByName, validation_scores

EVALUATION_BATCH = 1024
"""The number of images in a batch of an evaluation."""

SECONDS_OF_A_PIECE = 0.3
"""Steps run in pieces of this length. Between pieces, signals are handled and progress is drawn."""

ENDLESS = 2**31 - 1
"""A number of epochs that no training reaches."""


@dataclass
class Loop:
    """Train groups of models, one group after another, on the same data.

    Args:
        data: Training images.
        validation: Validation images, or None.
        recorder: Where the scores go.
        checkpoint: Keeps the state, for resuming.
        interrupts: The numbers of the signals received so far.
        seed: Seed of the batches' order and of augmentation.
        teacher: The model that all learn from beside the labels, or None.
        callbacks: The user's Keras callbacks.
        owner: The model that the callbacks get as `self.model`.
        graphs: Keeps the graphs for a training of other models, or None.
    """

    data: Split
    validation: Split | None
    recorder: Recorder
    checkpoint: Checkpoint
    interrupts: list[int]
    seed: int
    teacher: Teacher | None
    callbacks: list[keras.callbacks.Callback]
    owner: keras.Model
    graphs: Graphs | None = None
    _piece: int = field(default=1, init=False)

    def fit(self, learners: Sequence[Learner], combine: Combine | None) -> None:
        """Train learners on the same batches until all of them have ended.

        Args:
            learners: The learners, whose recipes agree on the batches.
            combine: Combines their probabilities, for the committee's scores; or None.
        """
        group = self._group(learners, combine)
        self._piece = 1
        position = self.checkpoint.restore(learners, group.lockstep)
        names = [learner.name for learner in learners] + (["committee"] if combine else [])
        self.recorder.rewind(names, -1 if position == StreamPosition() else position.epoch)
        batches = self._batches(group, position)
        callbacks = keras.callbacks.CallbackList(
            self.callbacks, model=self.owner, epochs=group.epochs, steps=group.steps, verbose=0
        )
        self.owner.stop_training = False
        callbacks.on_train_begin()
        if position == StreamPosition():
            for watcher in self._watchers:
                watcher.begin_safely({learner.name: learner.model for learner in learners})
        while group.trains(position.epoch) and not self.owner.stop_training:
            callbacks.on_epoch_begin(position.epoch)
            started = time.monotonic()
            for within in self._pieces(group, batches, position, callbacks):
                if self.interrupts:
                    group.lockstep.store()
                    group.add_seconds(time.monotonic() - started, within.epoch)
                    self.checkpoint.save(learners, group.lockstep, within)
                    for learner in learners:
                        learner.interrupt()
                    self._raise_interrupt()
            position = StreamPosition(position.epoch + 1)
            scores = self._end_epoch(group, position.epoch, started)
            callbacks.on_epoch_end(position.epoch - 1, self.recorder.keras_names(scores))
            for learner in learners:
                learner.hide_average()
            self.checkpoint.save(learners, group.lockstep, position)
            if self.interrupts:
                self._raise_interrupt()
        for learner in learners:
            learner.finish(group.data)
        self._show_kept_weights(group)
        callbacks.on_train_end()

    def score_committee(self, learners: Sequence[Learner], combine: Combine) -> None:
        """Score models that were trained apart as a committee, once, after the last epoch.

        Args:
            learners: The models.
            combine: Combines their probabilities.
        """
        scores = self._evaluate(Lockstep(learners, combine))
        epoch = max(learner.recipe.epochs for learner in learners)
        self.recorder.rewind(["committee"], -1)
        self.recorder.epoch(epoch, {"committee": validation_scores(scores["committee"])}, 0.0)

    def predictions(
        self, learners: Sequence[Learner], combine: Combine | None
    ) -> dict[str, np.ndarray]:
        """Give the class that each model, and the committee, predicts for each validation image.

        Args:
            learners: The models.
            combine: Combines their probabilities, or None.

        Returns:
            Name → class ids int64 [n]; nothing without validation images.
        """
        if self.validation is None:
            return {}
        return Lockstep(learners, combine).predict(self.validation.batches(EVALUATION_BATCH))

    def _group(self, learners: Sequence[Learner], combine: Combine | None) -> "_Group":
        # A learner alone has batches of its own images; several share batches of all images.
        data = learners[0].training_images(self.data) if len(learners) == 1 else self.data
        model_weights = None
        if len(learners) > 1 and any(learner.rows is not None for learner in learners):
            rows_of_models = [learner.image_weights(len(data)) for learner in learners]
            model_weights = np.stack(rows_of_models, axis=1)
        steps = math.ceil(len(data) / learners[0].recipe.batch_size)
        epochs = max(learner.recipe.epochs for learner in learners)
        for learner in learners:
            learner.start(steps)
        class_weights = [
            list(learner.training_images(self.data).class_weights.values()) for learner in learners
        ]
        lockstep = reuse_lockstep(
            learners, combine, class_weights, self.teacher,
            steps=steps * epochs, graphs=self.graphs,
        )  # fmt: skip
        return _Group(learners, lockstep, data, steps, epochs, model_weights)

    def _batches(self, group: "_Group", position: StreamPosition) -> Iterator[Any]:
        """Iterate over the training batches from a position on."""
        # If the position is the end of an epoch, the next batch is the first of the next epoch.
        step = position.epoch * group.steps + position.batch
        start = StreamPosition(*divmod(step, group.steps))
        recipe = group.learners[0].recipe
        seed = group.learners[0].seed if len(group.learners) == 1 else None
        return _iterator(
            group.data.batches(
                recipe.batch_size,
                shuffle=True,
                seed=self.seed if seed is None else seed,
                epochs=max(group.epochs - start.epoch, 1),
                first_epoch=start.epoch,
                first_batch=start.batch,
                transform=recipe.augmentation,
                label_shares=any(learner.recipe.targets == "shares" for learner in group.learners),
                model_weights=group.model_weights,
            )
        )

    def _pieces(
        self, group: "_Group", batches: Iterator[Any], position: StreamPosition, callbacks: Any
    ) -> Iterator[StreamPosition]:
        """Train to the end of the epoch, in pieces of about `SECONDS_OF_A_PIECE`."""
        active = [learner.trains(position.epoch) for learner in group.learners]
        names = [learner.name for learner in group.learners if learner.trains(position.epoch)]
        while position.batch < group.steps:
            piece = min(self._piece, group.steps - position.batch)
            callbacks.on_train_batch_begin(position.batch)
            started = time.monotonic()
            group.lockstep.train(batches, piece, active, group.images_left(position))
            seconds = time.monotonic() - started
            if self._sees_each_batch:
                group.lockstep.store()
            position = position._replace(batch=position.batch + piece)
            scores = group.lockstep.scores()
            callbacks.on_train_batch_end(position.batch - 1, self.recorder.keras_names(scores))
            self.recorder.progress.step(names, position.epoch + position.batch / group.steps)
            if not self._sees_each_batch:
                # The steps that take SECONDS_OF_A_PIECE, but at most twice the steps of this piece.
                fitting = round(piece * SECONDS_OF_A_PIECE / max(seconds, 1e-6))
                self._piece = max(1, min(2 * self._piece, fitting))
            yield position

    @functools.cached_property
    def _watchers(self) -> list[MemberCallback]:
        """The callbacks that look at each model."""
        return [callback for callback in self.callbacks if isinstance(callback, MemberCallback)]

    @functools.cached_property
    def _sees_each_batch(self) -> bool:
        """Whether a callback looks at every batch."""
        hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
        return any(
            # LambdaCallback has the functions of the user in the object.
            hook in vars(callback)
            or getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
            for callback in self.callbacks
            for hook in hooks
        )

    def _end_epoch(self, group: "_Group", epoch: int, started: float) -> ScoresByName:
        """Score and record an epoch, from 1, and let the learners look at their scores."""
        scores = group.lockstep.scores()
        if any(learner.recipe.ema for learner in group.learners):
            group.lockstep.store()
            for learner in group.learners:
                if learner.trains(epoch - 1):
                    learner.show_average()
        validated = self._evaluate(group.lockstep) if self.validation is not None else {}
        group.lockstep.store()
        for learner in group.learners:
            if learner.name in scores:
                scores[learner.name]["learning_rate"] = float(learner.optimizer.learning_rate)
        for name, values in scores.items():
            values.update(validation_scores(validated.get(name, {})))
        group.lockstep.reset()
        seconds = time.monotonic() - started
        group.add_seconds(seconds, epoch - 1)
        self.recorder.epoch(epoch, scores, seconds)
        learned = {
            learner.name: learner.model for learner in group.learners if learner.trains(epoch - 1)
        }
        for watcher in self._watchers:
            watcher.look_safely(learned, epoch)
        for learner in group.learners:
            if learner.trains(epoch - 1):
                learner.observe(epoch, scores[learner.name])
                if not learner.trains(epoch):
                    self.recorder.progress.end(learner.name, learner.finish(group.data))
        return scores

    def _show_kept_weights(self, group: "_Group") -> None:
        """Show the validation scores of the weights that are kept, if the last epoch had others."""
        changed = {learner.name for learner in group.learners if learner.has_other_weights}
        if not changed or self.validation is None:
            return
        scores = self._evaluate(group.lockstep)
        group.lockstep.reset()
        shown = changed | {"committee"}
        self.recorder.progress.kept(
            {name: validation_scores(scores[name]) for name in scores if name in shown}
        )

    def _evaluate(self, lockstep: Lockstep) -> ScoresByName:
        assert self.validation is not None
        steps = math.ceil(len(self.validation) / EVALUATION_BATCH)
        return lockstep.evaluate(self._validation_batches, steps)

    @functools.cached_property
    def _validation_batches(self) -> Iterator[Any]:
        """An endless iterator over the validation images. A second would cost much time."""
        assert self.validation is not None
        return _iterator(self.validation.batches(EVALUATION_BATCH, epochs=ENDLESS))

    def _raise_interrupt(self) -> None:
        """Raise the exception that the signal would have raised."""
        number = self.interrupts[0]
        if self.checkpoint.run:
            text = f"Stopped. The run in {self.checkpoint.run.path} can be resumed."
            self.recorder.progress.say(text)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


@dataclass(frozen=True)
class _Group:
    """Learners that train together, on the same batches.

    Attributes:
        learners: The learners.
        lockstep: Their arithmetic.
        data: Their training images.
        steps: Steps in an epoch.
        epochs: Epochs at most.
        model_weights: How much each image counts for each learner, float32 [n, learners]; None
            where each learner has all images.
    """

    learners: Sequence[Learner]
    lockstep: Lockstep
    data: Split
    steps: int
    epochs: int
    model_weights: np.ndarray | None = None

    def trains(self, epoch: int) -> bool:
        """Tell whether a learner still learns in an epoch, from 0."""
        return any(learner.trains(epoch) for learner in self.learners)

    def add_seconds(self, seconds: float, epoch: int) -> None:
        """Divide the time of an epoch, from 0, among the learners that learn in it."""
        learning = [learner for learner in self.learners if learner.trains(epoch)]
        for learner in learning:
            if learner.seconds is not None:
                learner.seconds += seconds / len(learning)

    def images_left(self, position: StreamPosition) -> int:
        """Count the images that the learners may still go through, at most."""
        steps_left = (self.epochs - position.epoch) * self.steps - position.batch
        return steps_left * self.learners[0].recipe.batch_size


def _iterator(batches: Any) -> Iterator[Any]:
    """Iterate over a `tf.data.Dataset` without its own optimisation, which costs 50 ms each time.

    The dataset reads from one function, so there is nothing in it to fuse or to tune.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return iter(batches.with_options(options))
