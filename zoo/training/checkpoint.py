"""Saving and restoring the state of a training, so that a killed training can go on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.datasets.pipeline import StreamPosition
from zoo.errors import RunError
from zoo.text import first_line
from zoo.training.learner import Learner
from zoo.training.lockstep import Lockstep
from zoo.training.recording import Recorder
from zoo.training.run_folder import RunFolder


class Checkpoint:
    """The state of a training in a run folder.

    Args:
        run: The run folder; None keeps nothing.
        recorder: The recorder of the scores, whose history belongs to the state.
    """

    def __init__(self, run: RunFolder | None, recorder: Recorder) -> None:
        self.run = run
        self._recorder = recorder

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

    def restore(self, learners: Sequence[Learner]) -> tuple[StreamPosition, np.ndarray | None]:
        """Bring learners and history back to the state that was saved.

        Args:
            learners: The learners, started.

        Returns:
            The position to go on from, which is the beginning if nothing was saved; and the sums
            of the epoch under way for `Lockstep.reset`.
        """
        saved = self.run.load_state(learners[0].name) if self.run else None
        if not saved:
            return StreamPosition(), None
        arrays, state = saved
        try:
            for learner in learners:
                learner.restore(arrays, state["learners"][learner.name])
                self._say_how_it_goes_on(learner, state["learners"][learner.name].get("epochs"))
            totals = arrays["totals"]
            self._recorder.restore(state["history"])
            position = StreamPosition(state["epoch"], state["step"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            assert self.run
            raise RunError(
                "The saved state of a run must fit its models. Received: "
                f"{self.run.state_file(learners[0].name)}, which does not "
                f"({type(error).__name__}: {first_line(error)}). {self.run.written_by()} Resume "
                "with these versions, or start the run anew in another folder."
            ) from error
        self._recorder.progress.say(
            f"Resuming after {position.epoch} epochs and {position.batch} steps."
        )
        return position, totals

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
