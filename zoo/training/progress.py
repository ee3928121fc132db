"""Live progress of a training: a table with one row a member, or one line an epoch."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from zoo.errors import ArgumentError
from zoo.text import percent

Scores = Mapping[str, Mapping[str, float]]
"""Name of a member → name of a score (`loss`, `val_accuracy` …) → value."""


@dataclass
class _Row:
    epochs: int
    done: float = 0.0
    state: str = "waits"
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None


class Progress:
    """Show how a training goes, on standard error.

    On a terminal it is a table that changes in place; elsewhere one line an epoch.

    Args:
        epochs: The rows: members, and the committee if there is one, with their epochs.
        verbose: `"auto"` or 1 to show it, 0 for silence.
        console: A rich console, for tests.

    Raises:
        ArgumentError: Any other `verbose`.
    """

    def __init__(
        self,
        epochs: Mapping[str, int],
        *,
        verbose: str | int = "auto",
        console: Console | None = None,
    ) -> None:
        if verbose not in ("auto", 0, 1):
            raise ArgumentError(f'verbose is "auto", 1 or 0. Received: {verbose!r}')
        self._silent = verbose == 0
        self._console = console or Console(stderr=True)
        self._rows = {name: _Row(count) for name, count in epochs.items()}
        self._live = (
            Live(console=self._console, get_renderable=self._table, refresh_per_second=4)
            if self._console.is_terminal and not self._silent
            else None
        )

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live:
            self._live.stop()

    def step(self, names: Iterable[str], done: float, seconds_left: float | None) -> None:
        """Members have come further.

        Args:
            names: Which.
            done: Epochs done, with the fraction of the one under way.
            seconds_left: Seconds until they are through, if known.
        """
        for name in names:
            row = self._rows[name]
            row.done, row.seconds_left, row.state = done, seconds_left, "trains"

    def epoch(self, number: int, scores: Scores, seconds: float) -> None:
        """An epoch has ended.

        Args:
            number: Its number, from 1.
            scores: What each member, and the committee, reached.
            seconds: How long it took.
        """
        for name, values in scores.items():
            row = self._rows[name]
            row.scores, row.done = values, number
        if not self._live and not self._silent:
            epochs = max(self._rows[name].epochs for name in scores)
            parts = [f"epoch {number}/{epochs} ({seconds:.1f} s)"]
            parts += [f"{name} {_in_a_line(values)}" for name, values in scores.items()]
            self._console.print(" · ".join(parts), soft_wrap=True, highlight=False, markup=False)

    def end(self, name: str, state: str) -> None:
        """A member is through.

        Args:
            name: Which.
            state: What to show, such as `"best: epoch 12"`.
        """
        self._rows[name].state = state
        self._rows[name].seconds_left = None
        self.say(f"{name}: {state}", live=False)

    def say(self, text: str, *, live: bool = True) -> None:
        """Print a line, above the table where there is one.

        Args:
            text: The line.
            live: Whether it is also printed where there is a table.
        """
        if not self._silent and (live or not self._live):
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table(header_style="bold", box=None, pad_edge=False)
        table.add_column("member")
        for title in ("epoch", "loss", "accuracy", "validation accuracy", "time left"):
            table.add_column(title, justify="right")
        for name, row in self._rows.items():
            style = "bold" if name == "committee" else "" if row.state == "trains" else "dim"
            left = row.state if row.seconds_left is None else _clock(row.seconds_left)
            table.add_row(
                name,
                f"{row.done:.1f}/{row.epochs}",
                _number(row.scores.get("loss")),
                _percent(row.scores.get("accuracy")),
                _percent(row.scores.get("val_accuracy")),
                "" if name == "committee" else left,
                style=style,
            )
        return table


class Clock:
    """Estimate the time left from the steps done so far."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._steps = 0

    def left(self, steps: int, remaining: int) -> float:
        """Seconds until `remaining` more steps are done.

        Args:
            steps: Steps done since the last call.
            remaining: Steps still to do.

        Returns:
            The estimate in seconds.
        """
        self._steps += steps
        return (time.monotonic() - self._started) / self._steps * remaining


def _in_a_line(scores: Mapping[str, float]) -> str:
    shown = {"loss": _number, "accuracy": _percent, "val_accuracy": _percent}
    names = {"val_accuracy": "validation"}
    return " ".join(
        f"{names.get(key, key)} {form(scores[key])}" for key, form in shown.items() if key in scores
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "" if value is None else percent(value)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
