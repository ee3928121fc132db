"""The training of a piece in a worker: the same loop, whose records and states are sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.files.packing import pack, unpack
from zoo.spreading.worker import Stopped, Task
from zoo.training.callbacks import ScoreCallback
from zoo.training.checkpoint import Checkpoint
from zoo.training.learner import Learner
from zoo.training.loop import Loop
from zoo.training.pieces.describing import make_learners, make_teacher
from zoo.training.progress import Progress
from zoo.training.recording import Recorder
from zoo.training.run_folder import RunFolder
from zoo.training.scores import ScoresByName


def train_piece(task: Task) -> tuple[None, tuple[bytes, ...]]:
    """Train the learners of a piece.

    Args:
        task: The piece. Its payloads are the arrays of the learners and of their teacher, and
            perhaps the state from which the training goes on.

    Returns:
        The state after the last epoch, packed as a file of the run folder.

    Raises:
        Stopped: The piece was asked to stop. The error has the state so far.
    """
    arrays, _ = unpack(task.payloads[0])
    learners = make_learners(task.settings, arrays)
    states = SentStates(task)
    recorder = Recorder(SentProgress(task), None, prefixed=True)
    data, validation = task.splits["train"], task.splits["validation"]
    loop = Loop(
        data,
        validation,
        recorder,
        Checkpoint(states, recorder, is_validated=validation is not None),
        signals=task.signals,
        seed=task.settings["seed"],
        teacher=make_teacher(task.settings["teacher"], arrays),
        callbacks=[StopAsTold(task, learners)] if task.settings["asks"] else [],
        owner=learners[0].model,
    )
    try:
        for learner in learners:
            if learner.recipe.freeze:
                learner.freeze()
        loop.fit(learners, None)
    except KeyboardInterrupt as error:  # `Loop` raises it, since the worker itself ignores Ctrl-C
        raise Stopped(states.latest) from error
    return None, (states.latest,)


class StopAsTold(ScoreCallback):
    """Asks after each epoch which models have to stop, such as those of pruned trials.

    Args:
        task: The piece.
        learners: Its learners.
    """

    def __init__(self, task: Task, learners: Sequence[Learner]) -> None:
        super().__init__()
        self._task, self._learners = task, learners

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Ask, and stop models."""
        stopped = {learner.name: learner.stopped for learner in self._learners}
        told = self._task.ask([epoch + 1, stopped]) or {}
        for learner in self._learners:
            learner.stopped = learner.stopped or told.get(learner.name, "")


class SentStates(RunFolder):
    """Takes the place of the run folder in a worker: states are sent to the process that spreads.

    Args:
        task: The piece.
    """

    def __init__(self, task: Task) -> None:
        self.path = Path(task.settings["log_dir"] or "")
        self._task = task
        self.latest = task.payloads[1] if len(task.payloads) > 1 else b""
        self._versions_before = {}

    def save_state(self, name: str, arrays: Mapping[str, np.ndarray], facts: Any) -> None:
        """Send a state. The last state of all is the result, which is not sent twice."""
        self.latest = pack(arrays, facts)
        if self._task.settings["log_dir"] and not is_finished(facts):
            self._task.send("state", None, self.latest)

    def load_state(
        self, name: str, names: Sequence[str] | None = None
    ) -> tuple[dict[str, np.ndarray], Any] | None:
        """Give the state from which the piece goes on."""
        return unpack(self.latest, names) if self.latest else None


def is_finished(facts: Mapping[str, Any]) -> bool:
    """Tell whether a state is that after the last epoch of all its learners.

    Args:
        facts: The JSON values of the state, as `Checkpoint.save` wrote them.
    """
    return not facts["step"] and all(
        learner["stopped"] or facts["epoch"] >= learner.get("epochs", math.inf)
        for learner in facts["learners"].values()
    )


class SentProgress(Progress):
    """Takes the place of the progress in a worker: each call is sent.

    Args:
        task: The piece.
    """

    def __init__(self, task: Task) -> None:
        self._task = task

    def step(self, names: Iterable[str], done: float) -> None:
        """Send how far members have come."""
        self._task.send("step", [[*names], done])

    def epoch(self, number: int, scores: ScoresByName, seconds: float) -> None:
        """Send the scores of an epoch."""
        self._task.send("epoch", [number, scores, seconds])

    def kept(self, scores: ScoresByName) -> None:
        """Send the scores of the weights that are kept."""
        self._task.send("kept", [scores])

    def end(self, name: str, state: str) -> None:
        """Send how the training of a member went."""
        self._task.send("end", [name, state])

    def say(self, text: str) -> None:
        """Send a line; the process that spreads says itself that the training was stopped."""
        names = [learner["name"] for learner in self._task.settings["learners"]]
        if not self._task.signals.received:
            own = any(text.startswith(name) for name in names)
            self._task.send("say", text if own else f"{', '.join(names)}: {text}")
