"""The user's Keras callbacks: which of them work here, and whether a score should rise or fall.

`MemberCallback` is the base of callbacks that look at each model of a training.
"""

import contextlib
import os
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras

from zoo.arguments import as_path
from zoo.errors import ArgumentError
from zoo.files import errors_as_warnings
from zoo.tensorboard import TensorBoardLog
from zoo.text import did_you_mean
from zoo.training.scores import SCORES

MonitorCallback: Any = keras.callbacks.EarlyStopping.__base__
"""Keras's base of the callbacks that look at a score, which has no public name."""

_REPLACEMENTS = {
    "BackupAndRestore": "log_dir= and resume=True",
    "LearningRateScheduler": "Recipe(schedule=...)",
    "OrbaxCheckpoint": "log_dir= and resume=True",
    "ReduceLROnPlateau": "Recipe(plateau=...)",
    "SwapEMAWeights": "Recipe(ema=...)",
    "TensorBoard": "log_dir=",
}
"""Name of a callback that could not do its work here → what to use instead."""


def as_list(callbacks: Any) -> list[Any]:
    """Take callbacks as Keras does: a callback, several of them, or None.

    Args:
        callbacks: The user's callbacks.

    Returns:
        The callbacks.

    Raises:
        ArgumentError: The callbacks are something else, such as a class.

    Example:
        >>> as_list(None)
        []
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, (type, str)) or not isinstance(callbacks, Iterable):
        callbacks = [callbacks]
    callbacks = list(callbacks)
    for callback in callbacks:
        if isinstance(callback, type) or not hasattr(callback, "set_model"):
            raise ArgumentError(
                f"callbacks must be Keras callbacks. Received: {callback!r}. Make an object of "
                "the class, such as keras.callbacks.EarlyStopping()."
            )
    return callbacks


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse Keras callbacks that could not do their work here.

    Args:
        callbacks: The user's callbacks.

    Raises:
        ArgumentError: A callback needs a single optimiser or the loop of Keras.
    """
    for callback in callbacks:
        for name, replacement in _REPLACEMENTS.items():
            if isinstance(callback, getattr(keras.callbacks, name, ())):
                raise ArgumentError(
                    "Callbacks must work without the single optimiser and the loop of "
                    f"keras.Model.fit. Received: keras.callbacks.{name}. Use {replacement} instead."
                )


