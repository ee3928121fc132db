"""Losses on a grid of points: a coarse grid first, and then finer grids on top of it."""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import rich.progress
from rich.console import Console

from zoo.errors import ArgumentError

SECONDS_OF_A_PIECE = 0.5
"""Points are computed in pieces of this length. Between pieces, Ctrl-C is handled."""

_COARSEST = 4
"""The coarsest grid has about this many intervals along an axis, or up to twice as many."""


class Grid(NamedTuple):
    """Losses on a grid.

    Attributes:
        x: Coordinates of the columns, float64 [columns].
        y: Coordinates of the rows, float64 [rows].
        losses: float64 [rows, columns].
        is_whole: Whether the grid is as fine as asked for; else the computation was stopped.
    """

    x: np.ndarray
    y: np.ndarray
    losses: np.ndarray
    is_whole: bool


def levels(points: int) -> Iterator[np.ndarray]:
    """Go from a coarse choice of numbers 0 … points − 1 to all of them.

    Args:
        points: How many numbers there are.

    Yields:
        The chosen numbers, ascending, the first and the last among them, and those of the choice
        before.

    Example:
        >>> [len(chosen) for chosen in levels(21)]
        [6, 11, 21]
    """
    step = 1
    while (points - 1) / (2 * step) >= _COARSEST:
        step *= 2
    while step >= 1:
        yield np.unique([*range(0, points, step), points - 1])
        step //= 2


def fill(
    means: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    verbose: str | int = "auto",
    console: Console | None = None,
) -> Grid:
    """Compute the loss at each point of a grid.

    Args:
        means: Gives the mean losses [points] at coordinates [points, 2].
        x: Coordinates of the columns, [columns].
        y: Coordinates of the rows, as many.
        verbose: `"auto"` or 1 shows a progress bar on a terminal, 0 shows nothing.
        console: A rich console, for tests.

    Returns:
        The losses. After Ctrl-C, those of the finest grid that is complete, with a warning.

    Raises:
        KeyboardInterrupt: Ctrl-C came before the coarsest grid was complete.
        ArgumentError: `verbose` has another value.
    """
    if verbose not in ("auto", 0, 1):
        raise ArgumentError(
            f'verbose must be "auto", 1 or 0. Received: {verbose!r}. Pass 0 for silence.'
        )
    console = console or Console(stderr=True)
    losses = np.full((len(y), len(x)), np.nan)
    known = np.zeros(losses.shape, bool)
    done: np.ndarray | None = None
    progress = rich.progress.Progress(
        *rich.progress.Progress.get_default_columns(),
        console=console,
        transient=True,
        disable=verbose == 0 or not (console.is_terminal or console.is_jupyter),
    )
    try:
        with progress:
            task = progress.add_task("", total=losses.size)
            size = 1
            for chosen in levels(len(x)):
                progress.update(task, description=f"{len(chosen)}×{len(chosen)} points")
                wanted = np.zeros_like(known)
                wanted[np.ix_(chosen, chosen)] = True
                missing = np.argwhere(wanted & ~known)
                start = 0
                while start < len(missing):
                    piece = missing[start : start + size]
                    began = time.monotonic()
                    rows, columns = piece.T
                    losses[rows, columns] = means(np.stack([x[columns], y[rows]], axis=1))
                    seconds = max(time.monotonic() - began, 1e-6)
                    known[rows, columns] = True
                    start += len(piece)
                    progress.advance(task, len(piece))
                    fitting = round(len(piece) * SECONDS_OF_A_PIECE / seconds)
                    size = max(1, min(4 * len(piece), fitting))
                done = chosen
    except KeyboardInterrupt:
        if done is None:
            raise
        warnings.warn(
            f"The landscape was stopped: it has {len(done)}×{len(done)} points in place of "
            f"{len(x)}×{len(x)}.",
            UserWarning,
            stacklevel=3,
        )
    assert done is not None
    return Grid(x[done], y[done], losses[np.ix_(done, done)], len(done) == len(x))
