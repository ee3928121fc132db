"""The loop of a training: epochs, early stopping, records, and where it was when it stopped."""

import functools
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import keras

from zoo.datasets.split import Split
from zoo.metrics import confusion_matrix
from zoo.plots import confusion_figure
from zoo.tensorboard import TensorBoardLog
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Lockstep
from zoo.training.progress import Clock, Progress
from zoo.training.run_folder import RunFolder

EVALUATION_BATCH = 1024
SECONDS_BETWEEN_LOOKS = 0.3


@dataclass
class Session:
    """What all trainings of one call of `zoo.training.train` share.

    Attributes:
        data: Training images.
        validation: Validation images, or None.
        seed: Seed of the batches' order and of augmentation.
        run: The run folder, or None.
        log: For TensorBoard, or None.
        progress: The live progress.
        interrupts: Signals received so far.
        history: A `keras.callbacks.History` to fill.
        callbacks: The user's Keras callbacks.
        owner: The model that they see.
        prefixed: Whether a model's scores carry its name.
        teacher: Whom the models learn from beside the labels, or None.
    """

    data: Split
    validation: Split | None
    seed: int
    run: RunFolder | None
    log: TensorBoardLog | None
    progress: Progress
    interrupts: list[int]
    history: Any
    callbacks: list[Any]
    owner: Any
    prefixed: bool
    teacher: Teacher | None = None
    _piece: int = field(default=1, init=False)

    def fit(self, learners: Sequence[Learner], combine: Combine | None) -> None:
        """Train learners in lockstep until all of them are through."""
        first = learners[0]
        recipe = first.recipe
        data = first.own(self.data)
        steps = math.ceil(len(data) / recipe.batch_size)
        epochs = max(learner.recipe.epochs for learner in learners)
        for learner in learners:
            learner.start(steps)
        weights = list(data.class_weights.values())
        lockstep = Lockstep(learners, combine, weights, self.teacher)
        self._piece = 1
        epoch, step = self._restore(learners, lockstep)
        # A step may be the last one of its epoch: then the next batch is the next epoch's first.
        first_epoch, first_batch = divmod(epoch * steps + step, steps)
        batches = iter(
            data.batches(
                recipe.batch_size,
                shuffle=True,
                seed=self.seed if first.seed is None else first.seed,
                epochs=max(epochs - first_epoch, 1),
                first_epoch=first_epoch,
                first_batch=first_batch,
                transform=recipe.augmentation,
            )
        )
        callbacks = keras.callbacks.CallbackList(
            self.callbacks, model=self.owner, epochs=epochs, steps=steps, verbose=0
        )
        self.owner.stop_training = False
        callbacks.on_train_begin()
        while any(learner.trains(epoch) for learner in learners) and not self.owner.stop_training:
            callbacks.on_epoch_begin(epoch)
            started = time.monotonic()
            for done in self._steps(lockstep, learners, batches, epoch, step, steps, callbacks):
                if self.interrupts:
                    self._save(learners, lockstep, epoch, done)
                    self._leave(self.interrupts[0])
            scores = self._scores(lockstep, learners, epoch)
            epoch, step = epoch + 1, 0
            lockstep.reset()
            self._record(epoch, scores, time.monotonic() - started)
            for learner in learners:
                if learner.trains(epoch - 1):
                    learner.observe(epoch, scores[learner.name])
                    if not learner.trains(epoch):
                        self.progress.end(learner.name, learner.finish(data))
            callbacks.on_epoch_end(epoch - 1, self._flat(scores))
            self._save(learners, lockstep, epoch, 0)
            if self.interrupts:
                self._leave(self.interrupts[0])
        for learner in learners:
            learner.finish(data)
        callbacks.on_train_end()

    def score_committee(self, learners: Sequence[Learner], combine: Combine) -> None:
        """Score members that were trained apart as a committee, once, after the last epoch."""
        scores = Lockstep(learners, combine).evaluate(self._validation_batches)
        epoch = max(learner.recipe.epochs for learner in learners)
        self._record(epoch, {"committee": _validation_scores(scores["committee"])}, 0.0)

    def _steps(
        self,
        lockstep: Lockstep,
        learners: Sequence[Learner],
        batches: Iterator[Any],
        epoch: int,
        step: int,
        steps: int,
        callbacks: Any,
    ) -> Iterator[int]:
        """Train an epoch from a step on, in pieces short enough to look up in between."""
        names = [learner.name for learner in learners if learner.trains(epoch)]
        last = max(learner.recipe.epochs for learner in learners) * steps
        clock = Clock()
        while step < steps:
            piece = min(self._piece, steps - step)
            callbacks.on_train_batch_begin(step)
            started = time.monotonic()
            lockstep.train(batches, piece, epoch)
            seconds = time.monotonic() - started
            step += piece
            callbacks.on_train_batch_end(step - 1, self._flat(lockstep.scores()))
            left = clock.left(piece, last - epoch * steps - step)
            self.progress.step(names, epoch + step / steps, left)
            if not self.each_batch:
                # As long as it should be, but not much longer than what was tried.
                fitting = round(piece * SECONDS_BETWEEN_LOOKS / max(seconds, 1e-6))
                self._piece = max(1, min(2 * self._piece, fitting))
            yield step

    @functools.cached_property
    def _validation_batches(self) -> Any:
        """Made once: it takes as long as an epoch of a small table."""
        assert self.validation is not None
        return self.validation.batches(EVALUATION_BATCH)

    @property
    def each_batch(self) -> bool:
        """Whether a callback wants to hear of every batch."""
        hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
        return any(
            getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
            for callback in self.callbacks
            for hook in hooks
        )

    def _scores(
        self, lockstep: Lockstep, learners: Sequence[Learner], epoch: int
    ) -> dict[str, dict[str, float]]:
        """The epoch's scores on both parts, with the learning rates."""
        scores = lockstep.scores()
        for learner in learners:
            if learner.name in scores:
                rate = float(learner.optimizer.learning_rate)
                scores[learner.name]["learning_rate"] = rate
        if self.validation:
            validated = lockstep.evaluate(self._validation_batches)
            for name, values in scores.items():
                values.update(_validation_scores(validated[name]))
        return scores

    def _record(self, epoch: int, scores: dict[str, dict[str, float]], seconds: float) -> None:
        """Bring an epoch to the history, to TensorBoard and to the progress."""
        if epoch not in self.history.epoch:
            self.history.epoch.append(epoch)
        for key, value in self._flat(scores).items():
            self.history.history.setdefault(key, []).append(value)
        if self.log:
            self.log.epoch(epoch, scores)
        self.progress.epoch(epoch, scores, seconds)

    def _flat(self, scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Scores under Keras's names: `val_cnn_accuracy`, and `val_accuracy` for the whole."""
        flat = {}
        for name, values in scores.items():
            prefix = f"{name}_" if self.prefixed and name != "committee" else ""
            for key, value in values.items():
                part = "val_" if key.startswith("val_") else ""
                flat[f"{part}{prefix}{key.removeprefix('val_')}"] = value
        return flat

    def _save(self, learners: Sequence[Learner], lockstep: Lockstep, epoch: int, step: int) -> None:
        if not self.run:
            return
        arrays, facts = {"totals": lockstep.totals}, {}
        for learner in learners:
            its_arrays, facts[learner.name] = learner.save()
            arrays.update(its_arrays)
        history = {"epoch": self.history.epoch, "history": self.history.history}
        state = {"epoch": epoch, "step": step, "learners": facts, "history": history}
        self.run.save_state(learners[0].name, arrays, state)

    def _restore(self, learners: Sequence[Learner], lockstep: Lockstep) -> tuple[int, int]:
        """Take up what was saved; returns the epoch and the step to go on with, from 0."""
        saved = self.run.load_state(learners[0].name) if self.run else None
        if not saved:
            return 0, 0
        arrays, state = saved
        for learner in learners:
            learner.restore(arrays, state["learners"][learner.name])
        lockstep.reset(arrays["totals"])
        self.history.epoch = state["history"]["epoch"]
        self.history.history = state["history"]["history"]
        self.progress.say(f"Resuming after {state['epoch']} epochs and {state['step']} steps.")
        return state["epoch"], state["step"]

    def _leave(self, number: int) -> None:
        """End as the signal would have."""
        if self.run:
            self.progress.say(f"Stopped. The run in {self.run.path} can be resumed.")
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def log_end(
        self, log: TensorBoardLog, learners: Sequence[Learner], combine: Combine | None
    ) -> None:
        """Write pictures and hyperparameters for TensorBoard, after the last epoch."""
        last = self.history.epoch[-1]
        if self.validation:
            predictions = Lockstep(learners, combine).predict(self._validation_batches)
            for name, predicted in predictions.items():
                labels, names = self.validation.labels, self.validation.class_names
                confusion = confusion_matrix(labels, predicted, len(names))
                figure = confusion_figure(confusion, names, f"{name}, {self.validation.name}")
                log.figure(f"{name}/validation", "confusion matrix", figure, last)
        for learner in learners:
            log.hyperparameters(learner.name, _settings(learner), self._best(learner.name), last)

    def _best(self, name: str) -> dict[str, float]:
        """A model's scores in the epoch with the lowest loss, on validation images if any."""
        prefix = f"{name}_" if self.prefixed else ""
        part = "val_" if self.validation else ""
        losses = self.history.history[f"{part}{prefix}loss"]
        best = min(range(len(losses)), key=losses.__getitem__)
        accuracy = self.history.history[f"{part}{prefix}accuracy"][best]
        return {"loss": losses[best], "accuracy": accuracy}


def _settings(learner: Learner) -> dict[str, Any]:
    """The recipe as numbers and words, for the table of hyperparameters."""
    recipe = asdict(learner.recipe)
    recipe.update(recipe.pop("optimizer_arguments"))
    recipe["augmentation"] = learner.recipe.augmentation is not None
    recipe["precision"] = learner.model.dtype_policy.name
    named = {key: "none" if value is None else value for key, value in recipe.items()}
    return {"model": learner.name, "parameters": learner.model.count_params(), **named}


def _validation_scores(scores: Mapping[str, float]) -> dict[str, float]:
    return {f"val_{key}": value for key, value in scores.items()}
