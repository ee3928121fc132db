"""The live progress of a sweep: a bar for the round that trains, and a line for each round."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich.progress
from rich.console import Console

from zoo.starting.streams import ensure_streams
from zoo.text import for_terminal, percent

if TYPE_CHECKING:
    from zoo.tuning.study import FailedTrial
    from zoo.tuning.trials import Trial


class SweepProgress:
    """Show how a sweep goes, on standard error.

    On a terminal a bar shows the epochs of the round that trains. Everywhere, each round ends with
    a line.

    Args:
        trials: The number of trials of the whole sweep.
        verbose: `"auto"` or 1 to show the progress, 0 for silence.
        console: A rich console, for tests.
    """

    def __init__(
        self,
        trials: int,
        *,
        verbose: str | int = "auto",
        console: Console | None = None,
    ) -> None:
        ensure_streams()
        self._silent = verbose == 0
        self._console = console or Console(stderr=True)
        self._trials, self._done, self._failed, self._round = trials, 0, 0, 0
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("epochs"),
            rich.progress.TimeRemainingColumn(),
            console=self._console,
            disable=self._silent or not self._console.is_terminal,
            transient=True,
        )
        self._task: Any = None

    def __enter__(self) -> "SweepProgress":
        self._bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.stop()

    def resume(self, ended: "Sequence[Trial]") -> None:
        """Count the trials that have ended before the sweep was resumed, and say so.

        Args:
            ended: These trials.
        """
        self._done = len(ended)
        if ended:
            self.say(f"{self._done} of {self._trials} trials have ended before, and are kept.")

    def propose(self, count: int) -> None:
        """Show which trials the next round has.

        Args:
            count: The number of trials of the round.
        """
        self._round += 1
        if self._task is not None:
            self._bar.remove_task(self._task)
        before = self._done + self._failed
        first, last = before + 1, before + count
        which = f"trial {first}" if count == 1 else f"trials {first} to {last}"
        self._task = self._bar.add_task(
            f"round {self._round}: {which} of {self._trials}", total=None
        )

    def start_round(self, epochs: int) -> None:
        """Show that the training of a round begins.

        Args:
            epochs: The number of epochs of all models together.
        """
        self._bar.update(self._task, total=epochs, completed=0)

    def step(self, epochs: int) -> None:
        """Show that models have ended an epoch.

        Args:
            epochs: The number of these models.
        """
        self._bar.advance(self._task, epochs)

    def end_round(
        self,
        trials: "Sequence[Trial]",
        ranking: "Sequence[Trial]",
        seconds: float,
        failed: "Sequence[FailedTrial]" = (),
    ) -> None:
        """Print the line of a round that has ended, and a line for each trial that failed.

        Args:
            trials: The trials of the round that have ended.
            ranking: The trials of the sweep so far, the best first.
            seconds: How long the round took.
            failed: The trials of the round that could not be trained.
        """
        self._done += len(trials)
        self._failed += len(failed)
        for trial in failed:
            self.say(f"{trial} failed: {trial.reason}")
        notes = []
        if pruned := sum(trial.state == "pruned" for trial in trials):
            notes.append(f"{pruned} pruned")
        if diverged := sum(any("diverged" in text for text in each.outcomes) for each in trials):
            notes.append(f"{diverged} diverged")
        if failed:
            notes.append(f"{len(failed)} failed")
        more = f" ({', '.join(notes)})" if notes else ""
        text = f"round {self._round} ({seconds:.1f} s) · {self._done}/{self._trials} trials{more}"
        for best in ranking[:1]:
            accuracy = percent(best.mean_accuracy)
            text += f" · best: {best.name}, validation accuracy {accuracy}, {best.text}"
        self.say(text)

    def say(self, text: str) -> None:
        """Print a line, above the bar where there is a bar.

        Args:
            text: The line.
        """
        if not self._silent:
            self._console.print(for_terminal(text), soft_wrap=True, highlight=False, markup=False)
