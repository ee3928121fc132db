"""Live progress of a training: a table with a row for each member, or one line an epoch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import rich.progress
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zoo.errors import ArgumentError
from zoo.training.scores import SCORES, Score, ScoresByName


class Progress:
    """Show how a training goes, on standard error.

    On a terminal it is a table that changes in place; elsewhere one line an epoch.

    Args:
        epochs: The rows: the members, and the committee if there is one, with their epochs.
        verbose: `"auto"` or 1 to show the progress, 0 for silence.
        console: A rich console, for tests.

    Raises:
        ArgumentError: `verbose` has another value.
    """

    def __init__(
        self,
        epochs: Mapping[str, int],
        *,
        verbose: str | int = "auto",
        console: Console | None = None,
    ) -> None:
        if verbose not in ("auto", 0, 1):
            raise ArgumentError(
                f'verbose must be "auto", 1 or 0. Received: {verbose!r}. Pass 0 for silence.'
            )
        self._epochs = dict(epochs)
        self._silent = verbose == 0
        self._console = console or Console(stderr=True)
        self._table = _ProgressTable(
            rich.progress.TextColumn(
                "{task.description}", markup=False, table_column=Column("member", no_wrap=True)
            ),
            rich.progress.TextColumn(
                "{task.completed:.1f}/{task.total}", table_column=_right("epoch")
            ),
            *(_ScoreColumn(key, title, score) for key, title, score in _shown_scores()),
            _TimeLeftColumn(table_column=_right("time left")),
            console=self._console,
            disable=self._silent or not self._console.is_terminal,
            refresh_per_second=4,
            speed_estimate_period=600,
        )
        self._tasks = {
            name: self._table.add_task(name, start=False, total=total, state="waits", scores={})
            for name, total in epochs.items()
        }

    def __enter__(self) -> "Progress":
        self._table.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._table.stop()

    def step(self, names: Iterable[str], done: float) -> None:
        """Show that members have come further.

        Args:
            names: Which members.
            done: Epochs done, with the fraction of the epoch under way.
        """
        for name in names:
            self._table.start_task(self._tasks[name])
            self._table.update(self._tasks[name], completed=done, state="")

    def epoch(self, number: int, scores: ScoresByName, seconds: float) -> None:
        """Show the scores of an epoch that has ended.

        Args:
            number: The epoch, from 1.
            scores: What each member, and the committee, reached.
            seconds: How long the epoch took.
        """
        for name, values in scores.items():
            self._table.update(self._tasks[name], completed=number, scores=values)
        if self._table.disable and not self._silent:
            epochs = max(self._epochs[name] for name in scores)
            parts = [f"epoch {number}/{epochs} ({seconds:.1f} s)"]
            parts += [f"{name} {_in_a_line(values)}" for name, values in scores.items()]
            self.say(" · ".join(parts))

    def kept(self, scores: ScoresByName) -> None:
        """Show the scores of the weights that are kept, where the last epoch had other weights.

        Args:
            scores: What each such member, and the committee, reaches on the validation images.
        """
        for name, values in scores.items():
            self._table.update(self._tasks[name], scores=values)
        if self._table.disable:
            parts = [f"{name} {_in_a_line(values)}" for name, values in scores.items()]
            self.say(" · ".join(["weights that are kept", *parts]))

    def end(self, name: str, state: str) -> None:
        """Show that a member has ended its training.

        Args:
            name: Which member.
            state: What to show in place of the time left, such as `"best: epoch 12"`.
        """
        self._table.update(self._tasks[name], state=state)
        if self._table.disable:
            self.say(f"{name}: {state}")

    def say(self, text: str) -> None:
        """Print a line, above the table where there is a table.

        Args:
            text: The line.
        """
        if not self._silent:
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)


class _ProgressTable(rich.progress.Progress):
    """Rich's rows of progress, with a heading above each column."""

    def make_tasks_table(self, tasks: Iterable[rich.progress.Task]) -> Table:
        table = super().make_tasks_table(tasks)
        table.show_header, table.header_style = True, "bold"
        return table


class _ScoreColumn(rich.progress.ProgressColumn):
    """The latest value of a score."""

    def __init__(self, key: str, title: str, score: Score) -> None:
        super().__init__(table_column=_right(title))
        self._key, self._score = key, score

    def render(self, task: rich.progress.Task) -> Text:
        value = task.fields["scores"].get(self._key)
        return Text("" if value is None else self._score.write(value))


class _TimeLeftColumn(rich.progress.TimeRemainingColumn):
    """The time left of a member that trains, else how its training went."""

    def render(self, task: rich.progress.Task) -> Text:
        if task.description == "committee":
            return Text()
        return Text(task.fields["state"]) if task.fields["state"] else super().render(task)


def _right(title: str) -> Column:
    return Column(title, justify="right", no_wrap=True)


def _shown_scores() -> Iterator[tuple[str, str, Score]]:
    """Go through the scores that the progress shows: key, title, score."""
    for name, score in SCORES.items():
        yield name, name, score
    for name, score in SCORES.items():
        if score.of_validation:
            yield f"val_{name}", f"validation {name}", score


def _in_a_line(scores: Mapping[str, float]) -> str:
    return " ".join(
        f"{title} {score.write(scores[key])}"
        for key, title, score in _shown_scores()
        if key in scores
    )
