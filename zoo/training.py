"""Training: run folder, curves, early stopping, interruption and resuming.

Models whose recipes ask for the same batches train together; one model alone is the same
with a list of one.
"""

import contextlib
import math
import signal
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

from zoo.datasets.base import Split
from zoo.errors import ArgumentError, DataError
from zoo.learner import Learner, check_model
from zoo.lockstep import Combine, Lockstep
from zoo.metrics import confusion_matrix
from zoo.plots import confusion_figure
from zoo.progress import Clock, Progress
from zoo.runs import RunFolder
from zoo.tensorboard import TensorBoardLog

EVALUATION_BATCH = 1024
SECONDS_BETWEEN_LOOKS = 0.3


def train(
    learners: Sequence[Learner],
    data: Split,
    validation: Split | None = None,
    *,
    together: bool | None = None,
    combine: Combine | None = None,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    callbacks: Iterable[Any] = (),
    owner: Any = None,
    verbose: str | int = "auto",
) -> Any:
    """Train one model or several.

    Args:
        learners: The models with their recipes.
        data: Training images.
        validation: Images for early stopping and for the curves, or None.
        together: Whether they learn from the same batches in one graph. None does so where
            their recipes ask for the same batch size and augmentation.
        combine: Combines the models' probabilities, for the committee's own curves.
        seed: Seed of the batches' order and of augmentation.
        log_dir: The run folder, for TensorBoard and for resuming; None writes nothing.
        resume: Whether to go on with the run in `log_dir`.
        settings: Further configuration to log, and to compare when resuming.
        callbacks: Keras callbacks. The scores of a model among several carry its name
            (`val_cnn_accuracy`), those of the committee or of a single model do not.
        owner: The model that callbacks see; None for the first learner's.
        verbose: `"auto"` or 1 for progress, 0 for silence.

    Returns:
        A `keras.callbacks.History`.

    Raises:
        ArgumentError: Recipes that cannot be followed together, or not without validation data.
        DataError: Images or classes that do not fit, or the test split for validation.
        RunError: The run folder is in use, or cannot be resumed.

    Example:
        >>> import zoo
        >>> from zoo.learner import Learner
        >>> from zoo.training import train
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10, seed=0)
        >>> recipe = zoo.Recipe(optimizer="adam", learning_rate=0.01, batch_size=64, epochs=3)
        >>> learner = Learner("softmax", model, recipe)
        >>> history = train([learner], data.train, data.validation, verbose=0)
        >>> history.history["val_accuracy"][-1] > 0.8
        True
    """
    _check(learners, data, validation)
    if together is None:
        together = not _disagreements(learners)
    elif together and _disagreements(learners):
        raise ArgumentError(
            f"Members that train together see the same batches, and their recipes differ in "
            f"{' and '.join(_disagreements(learners))}. Make them agree, or pass together=False."
        )
    config = {
        **(settings or {}),
        "recipes": {learner.name: asdict(learner.recipe) for learner in learners},
        "together": together,
        "seed": seed,
        "train": _fingerprint(data),
        "validation": _fingerprint(validation) if validation else None,
    }
    run = RunFolder(log_dir, config, resume=resume) if log_dir is not None else None
    log = TensorBoardLog(run.path) if run else None
    history = keras.callbacks.History()
    history.epoch = []
    rows = {learner.name: learner.recipe.epochs for learner in learners}
    if combine:
        rows["committee"] = max(rows.values())
    with Progress(rows, verbose=verbose) as progress, _interrupts() as interrupts:
        session = _Session(
            data=data,
            validation=validation,
            seed=seed,
            run=run,
            log=log,
            progress=progress,
            interrupts=interrupts,
            history=history,
            callbacks=list(callbacks),
            owner=owner or learners[0].model,
            prefixed=len(learners) > 1,
        )
        if log:
            _log_configuration(log, learners, config, combine is not None)
        try:
            if together:
                session.fit("together", learners, combine)
            else:
                for learner in learners:
                    session.fit(learner.name, [learner], None)
                if combine and validation:
                    session.score_committee(learners, combine)
            if log and validation:
                lockstep = Lockstep(learners, combine)
                predictions = lockstep.predict(validation.batches(EVALUATION_BATCH))
                _log_confusion(log, validation, predictions, max(rows.values()))
            if log:
                _log_hyperparameters(log, learners, history.history, len(learners) > 1)
        except BaseException:
            if run:
                run.finish("stopped")
            raise
        finally:
            if log:
                log.close()
    if run:
        run.finish("finished")
    return history


