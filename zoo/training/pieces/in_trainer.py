"""Training groups of learners in other processes, seen from the process that called `train`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from zoo.errors import ArgumentError, RunError
from zoo.files import write_atomically
from zoo.files.packing import pack, unpack
from zoo.spreading import Piece, run_pieces
from zoo.spreading.messages import Message
from zoo.tensorboard import TensorBoardLog
from zoo.training.callbacks import MemberCallback, ScoreCallback
from zoo.training.learner import Learner
from zoo.training.loop import Loop
from zoo.training.pieces.describing import (
    describe_learners,
    describe_teacher,
    give_variables,
)
from zoo.training.pieces.in_worker import is_finished, train_piece

_HOOKS = [
    *("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end"),
    *("on_train_batch_begin", "on_train_batch_end"),
]


def check_spreading(callbacks: Sequence[Any]) -> None:
    """Refuse what does not work while models train in other processes.

    Args:
        callbacks: The user's Keras callbacks.

    Raises:
        ArgumentError: A callback looks at epochs or batches.
    """
    for callback in callbacks:
        kind = type(callback)
        if isinstance(callback, ScoreCallback):
            continue
        if isinstance(callback, MemberCallback):
            looks = kind.look_at_members is not MemberCallback.look_at_members
        else:
            looks = any(
                hook in vars(callback)
                or getattr(kind, hook) is not getattr(keras.callbacks.Callback, hook)
                for hook in _HOOKS
            )
        if looks:
            raise ArgumentError(
                "With n_jobs=, callbacks must not look at epochs or batches, since the models "
                f"train in other processes. Received: {kind.__name__}. Leave the callback or "
                "n_jobs out."
            )


class MissingMembersError(RunError):
    """Some members could not be trained in other processes. The other members are trained.

    Attributes:
        failures: Name of each member that is missing → how the last try ended, with the traceback.
        history: The `keras.callbacks.History` of the members that are trained.
    """

    failures: Mapping[str, str]
    history: Any


class SpreadTraining:
    """The training of groups in other processes.

    Args:
        groups: The groups of learners, each of which is a piece.
        loop: The loop of this process, with data, seed, recorder, run folder and callbacks.
        n_jobs: How many groups train at the same time.
        log: The curves for TensorBoard, or None.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Learner]],
        loop: Loop,
        n_jobs: int,
        log: TensorBoardLog | None,
    ) -> None:
        self._groups = {group[0].name: group for group in groups}
        self._loop, self._n_jobs, self._log = loop, n_jobs, log
        self._run = loop.checkpoint.run
        self._logged: dict[str, int] = {}
        self._stopping = [
            callback
            for callback in loop.callbacks
            if isinstance(callback, ScoreCallback) and callback.stops_models
        ]
        # Name of a group → the scores of its last epoch, until the callbacks that stop have them.
        self._unseen: dict[str, Any] = {}
        # Name of a learner that has stopped → after which epoch, and why.
        self._stops: dict[str, tuple[int, str]] = {}
        self._warned: list[str] = []

    def run(self) -> None:
        """Train all groups, and give the models their weights.

        Raises:
            KeyboardInterrupt: This process was asked to stop. The run folder has all states.
            MissingMembersError: A group has failed three times. The others are finished.
        """
        loop = self._loop
        pieces = [self._make_piece(name) for name in self._groups]
        epochs = max(learner.recipe.epochs for group in self._groups.values() for learner in group)
        callbacks = keras.callbacks.CallbackList(
            loop.callbacks, model=loop.owner, epochs=epochs, verbose=0
        )
        callbacks.on_train_begin()
        fresh = {
            learner.name: learner.model
            for piece in pieces
            if len(piece.payloads) == 1
            for learner in self._groups[piece.name]
        }
        for callback in loop.callbacks:
            if isinstance(callback, MemberCallback) and fresh:
                callback.begin_safely(fresh)
        waiting = [piece for piece in pieces if not self._finished_before(piece)]
        if waiting:
            splits = {"train": loop.data, "validation": loop.validation}
            moved = run_pieces(
                waiting, splits, self._n_jobs, record=self._record,
                say=loop.recorder.progress.say, is_stopped=lambda: bool(loop.signals.received),
            )  # fmt: skip
            loop.recorder.history.spreading = moved
            loop.recorder.progress.say(
                f"Trained by {moved['workers']} workers: {moved['bytes out'] / 1e6:.1f} MB sent, "
                f"{moved['bytes in'] / 1e6:.1f} MB received."
            )
        for text in self._warned:
            warnings.warn(text, UserWarning, stacklevel=2)
        for piece in pieces:
            if ended := piece.result or piece.stopped:
                self._take(piece.name, ended.payloads)
        loop.stop_if_asked()
        self._check_all_done(pieces)
        callbacks.on_train_end()

    def _make_piece(self, name: str) -> Piece:
        """Describe a group, with the state from which it goes on."""
        group = self._groups[name]
        file = self._run.state_file(name) if self._run else None
        state = file.read_bytes() if file and file.exists() else b""
        for learner in group:  # so that the description has no frozen layers
            learner.release()
        described, arrays = describe_learners(group, with_weights=not state)
        teacher, arrays_of_teacher = self._described_teacher
        settings = {
            **described,
            "teacher": teacher,
            "asks": bool(self._stopping),
            "seed": self._loop.seed,
            "log_dir": str(self._run.path) if self._run else None,
        }
        facts = self._loop.checkpoint.read_facts(group)
        epoch = facts["epoch"] if facts else -1
        names = [learner.name for learner in group]
        self._loop.recorder.rewind(names, epoch)
        self._logged.update(dict.fromkeys(names, max(epoch, 0)))
        function = f"{train_piece.__module__}:{train_piece.__name__}"
        payloads = (pack(arrays | arrays_of_teacher), *((state,) if state else ()))
        return Piece(name, function, settings, payloads)

    @functools.cached_property
    def _described_teacher(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return describe_teacher(self._loop.teacher)

    def _finished_before(self, piece: Piece) -> bool:
        """Take the result of a group that a run has finished before it was resumed."""
        if len(piece.payloads) == 1:
            return False
        state = piece.payloads[1]
        facts = unpack(state, names=())[1]
        learners = self._groups[piece.name]
        epochs = {learner.name: learner.recipe.epochs for learner in learners}
        if not is_finished(facts) or any(
            values.get("epochs") != epochs[name] for name, values in facts["learners"].items()
        ):
            return False
        piece.result = Message("done", None, (state,))
        for learner in learners:
            self._loop.recorder.progress.end(learner.name, "finished before")
        return True

    def _record(self, piece: Piece, message: Message) -> Any:
        """Take what a group tells while it trains, and answer what it asks."""
        recorder, values = self._loop.recorder, message.values
        if message.kind == "asks":
            return self._stopped_until(piece.name, *values)
        if message.kind == "state":
            piece.payloads = (piece.payloads[0], message.payloads[0])
            self._write_state(piece.name, message.payloads[0])
        elif message.kind == "warning":
            self._warned.append(values)
        elif message.kind == "epoch":
            number, scores, seconds = values
            # A group whose worker died repeats the epoch that was under way, with the same scores.
            new = {name: part for name, part in scores.items() if number > self._logged[name]}
            self._logged.update(dict.fromkeys(new, number))
            if self._log:
                self._log.epoch(number, new)
            for callback in self._loop.callbacks if new else ():
                if callback in self._stopping:
                    self._unseen[piece.name] = recorder.keras_names(new)
                elif isinstance(callback, ScoreCallback):
                    callback.on_epoch_end(number - 1, recorder.keras_names(new))
            recorder.progress.epoch(number, scores, seconds)
        else:
            getattr(recorder.progress, message.kind)(*values)
        return None

    def _stopped_until(self, name: str, epoch: int, stopped: Mapping[str, str]) -> dict[str, str]:
        """Let callbacks stop learners of a group, and give those stopped until an epoch.

        A group whose worker died goes through its epochs again, and learns of each stop when it
        comes to the epoch.

        Args:
            name: The name of the group.
            epoch: The epoch that has ended, from 1.
            stopped: Name of each learner → why it has stopped, or an empty text.
        """
        group = {learner.name: learner for learner in self._groups[name]}
        for learner in group.values():
            learner.stopped = learner.stopped or stopped[learner.name]
        if scores := self._unseen.pop(name, None):
            latest = max(self._logged[key] for key in group)
            for callback in self._stopping:
                callback.on_epoch_end(latest - 1, scores)
        for learner in group.values():
            if learner.stopped:
                stop = self._logged[learner.name], learner.stopped
                self._stops.setdefault(learner.name, stop)
        known = group.keys() & self._stops.keys()
        return {key: self._stops[key][1] for key in known if self._stops[key][0] <= epoch}

    def _write_state(self, name: str, state: bytes) -> None:
        if self._run:
            write_atomically(self._run.state_file(name), lambda path: path.write_bytes(state))

    def _take(self, name: str, payloads: Sequence[bytes]) -> None:
        """Give the models of a group what they have learned, and the history its scores."""
        if not payloads:  # stopped before the first step
            return
        (state,) = payloads
        self._write_state(name, state)
        arrays, facts = unpack(state)
        self._loop.recorder.restore(facts["history"])
        with self._loop.checkpoint.errors_of_state(name):
            for learner in self._groups[name]:
                values = facts["learners"][learner.name]
                give_variables(learner.model, arrays, learner.name)
                learner.stopped = values["stopped"]
                learner.best_epoch, learner.best_loss = values["best_epoch"], values["best_loss"]
                learner.seconds = values.get("seconds")

    def _check_all_done(self, pieces: Sequence[Piece]) -> None:
        """Raise an error that names each member that could not be trained."""
        failed = [piece for piece in pieces if piece.result is None]
        if not failed:
            return
        names = ", ".join(learner.name for piece in failed for learner in self._groups[piece.name])
        kept = (
            f"The other members are finished. With resume=True and log_dir={str(self._run.path)!r},"
            " only the missing members are trained."
            if self._run
            else "Pass log_dir=, so that the members that are finished are kept."
        )
        reasons = "\n".join(
            f"{piece.name}, after {len(piece.failures)} tries: {piece.failures[-1].strip()}"
            for piece in failed
        )
        error = MissingMembersError(
            f"Each member must be trained. Received: no result of {names}. {kept}\n{reasons}"
        )
        error.failures = {
            learner.name: piece.failures[-1].strip()
            for piece in failed
            for learner in self._groups[piece.name]
        }
        error.history = self._loop.recorder.history
        raise error