def check_checkpoints(callbacks: Sequence[Any]) -> None:
    """Refuse a `ModelCheckpoint` that could not save a committee, before an epoch is lost.

    Args:
        callbacks: The user's callbacks.

    Raises:
        ArgumentError: The path of a file for the whole model ends in something else than `.keras`.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            path = os.fspath(callback.filepath)
            if not (callback.save_weights_only or path.endswith(".keras")):
                raise ArgumentError(
                    f"filepath of a ModelCheckpoint must end in .keras. Received: {path}. Change "
                    "the end of the path."
                )


def choose_directions(
    callbacks: Sequence[Any], names: Sequence[str], *, has_validation: bool = True
) -> None:
    """Set the mode of callbacks with `mode="auto"`: whether their score should rise or fall.

    Keras looks the score up among the metrics that the model was compiled with. The scores of a
    committee come from Zoo.

    Args:
        callbacks: The user's callbacks.
        names: The names of the models that are trained.
        has_validation: Whether there are validation images, whose scores a file name may have.

    Raises:
        ArgumentError: A callback monitors a score that there is not, or has it in a file name.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping("val_cnn_accuracy")
        >>> choose_directions([stopping], ["cnn", "mlp"])
        >>> stopping.mode
        'max'
    """
    prefixes = ["", *(f"{name}_" for name in names)] if len(names) > 1 else [""]
    directions = {
        f"{part}{prefix}{score}": values.best
        for part in ("", "val_")
        for prefix in prefixes
        for score, values in SCORES.items()
    }
    for callback in callbacks:
        if isinstance(callback, MonitorCallback) and callback.mode == "auto":
            if callback.monitor not in directions:
                raise ArgumentError(
                    f"monitor must be a score of this training: {', '.join(directions)}. "
                    f"Received: {callback.monitor!r}"
                    f"{did_you_mean(callback.monitor, directions)} Change it, or pass "
                    'mode="min" or mode="max" for a score of your own.'
                )
            callback.mode = directions[callback.monitor]
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            # A committee has no learning rate of its own.
            rates = [f"{prefix}learning_rate" for prefix in prefixes[len(names) > 1 :]]
            scores = [key for key in directions if has_validation or not key.startswith("val_")]
            _check_file_name(callback, {"epoch", "batch", *scores, *rates})


def _check_file_name(callback: Any, known: Iterable[str]) -> None:
    """Check the names in braces in the path of a `ModelCheckpoint`, which Keras fills in later."""
    path = os.fspath(callback.filepath)
    for _, name, _, _ in string.Formatter().parse(path):
        if name is not None and name not in known:
            raise ArgumentError(
                "filepath of a ModelCheckpoint must have names of scores in braces, or epoch. "
                f"Received: {name!r} in {path}{did_you_mean(name, known)} The scores "
                f"of this training are {', '.join(sorted(known))}."
            )


def chosen_by_validation(callbacks: Sequence[Any]) -> bool:
    """Tell whether scores of the validation images choose when a callback stops or saves.

    Args:
        callbacks: The user's callbacks.

    Example:
        >>> chosen_by_validation([keras.callbacks.EarlyStopping("val_loss")])
        True
    """
    return any(
        isinstance(callback, MonitorCallback)
        and callback.monitor.startswith("val_")
        and getattr(callback, "save_best_only", True)
        for callback in callbacks
    )


class ScoreCallback(keras.callbacks.Callback):
    """A Keras callback that looks at the scores of epochs only, and at no model.

    It works also where models train in other processes. `on_epoch_end` is then called for each
    model, or group of models, in the order in which their epochs end.

    Attributes:
        stops_models: Whether `on_epoch_end` may set `Learner.stopped`, which ends the training of
            the model. Models in other processes then wait for its word after each epoch.
    """

    stops_models = False


class MemberCallback(keras.callbacks.Callback):
    """A Keras callback that looks at each model of a training, and writes for TensorBoard.

    Keras's own hooks know a single model, which is the committee here. A subclass defines
    `begin_members` and `look_at_members`, which are called with the members that are trained,
    whether they train together or one after another. They write by `self.log` into the folder
    `run_folder(name)` of each member. An error in them becomes a warning, and the training goes on.

    Args:
        log_dir: The folder of a run for `keras.Model.fit`, which has no run folder. In a training
            by Zoo it must be None: the callback then writes into the run folder of the training.

    Attributes:
        log: The log of the training; None outside a training.

    Raises:
        ArgumentError: `log_dir` is no path.
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self._own_folder = None if log_dir is None else as_path("log_dir", log_dir)
        self._is_in_run = False
        self.log: TensorBoardLog | None = None

    def check_members(self, members: Mapping[str, Any]) -> None:
        """Check that models can be looked at, before a training begins, or goes on.

        Args:
            members: Name → model.

        Raises:
            ArgumentError: The models cannot be looked at in this way.
        """

    def begin_members(self, members: Mapping[str, Any]) -> None:
        """Look at models before their first step. A training that is resumed does not call it.

        Args:
            members: Name → model.
        """

    def look_at_members(self, members: Mapping[str, Any], epoch: int) -> None:
        """Look at models at the end of an epoch.

        Args:
            members: Name → model, of the models that learned in this epoch. They have the weights
                of the end of the epoch.
            epoch: The epoch, from 1.
        """

    def check_run(self, has_folder: bool, members: Mapping[str, Any]) -> None:
        """Check that a training by Zoo can be looked at.

        Args:
            has_folder: Whether the training has a run folder.
            members: As for `check_members`.

        Raises:
            ArgumentError: There is no run folder, the callback has another folder, or the models
                cannot be looked at in this way.
        """
        name = type(self).__name__
        if not has_folder:
            raise ArgumentError(
                f"With {name}, log_dir must be a run folder, since {name} writes for TensorBoard. "
                "Received: log_dir=None. Pass log_dir= to fit."
            )
        if self._own_folder is not None:
            raise ArgumentError(
                f"log_dir of {name} must be None in a training by Zoo, which has a run folder. "
                f"Received: {str(self._own_folder)!r}. Pass log_dir= to fit only."
            )
        self.check_members(members)

    @contextlib.contextmanager
    def writing_to(self, log: TensorBoardLog) -> Iterator[None]:
        """Within this context, write by the log of a training by Zoo.

        Args:
            log: The log.
        """
        self.log, self._is_in_run = log, True
        try:
            yield
        finally:
            self.log, self._is_in_run = None, False

    def begin_safely(self, members: Mapping[str, Any]) -> None:
        """Look at models before their first step: `begin_members`, with errors as warnings."""
        with errors_as_warnings(f"What {type(self).__name__} draws before the first epoch"):
            self.begin_members(members)

    def look_safely(self, members: Mapping[str, Any], epoch: int) -> None:
        """Look at models at the end of an epoch: `look_at_members`, with errors as warnings."""
        with errors_as_warnings(f"What {type(self).__name__} draws after epoch {epoch}"):
            self.look_at_members(members, epoch)

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the log, in a training by `keras.Model.fit`."""
        if self._is_in_run:
            return
        if self._own_folder is None:
            raise ArgumentError(
                f"log_dir of {type(self).__name__} must be a folder in a training by "
                f"keras.Model.fit. Received: None. Pass {type(self).__name__}(..., log_dir=...)."
            )
        members = {self.model.name: self.model}
        self.check_members(members)
        self.log = TensorBoardLog(self._own_folder)
        self.begin_safely(members)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the model, in a training by `keras.Model.fit`."""
        if not self._is_in_run:
            self.look_safely({self.model.name: self.model}, epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Close the log, in a training by `keras.Model.fit`."""
        if not self._is_in_run and self.log:
            self.log.close()
