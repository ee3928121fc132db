"""Saving and restoring the state of a training, so that a killed training can go on."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.arguments import is_whole
from zoo.datasets.pipeline import MAX_NUMBER, StreamPosition
from zoo.errors import RunError
from zoo.text import first_line
from zoo.training.learner import Learner
from zoo.training.lockstep import Lockstep
from zoo.training.recording import Recorder
from zoo.training.run_folder import RunFolder
from zoo.training.scores import SCORES, validation_scores

_KINDS = {
    "stopped": str,
    "best_epoch": int,
    "best_loss": int | float,
    "snapshots": int,
    "epochs": int,
    "seconds": int | float | None,
}
"""The types of what a state tells of a learner. Earlier versions told less."""


class Checkpoint:
    """The state of a training in a run folder.

    Args:
        run: The run folder; None keeps nothing.
        recorder: The recorder of the scores, whose history belongs to the state.
        is_validated: Whether each epoch also has scores on validation images.
    """

    def __init__(self, run: RunFolder | None, recorder: Recorder, *, is_validated: bool) -> None:
        self.run = run
        self._recorder = recorder
        scores = dict.fromkeys(SCORES, 0.0)
        self._scores = {**scores, **(validation_scores(scores) if is_validated else {})}

    def save(
        self, learners: Sequence[Learner], lockstep: Lockstep, position: StreamPosition
    ) -> None:
        """Write the state of a group of learners.

        Args:
            learners: The learners.
            lockstep: The lockstep with the sums of the epoch under way.
            position: The next epoch and batch, both from 0: a batch for each step.
        """
        if not self.run:
            return
        arrays, facts = {"totals": lockstep.totals}, {}
        for learner in learners:
            learned, facts[learner.name] = learner.save(within_epoch=position.batch > 0)
            arrays.update(learned)
        state: dict[str, Any] = {
            "epoch": position.epoch,
            "step": position.batch,
            "learners": facts,
            "history": self._recorder.state(),
        }
        self.run.save_state(learners[0].name, arrays, state)

    def restore(
        self, learners: Sequence[Learner], steps: int, *, is_combined: bool
    ) -> tuple[StreamPosition, np.ndarray | None]:
        """Bring learners and history back to the state that was saved.

        Args:
            learners: The learners, started.
            steps: Steps in an epoch.
            is_combined: Whether the learners' committee is scored too.

        Returns:
            The position to go on from, which is the beginning if nothing was saved; and the sums
            of the epoch under way for `Lockstep.reset`.

        Raises:
            RunError: The state is damaged, or does not fit the learners.
        """
        saved = self.run.load_state(learners[0].name) if self.run else None
        if not saved:
            return StreamPosition(), None
        arrays, state = saved
        with self.errors_of_state(learners[0].name):
            self._check_facts(learners, state, steps, is_combined=is_combined)
            position = StreamPosition(state["epoch"], state["step"])
            if texts := [name for name, array in arrays.items() if array.dtype.kind not in "biuf"]:
                raise ValueError(f"{texts[0]} holds no numbers")
            for learner in learners:
                learner.restore(arrays, state["learners"][learner.name])
            active = [learner.trains(position.epoch) for learner in learners]
            totals = arrays["totals"]
            _check_totals(totals, active + [True] * is_combined, position)
            self._recorder.restore(state["history"])
        for learner in learners:
            self._say_how_it_goes_on(learner, state["learners"][learner.name].get("epochs"))
        self._recorder.progress.say(
            f"Resuming after {position.epoch} epochs and {position.batch} steps."
        )
        return position, totals

    def read_facts(self, learners: Sequence[Learner]) -> Mapping[str, Any] | None:
        """Read what a state tells of learners that go on in another process.

        The arrays are read too, so that a damaged array is an error before the process starts.

        Args:
            learners: The learners.

        Returns:
            The JSON values that `save` wrote, or None if nothing was saved.

        Raises:
            RunError: The state is damaged, or does not fit the learners.
        """
        name = learners[0].name
        saved = self.run.load_state(name) if self.run else None
        if not saved:
            return None
        with self.errors_of_state(name):
            self._check_facts(learners, saved[1], is_combined=False)
        return saved[1]

    @contextlib.contextmanager
    def errors_of_state(self, name: str) -> Iterator[None]:
        """Turn the errors of values that do not fit the models into an error that names the file.

        Args:
            name: The name of the state.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            if not self.run:
                raise
            raise RunError(
                "The saved state of a run must fit its models. Received: "
                f"{self.run.state_file(name)}, which does not "
                f"({type(error).__name__}: {first_line(error)}). {self.run.written_by()} Resume "
                "with these versions, or start the run anew in another folder."
            ) from error

    def _check_facts(
        self,
        learners: Sequence[Learner],
        state: Mapping[str, Any],
        steps: int = MAX_NUMBER,
        *,
        is_combined: bool,
    ) -> None:
        """Check the JSON values of a state."""
        epoch = state["epoch"]
        _check_whole("step", state["step"], steps)
        _check_whole("epoch", epoch, max(learner.recipe.epochs for learner in learners))
        if state["learners"].keys() != {learner.name for learner in learners}:
            raise ValueError(f"its learners are {', '.join(state['learners'])}")
        lengths = {"committee": (epoch, epoch)} if is_combined else {}
        for learner in learners:
            facts = state["learners"][learner.name]
            for key, value in facts.items():
                if not isinstance(value, _KINDS.get(key, object)):
                    raise ValueError(f"{key} of {learner.name} is {value!r:.40}")
            most = min(epoch, learner.recipe.epochs)
            lengths[learner.name] = (min(1, most) if facts["stopped"] else most), most
        curves = state["history"]["history"]
        for key, values in {"epoch": state["history"]["epoch"], **curves}.items():
            if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
                raise ValueError(f"the history of {key} is no list of numbers")
        for name, (least, most) in lengths.items():
            keys = self._recorder.keras_names({name: self._scores})
            found = {len(curves.get(key, ())) for key in keys}
            if len(found) > 1 or not least <= min(found) <= most:
                raise ValueError(f"the history of {name} has not the scores of {most} epochs")

    def _say_how_it_goes_on(self, learner: Learner, epochs_before: int | None) -> None:
        """Say that a learner has stopped early, or goes on for more epochs than were planned."""
        epochs = learner.recipe.epochs
        if learner.stopped:
            self._recorder.progress.say(f"{learner.name} {learner.stopped}, and does not go on.")
        elif epochs_before is not None and epochs_before < epochs:
            text = f"{learner.name} goes on to {epochs} epochs, instead of {epochs_before}."
            if learner.recipe.schedule == "cosine":
                rate = float(learner.optimizer.learning_rate)
                text += (
                    f" Its cosine is planned anew for all {epochs} epochs, and its learning rate "
                    f"is now {rate:.3g}."
                )
            self._recorder.progress.say(text)


def _check_whole(name: str, value: Any, most: int) -> None:
    if not is_whole(value) or not 0 <= value <= most:
        raise ValueError(f"{name} is {value!r:.40}, and no whole number from 0 to {most}")


def _check_totals(totals: np.ndarray, active: Sequence[bool], position: StreamPosition) -> None:
    """Check the sums of the epoch under way, in which the active models were scored."""
    shape = (len(active), len(SCORES) + 1)
    if totals.dtype != "float64" or totals.shape != shape:
        raise ValueError(f"totals are {totals.dtype} {totals.shape}, and not float64 {shape}")
    if position.batch and not (totals[active, -1] > 0).all():
        raise ValueError("totals have no images of the epoch under way")
