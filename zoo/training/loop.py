"""The loop of a training: epochs, pieces of epochs, validation, and when to stop."""

import functools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.datasets.pipeline import StreamPosition
from zoo.datasets.split import Split
from zoo.starting.signals import CollectedSignals
from zoo.training.callbacks import MemberCallback
from zoo.training.checkpoint import Checkpoint
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Graphs, Lockstep, reuse_lockstep
from zoo.training.recording import Recorder
from zoo.training.scores import ScoresByName, validation_scores
from zoo.training.transfer.feature_splits import heads_of, keep_features

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
        signals: Ctrl-C and SIGTERM, which end the training where its state is whole.
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
    signals: CollectedSignals
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
        data = self._images_of(learners)
        steps = math.ceil(len(data) / learners[0].recipe.batch_size)
        for learner in learners:
            learner.start(steps)
        position, totals = self.checkpoint.restore(learners, steps, is_combined=bool(combine))
        group = self._group(learners, combine)
        group.lockstep.reset(totals)
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
            if self._unfreeze(learners, position.epoch):
                group = self._group(learners, combine)
                batches = self._batches(group, position)
            callbacks.on_epoch_begin(position.epoch)
            started = time.monotonic()
            for within in self._pieces(group, batches, position, callbacks):
                if self.signals.received:
                    group.lockstep.store()
                    group.add_seconds(time.monotonic() - started, within.epoch)
                    self.checkpoint.save(learners, group.lockstep, within)
                    for learner in learners:
                        learner.interrupt()
                    self.stop_if_asked()
            position = StreamPosition(position.epoch + 1)
            scores = self._end_epoch(group, position.epoch, started)
            callbacks.on_epoch_end(position.epoch - 1, self.recorder.keras_names(scores))
            for learner in learners:
                if learner.stopped:  # perhaps by a callback, after the epoch was recorded
                    learner.finish(group.data)
                learner.hide_average()
            self.checkpoint.save(learners, group.lockstep, position)
            self.stop_if_asked()
        for learner in learners:
            learner.finish(group.data)
        self._show_kept_weights(group)
        for learner in learners:
            learner.head = None
        callbacks.on_train_end()
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        """Say that the run can be resumed, and raise the signal, if a signal was received."""
        if self.signals.received and self.checkpoint.run:
            text = f"Stopped. The run in {self.checkpoint.run.path} can be resumed."
            self.recorder.progress.say(text)
        self.signals.raise_received()

    def score_committee(self, learners: Sequence[Learner], combine: Combine) -> None:
        """Score models that were trained apart as a committee, once, after the last epoch.

        Args:
            learners: The models.
            combine: Combines their probabilities.
        """
        scores = self._evaluate(Lockstep(learners, combine), self._validation_batches)
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

    def _images_of(self, learners: Sequence[Learner]) -> Split:
        # A learner alone has batches of its own images; several share batches of all images.
        return learners[0].training_images(self.data) if len(learners) == 1 else self.data

    def _unfreeze(self, learners: Sequence[Learner], epoch: int) -> bool:
        """Let the layers learn whose time comes in an epoch, from 0; tell whether there are any."""
        joining = [learner for learner in learners if learner.unfreezes(epoch)]
        for learner in joining:
            learner.unfreeze()
            text = f"{learner.name}: all layers learn from epoch {epoch + 1} on."
            self.recorder.progress.say(text)
        return bool(joining)

    def _group(self, learners: Sequence[Learner], combine: Combine | None) -> "_Group":
        """Make the arithmetic of started learners, which holds until layers are unfrozen."""
        self._piece = 1
        data = self._images_of(learners)
        splits = self._keep_features(learners, data)
        model_weights = None
        if len(learners) > 1 and any(learner.rows is not None for learner in learners):
            rows_of_models = [learner.image_weights(len(data)) for learner in learners]
            model_weights = np.stack(rows_of_models, axis=1)
        steps = math.ceil(len(data) / learners[0].recipe.batch_size)
        epochs = max(learner.recipe.epochs for learner in learners)
        class_weights = [
            list(learner.training_images(self.data).class_weights.values()) for learner in learners
        ]
        lockstep = reuse_lockstep(
            learners, combine, class_weights, self.teacher,
            steps=steps * epochs, graphs=self.graphs,
        )  # fmt: skip
        source, validation = splits or (data, None)
        batches = _endless(validation) if validation else self._validation_batches
        return _Group(learners, lockstep, data, source, batches, steps, epochs, model_weights)

    def _keep_features(
        self, learners: Sequence[Learner], data: Split
    ) -> tuple[Split, Split | None] | None:
        """Compute the features of all images once, where all learners are frozen.

        Returns:
            Features in place of the training and the validation images. None if the learners need
            the images.
        """
        for learner in learners:
            learner.head = None
        frozen = {learner.name: learner.model for learner in learners if learner.frozen}
        if not frozen:
            return None
        reason = ""
        if self.teacher:
            reason = "the teacher looks at the images"
        elif learners[0].recipe.augmentation:
            reason = "the augmentation changes the images"
        elif others := [learner.name for learner in learners if not learner.frozen]:
            reason = f"other layers of {', '.join(others)} learn in the same steps"
        splits = keep_features(
            frozen, data, self.validation, reason=reason, say=self.recorder.progress.say
        )
        if splits:
            for learner, head in zip(learners, heads_of([*frozen.values()]), strict=True):
                learner.head = head
        return splits

    def _batches(self, group: "_Group", position: StreamPosition) -> Iterator[Any]:
        """Iterate over the training batches from a position on."""
        # If the position is the end of an epoch, the next batch is the first of the next epoch.
        step = position.epoch * group.steps + position.batch
        start = StreamPosition(*divmod(step, group.steps))
        recipe = group.learners[0].recipe
        seed = group.learners[0].seed if len(group.learners) == 1 else None
        return _iterator(
            group.source.batches(
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
        first = position
        while position.batch < group.steps:
            piece = min(self._piece, group.steps - position.batch)
            callbacks.on_train_batch_begin(position.batch)
            started = time.monotonic()
            # Before the first piece, which may trace a graph for seconds, the state is saved.
            self.signals.at_once = position is first
            group.lockstep.train(batches, piece, active, group.images_left(position))
            self.signals.at_once = False
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
        validated = self._evaluate(group.lockstep, group.validation_batches)
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
        scores = self._evaluate(group.lockstep, group.validation_batches)
        group.lockstep.reset()
        shown = changed | {"committee"}
        self.recorder.progress.kept(
            {name: validation_scores(scores[name]) for name in scores if name in shown}
        )

    def _evaluate(self, lockstep: Lockstep, batches: Iterator[Any] | None) -> ScoresByName:
        """Score models on the validation images, or on their features; nothing without them."""
        if self.validation is None or batches is None:
            return {}
        return lockstep.evaluate(batches, math.ceil(len(self.validation) / EVALUATION_BATCH))

    @functools.cached_property
    def _validation_batches(self) -> Iterator[Any] | None:
        """An endless iterator over the validation images. A second would cost much time."""
        return None if self.validation is None else _endless(self.validation)


@dataclass(frozen=True)
class _Group:
    """Learners that train together, on the same batches.

    Attributes:
        learners: The learners.
        lockstep: Their arithmetic.
        data: Their training images.
        source: What the batches are made of: the images, or their features.
        validation_batches: An endless iterator over the validation images or their features; None
            without validation images.
        steps: Steps in an epoch.
        epochs: Epochs at most.
        model_weights: How much each image counts for each learner, float32 [n, learners]; None
            where each learner has all images.
    """

    learners: Sequence[Learner]
    lockstep: Lockstep
    data: Split
    source: Split
    validation_batches: Iterator[Any] | None
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


def _endless(split: Split) -> Iterator[Any]:
    """Iterate over the batches of an evaluation, again and again."""
    return _iterator(split.batches(EVALUATION_BATCH, epochs=ENDLESS))


def _iterator(batches: Any) -> Iterator[Any]:
    """Iterate over a `tf.data.Dataset` without its own optimisation, which costs 50 ms each time.

    The dataset reads from one function, so there is nothing in it to fuse or to tune.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return iter(batches.with_options(options))