@dataclass
class _Session:
    """What all trainings of one call of `train` share."""

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

    def fit(self, state_name: str, learners: Sequence[Learner], combine: Combine | None) -> None:
        """Train learners in lockstep until all of them are through."""
        recipe = learners[0].recipe
        steps = math.ceil(len(self.data) / recipe.batch_size)
        epochs = max(learner.recipe.epochs for learner in learners)
        for learner in learners:
            learner.start(steps)
        lockstep = Lockstep(learners, combine)
        epoch, step = self._restore(state_name, learners, lockstep)
        batches = iter(
            self.data.batches(
                recipe.batch_size,
                shuffle=True,
                seed=self.seed,
                epochs=max(epochs - epoch, 1),
                first_epoch=epoch,
                first_batch=step,
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
                    self._save(state_name, learners, lockstep, epoch, done)
                    _leave(self.interrupts[0])
            scores = self._scores(lockstep, learners, epoch)
            epoch, step = epoch + 1, 0
            lockstep.reset()
            self._record(epoch, scores, time.monotonic() - started)
            for learner in learners:
                if learner.trains(epoch - 1):
                    learner.observe(epoch, scores[learner.name])
                    if not learner.trains(epoch):
                        self.progress.end(learner.name, learner.stopped or "trained")
            callbacks.on_epoch_end(epoch - 1, self._flat(scores))
            self._save(state_name, learners, lockstep, epoch, 0)
        callbacks.on_train_end()

    def score_committee(self, learners: Sequence[Learner], combine: Combine) -> None:
        """Score members that were trained apart as a committee, once, after the last epoch."""
        assert self.validation is not None
        scores = Lockstep(learners, combine).evaluate(self.validation.batches(EVALUATION_BATCH))
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
        clock, piece = Clock(), 1
        while step < steps:
            piece = min(piece, steps - step)
            callbacks.on_train_batch_begin(step)
            started = time.monotonic()
            lockstep.train(batches, piece, epoch)
            seconds = time.monotonic() - started
            step += piece
            callbacks.on_train_batch_end(step - 1, self._flat(lockstep.scores()))
            left = clock.left(piece, last - epoch * steps - step)
            self.progress.step(names, epoch + step / steps, left)
            piece = max(1, min(2 * piece, round(piece * SECONDS_BETWEEN_LOOKS / seconds)))
            yield step

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
            validated = lockstep.evaluate(self.validation.batches(EVALUATION_BATCH))
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

    def _save(
        self,
        state_name: str,
        learners: Sequence[Learner],
        lockstep: Lockstep,
        epoch: int,
        step: int,
    ) -> None:
        if not self.run:
            return
        arrays, facts = {"totals": lockstep.totals}, {}
        for learner in learners:
            its_arrays, facts[learner.name] = learner.save()
            arrays.update(its_arrays)
        history = {"epoch": self.history.epoch, "history": self.history.history}
        state = {"epoch": epoch, "step": step, "learners": facts, "history": history}
        self.run.save_state(state_name, arrays, state)

    def _restore(
        self, state_name: str, learners: Sequence[Learner], lockstep: Lockstep
    ) -> tuple[int, int]:
        """Take up what was saved; returns the epoch and the step to go on with, from 0."""
        saved = self.run.load_state(state_name) if self.run else None
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


def _validation_scores(scores: Mapping[str, float]) -> dict[str, float]:
    return {f"val_{key}": value for key, value in scores.items()}


def _check(learners: Sequence[Learner], data: Split, validation: Split | None) -> None:
    for learner in learners:
        check_model(learner.name, learner.model, data.image_shape, data.num_classes)
        if learner.recipe.patience and not validation:
            raise ArgumentError(
                f"{learner.name} stops early (patience={learner.recipe.patience}), which needs "
                "validation data. Pass validation_data=, or patience=None."
            )
    if validation is None:
        return
    if validation.name == "test":
        raise DataError(
            "The test split chooses nothing, not even when to stop: hold images of the training "
            "split out for validation, and keep the test split for the report."
        )
    if (validation.image_shape, validation.class_names) != (data.image_shape, data.class_names):
        raise DataError(
            f"Validation images should be like the training images: {data.image_shape} with the "
            f"classes {', '.join(data.class_names)}. Received: {validation.image_shape} with "
            f"{', '.join(validation.class_names)}"
        )


def _disagreements(learners: Sequence[Learner]) -> list[str]:
    """What of their recipes would make their batches differ."""
    return [
        what
        for what in ("batch_size", "augmentation")
        if any(getattr(x.recipe, what) != getattr(learners[0].recipe, what) for x in learners)
    ]


def _fingerprint(split: Split) -> dict[str, Any]:
    """What tells one split from another when resuming."""
    return {
        "name": split.name,
        "images": len(split),
        "image_shape": list(split.image_shape),
        "classes": list(split.class_names),
        "labels_crc32": zlib.crc32(split.labels.tobytes()),
    }


def _log_configuration(
    log: TensorBoardLog, learners: Sequence[Learner], config: Mapping[str, Any], committee: bool
) -> None:
    shared = {key: value for key, value in config.items() if key != "recipes"}
    for learner in learners:
        recipe = config["recipes"][learner.name]
        log.configuration(f"{learner.name}/train", {**recipe, **({} if committee else shared)})
    if committee:
        log.configuration("committee/train", shared)


def _log_confusion(
    log: TensorBoardLog, split: Split, predictions: Mapping[str, Any], step: int
) -> None:
    for name, predicted in predictions.items():
        confusion = confusion_matrix(split.labels, predicted, split.num_classes)
        figure = confusion_figure(confusion, split.class_names, f"{name}, {split.name}")
        log.figure(f"{name}/validation", "confusion matrix", figure, step)


def _log_hyperparameters(
    log: TensorBoardLog,
    learners: Sequence[Learner],
    history: Mapping[str, Sequence[float]],
    prefixed: bool,
) -> None:
    for learner in learners:
        prefix = f"{learner.name}_" if prefixed else ""
        part = "val_" if f"val_{prefix}loss" in history else ""
        best = {
            "loss": min(history[f"{part}{prefix}loss"]),
            "accuracy": max(history[f"{part}{prefix}accuracy"]),
        }
        log.hyperparameters(learner.name, _settings(learner), best, len(history))


def _settings(learner: Learner) -> dict[str, Any]:
    """The recipe as numbers and words, for the table of hyperparameters."""
    recipe = asdict(learner.recipe)
    recipe["model"] = learner.name
    recipe["parameters"] = learner.model.count_params()
    recipe.update(recipe.pop("optimizer_arguments"))
    recipe["augmentation"] = learner.recipe.augmentation is not None
    return {key: "none" if value is None else value for key, value in recipe.items()}


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM instead of falling over them; the second one acts at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, frame: Any) -> None:
        received.append(number)
        for other, handler in before.items():
            signal.signal(other, handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int) -> None:
    """End as the signal would have."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
