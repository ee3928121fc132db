"""Live progress of a training: a table with a row for each member, or one line an epoch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import rich.progress
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from zoo.starting.streams import ensure_streams
from zoo.text import for_terminal, terminal_text
from zoo.training.scores import SCORES, Score, ScoresByName


class Progress:
    """Show how a training goes, on standard error.

    On a terminal it is a table that changes in place; elsewhere one line an epoch.

    Args:
        epochs: The rows: the members, and the committee if there is one, with their epochs.
        verbose: `"auto"` or 1 to show the progress, 0 for silence.
        console: A rich console, for tests.
    """

    def __init__(
        self,
        epochs: Mapping[str, int],
        *,
        verbose: str | int = "auto",
        console: Console | None = None,
    ) -> None:
        self._epochs = dict(epochs)
        ensure_streams()
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
            name: self._table.add_task(
                for_terminal(name), start=False, total=total, state="waits", scores={}
            )
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
            self._console.print(for_terminal(text), soft_wrap=True, highlight=False, markup=False)


class _ProgressTable(rich.progress.Progress):
    """Rich's rows of progress, with a heading above each column.

    Where the terminal is narrow, headings and states get more lines. Then scores are left out:
    those without values first, then from the left, so that the validation accuracy stays longest.
    At last the names of the members get more lines, too.
    """

    def make_tasks_table(self, tasks: Iterable[rich.progress.Task]) -> Table:
        tasks = list(tasks)
        columns = [column for column in self.columns if not isinstance(column, str)]
        scores = [column for column in columns if isinstance(column, _ScoreColumn)]
        # Columns without values come first, since False is sorted before True.
        scores.sort(key=lambda column: column.has_values(tasks))
        table = _table_of(columns, tasks)
        # Rich asks for an empty table before there is a console.
        is_whole = not tasks or self._fits(table)
        while not is_whole:
            table = _table_of(columns, tasks, wraps=("time left",))
            if self._fits(table) or not scores:
                break
            columns.remove(scores.pop(0))
        if not is_whole and not self._fits(table):
            table = _table_of(columns, tasks, wraps=("time left", "member"))
        return table

    def _fits(self, table: Table) -> bool:
        """Tell whether a table fits into the terminal without cutting a word."""
        options = self.console.options.update(width=100_000)
        width = len(table.columns) - 1  # a space between each two columns
        for column in table.columns:
            cells = [
                Measurement.get(self.console, options, cell)
                for cell in (column.header, *column.cells)
            ]
            width += max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)
        return width <= self.console.width


def _table_of(
    columns: Iterable[rich.progress.ProgressColumn],
    tasks: Sequence[rich.progress.Task],
    wraps: Sequence[str] = (),
) -> Table:
    """Make the table of some columns.

    Args:
        columns: The columns.
        tasks: The rows.
        wraps: The titles of the columns whose cells may have several lines. If there are any, each
            word of a title has a line, too.

    Returns:
        The table.
    """
    table = Table.grid(padding=(0, 1))
    table.show_header, table.header_style = True, "bold"
    for column in columns:
        made = column.get_table_column()
        title = str(made.header)
        table.add_column(
            title.replace(" ", "\n") if wraps else title,
            justify=made.justify,
            no_wrap=title not in wraps,
            overflow="fold",
        )
    for task in tasks:
        table.add_row(*(column(task) for column in columns))
    return table


class _ScoreColumn(rich.progress.ProgressColumn):
    """The latest value of a score."""

    def __init__(self, key: str, title: str, score: Score) -> None:
        super().__init__(table_column=_right(title))
        self._key, self._score = key, score

    def has_values(self, tasks: Iterable[rich.progress.Task]) -> bool:
        """Tell whether a row has a value of this score."""
        return any(self._key in task.fields["scores"] for task in tasks)

    def render(self, task: rich.progress.Task) -> Text:
        value = task.fields["scores"].get(self._key)
        return terminal_text("" if value is None else self._score.write(value))


class _TimeLeftColumn(rich.progress.TimeRemainingColumn):
    """The time left of a member that trains, else how its training went."""

    def render(self, task: rich.progress.Task) -> Text:
        if task.description == "committee":
            return Text()
        return terminal_text(task.fields["state"]) if task.fields["state"] else super().render(task)


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
