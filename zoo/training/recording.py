"""Where the scores of a training go: the history, TensorBoard, the progress and callbacks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.metrics import confusion_matrix
from zoo.plots import confusion_figure
from zoo.tensorboard import BUILDER, TensorBoardLog, run_folder
from zoo.training.learner import Learner
from zoo.training.progress import Progress
from zoo.training.scores import LOSS, SCORES, ScoresByName


class Recorder:
    """Record the scores of a training.

    Args:
        progress: The live progress.
        log: The curves for TensorBoard, or None.
        prefixed: Whether the name of a model belongs to the names of its scores.

    Attributes:
        history: The scores of all epochs so far, a `keras.callbacks.History`.
    """

    def __init__(self, progress: Progress, log: TensorBoardLog | None, *, prefixed: bool) -> None:
        self.progress = progress
        self._log = log
        self._prefixed = prefixed
        self.history = keras.callbacks.History()
        self.history.epoch = []

    def epoch(self, number: int, scores: ScoresByName, seconds: float) -> None:
        """Record the scores of an epoch.

        Args:
            number: The epoch, from 1.
            scores: Name → score → value.
            seconds: How long the epoch took.
        """
        if number not in self.history.epoch:
            self.history.epoch.append(number)
        for key, value in self.keras_names(scores).items():
            self.history.history.setdefault(key, []).append(value)
        if self._log:
            self._log.epoch(number, scores)
        self.progress.epoch(number, scores, seconds)

    def keras_names(self, scores: ScoresByName) -> dict[str, float]:
        """Name scores as Keras does: `val_cnn_accuracy`, and `val_accuracy` for the committee.

        Args:
            scores: Name → score → value.
        """
        named = {}
        for name, values in scores.items():
            for key, value in values.items():
                part = "val_" if key.startswith("val_") else ""
                named[f"{part}{self._prefix(name)}{key.removeprefix('val_')}"] = value
        return named

    def state(self) -> dict[str, Any]:
        """Give the history as JSON values."""
        return {"epoch": self.history.epoch, "history": self.history.history}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Add the history of the epochs before a training was resumed.

        The state of a group of models may be older than what a group before it has recorded since.

        Args:
            state: As the method `state` gave it.
        """
        self.history.epoch = sorted({*self.history.epoch, *state["epoch"]})
        for key, values in state["history"].items():
            if len(values) > len(self.history.history.get(key, ())):
                self.history.history[key] = values

    def rewind(self, names: Iterable[str], epoch: int) -> None:
        """Delete from the log what a resumed training writes again.

        Args:
            names: Names of models, or `"committee"`.
            epoch: The last epoch whose scores stay; -1 deletes everything.
        """
        if self._log:
            for name in names:
                self._log.rewind(run_folder(name), epoch)

    def end(
        self,
        learners: Sequence[Learner],
        validation: Split | None,
        predictions: Mapping[str, np.ndarray],
    ) -> None:
        """Write pictures and hyperparameters for TensorBoard, after the last epoch.

        Args:
            learners: The models.
            validation: The validation images, or None.
            predictions: Name → class ids of the validation images, int [n].
        """
        if not self._log:
            return
        last = self.history.epoch[-1]
        for name, predicted in predictions.items():
            assert validation is not None
            labels, class_names = validation.labels, validation.class_names
            confusion = confusion_matrix(labels, predicted, len(class_names))
            title = f"{name}, {validation.name}"
            draw = partial(confusion_figure, confusion, class_names, title)
            self._log.figure(run_folder(name), "validation/confusion matrix", draw, last)
        settings = {learner.name: _settings(learner) for learner in learners}
        part = "val_" if validation else ""
        if self._prefixed and f"{part}{LOSS}" in self.history.history:
            settings = {"committee": {"model": "committee"}, **settings}
        best = {name: self._best(name, part) for name in settings}
        self._log.hyperparameters(settings, best, last)

    def _best(self, name: str, part: str) -> dict[str, float]:
        """Give a model's scores in the epoch with the lowest loss."""
        curves = {
            score: self.history.history[f"{part}{self._prefix(name)}{score}"]
            for score in sorted(SCORES)
        }
        losses = curves[LOSS]
        best = min(range(len(losses)), key=losses.__getitem__)
        return {f"{part}{score}": curve[best] for score, curve in curves.items()}

    def _prefix(self, name: str) -> str:
        return f"{name}_" if self._prefixed and name != "committee" else ""


def _settings(learner: Learner) -> dict[str, Any]:
    """Give a model's settings as numbers and words, for TensorBoard's table of hyperparameters."""
    recipe = asdict(learner.recipe)
    recipe.update(recipe.pop("optimizer_arguments"))
    recipe["augmentation"] = changes_of(learner.recipe.augmentation)
    if not isinstance(recipe["schedule"], str):
        recipe["schedule"] = recipe["schedule"]["class_name"]
    recipe["precision"] = learner.model.dtype_policy.name
    settings = {
        "model": learner.name,
        **recipe,
        **{f"{BUILDER}{key}": value for key, value in learner.arguments.items()},
        f"{BUILDER}parameters": learner.model.count_params(),
    }
    return {key: _as_cell(value) for key, value in settings.items()}


def changes_of(augmentation: Any) -> str:
    """Write an augmentation as the arguments that differ from the defaults of `Augmentation`.

    Args:
        augmentation: An `Augmentation`, or None.

    Example:
        >>> changes_of(None)
        'none'
    """
    if augmentation is None:
        return "none"
    defaults = asdict(type(augmentation)())
    changes = [
        f"{key}={value}" for key, value in asdict(augmentation).items() if value != defaults[key]
    ]
    return ", ".join(changes) or "default"


def _as_cell(value: Any) -> Any:
    """Give a value that TensorBoard's table can hold: a number, a text or a truth value."""
    if value is None:
        return "none"
    return value if isinstance(value, (bool, int, float, str)) else str(value)
