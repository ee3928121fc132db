"""The loop of a training: epochs, pieces of epochs, validation, and when to stop."""

import functools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from zoo.datasets.pipeline import StreamPosition
from zoo.datasets.split import Split
from zoo.starting.signals import CollectedSignals
from zoo.training.callbacks import MemberCallback
from zoo.training.checkpoint import Checkpoint
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Graphs, Lockstep
from zoo.training.phases.phase import EVALUATION_BATCH, Phase, Phases
from zoo.training.recording import Recorder
from zoo.training.scores import ScoresByName, validation_scores

SECONDS_OF_A_PIECE = 0.3
"""Steps run in pieces of this length. Between pieces, signals are handled and progress is drawn."""


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
        data = self._phases.images_of(learners)
        steps = math.ceil(len(data) / learners[0].recipe.batch_size)
        for learner in learners:
            learner.start(steps)
        position, totals = self.checkpoint.restore(learners, steps, is_combined=bool(combine))
        phase, batches = self._begin_phase(learners, combine, position)
        phase.lockstep.reset(totals)
        names = [learner.name for learner in learners] + (["committee"] if combine else [])
        self.recorder.rewind(names, -1 if position == StreamPosition() else position.epoch)
        callbacks = keras.callbacks.CallbackList(
            self.callbacks, model=self.owner, epochs=phase.epochs, steps=phase.steps, verbose=0
        )
        self.owner.stop_training = False
        callbacks.on_train_begin()
        if position == StreamPosition():
            for watcher in self._watchers:
                watcher.begin_safely({learner.name: learner.model for learner in learners})
        while phase.trains(position.epoch) and not self.owner.stop_training:
            if self._phases.end(phase, position.epoch):
                phase, batches = self._begin_phase(learners, combine, position)
            callbacks.on_epoch_begin(position.epoch)
            started = time.monotonic()
            for within in self._pieces(phase, batches, position, callbacks):
                if self.signals.received:
                    phase.lockstep.store()
                    phase.add_seconds(time.monotonic() - started, within.epoch)
                    self.checkpoint.save(learners, phase.lockstep, within)
                    for learner in learners:
                        learner.interrupt()
                    self.stop_if_asked()
            position = StreamPosition(position.epoch + 1)
            scores = self._end_epoch(phase, position.epoch, started)
            callbacks.on_epoch_end(position.epoch - 1, self.recorder.keras_names(scores))
            for learner in learners:
                if learner.stopped:  # perhaps by a callback, after the epoch was recorded
                    learner.finish(phase.data)
                learner.hide_average()
            self.checkpoint.save(learners, phase.lockstep, position)
            self.stop_if_asked()
        for learner in learners:
            learner.finish(phase.data)
        self._show_kept_weights(phase)
        for learner in learners:
            learner.stand_in = None
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
        scores = self._evaluate(Lockstep(learners, combine), self._phases.batches_to_judge)
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

    @functools.cached_property
    def _phases(self) -> Phases:
        """Makes the phases of each group of learners."""
        say = self.recorder.progress.say
        return Phases(self.data, self.validation, self.teacher, self.graphs, say)

    def _begin_phase(
        self, learners: Sequence[Learner], combine: Combine | None, position: StreamPosition
    ) -> tuple[Phase, Iterator[Any]]:
        """Begin a phase, and give an iterator over its training batches."""
        self._piece = 1
        phase = self._phases.begin(learners, combine, position.epoch)
        return phase, phase.batches(position, self.seed)

    def _pieces(
        self, phase: Phase, batches: Iterator[Any], position: StreamPosition, callbacks: Any
    ) -> Iterator[StreamPosition]:
        """Train to the end of the epoch, in pieces of about `SECONDS_OF_A_PIECE`."""
        active = [learner.trains(position.epoch) for learner in phase.learners]
        names = [learner.name for learner in phase.learners if learner.trains(position.epoch)]
        first = position
        while position.batch < phase.steps:
            piece = min(self._piece, phase.steps - position.batch)
            callbacks.on_train_batch_begin(position.batch)
            started = time.monotonic()
            # Before the first piece, which may trace a graph for seconds, the state is saved.
            self.signals.at_once = position is first
            phase.lockstep.train(batches, piece, active, phase.images_left(position))
            self.signals.at_once = False
            seconds = time.monotonic() - started
            if self._sees_each_batch:
                phase.lockstep.store()
            position = position._replace(batch=position.batch + piece)
            scores = phase.lockstep.scores()
            callbacks.on_train_batch_end(position.batch - 1, self.recorder.keras_names(scores))
            self.recorder.progress.step(names, position.epoch + position.batch / phase.steps)
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

    def _end_epoch(self, phase: Phase, epoch: int, started: float) -> ScoresByName:
        """Score and record an epoch, from 1, and let the learners look at their scores."""
        scores = phase.lockstep.scores()
        if any(learner.recipe.ema for learner in phase.learners):
            phase.lockstep.store()
            for learner in phase.learners:
                if learner.trains(epoch - 1):
                    learner.show_average()
        validated = self._evaluate(phase.judge, phase.validation_batches)
        phase.lockstep.store()
        for learner in phase.learners:
            if learner.name in scores:
                scores[learner.name]["learning_rate"] = float(learner.optimizer.learning_rate)
        for name, values in scores.items():
            values.update(validation_scores(validated.get(name, {})))
        phase.lockstep.reset()
        seconds = time.monotonic() - started
        phase.add_seconds(seconds, epoch - 1)
        self.recorder.epoch(epoch, scores, seconds)
        learned = {
            learner.name: learner.model for learner in phase.learners if learner.trains(epoch - 1)
        }
        for watcher in self._watchers:
            watcher.look_safely(learned, epoch)
        for learner in phase.learners:
            if learner.trains(epoch - 1):
                learner.observe(epoch, scores[learner.name])
                if not learner.trains(epoch):
                    self.recorder.progress.end(learner.name, learner.finish(phase.data))
        return scores

    def _show_kept_weights(self, phase: Phase) -> None:
        """Show the validation scores of the weights that are kept, if the last epoch had others."""
        changed = {learner.name for learner in phase.learners if learner.has_other_weights}
        if not changed or self.validation is None:
            return
        scores = self._evaluate(phase.judge, phase.validation_batches)
        phase.lockstep.reset()
        shown = changed | {"committee"}
        self.recorder.progress.kept(
            {name: validation_scores(scores[name]) for name in scores if name in shown}
        )

    def _evaluate(self, lockstep: Lockstep, batches: Iterator[Any] | None) -> ScoresByName:
        """Score models on the validation images, or on their features; nothing without them."""
        if self.validation is None or batches is None:
            return {}
        return lockstep.evaluate(batches, math.ceil(len(self.validation) / EVALUATION_BATCH))
