"""Losses on a grid of points: a coarse grid first, and then finer grids on top of it."""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from zoo.inspect.networks.progress import progress_bar

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
    console: Any = None,
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
    losses = np.full((len(y), len(x)), np.nan)
    known = np.zeros(losses.shape, bool)
    done: np.ndarray | None = None
    size = 1
    try:
        for chosen in levels(len(x)):
            wanted = np.zeros_like(known)
            wanted[np.ix_(chosen, chosen)] = True
            missing = np.argwhere(wanted & ~known)
            known |= wanted
            name = f"{len(chosen)}×{len(chosen)} points"
            with progress_bar(name, len(missing), verbose=verbose, console=console) as advance:
                start = 0
                while start < len(missing):
                    rows, columns = missing[start : start + size].T
                    began = time.monotonic()
                    losses[rows, columns] = means(np.stack([x[columns], y[rows]], axis=1))
                    seconds = max(time.monotonic() - began, 1e-6)
                    start += len(rows)
                    advance(len(rows))
                    fitting = round(len(rows) * SECONDS_OF_A_PIECE / seconds)
                    size = max(1, min(4 * len(rows), fitting))
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
