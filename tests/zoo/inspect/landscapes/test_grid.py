"""A grid is filled from coarse to fine, each point once, and may be stopped."""

import io
import itertools

import numpy as np
import pytest
from rich.console import Console

from zoo.errors import ArgumentError
from zoo.inspect.landscapes.grid import fill, levels


def bowl(coordinates):
    return np.square(coordinates).sum(axis=1) + coordinates[:, 0]


@pytest.mark.parametrize("points", [3, 4, 5, 21, 24, 51])
def test_finer_levels_hold_the_coarser_levels_and_both_ends(points):
    chosen = list(levels(points))
    assert chosen[-1].tolist() == list(range(points))
    for coarse, fine in itertools.pairwise(chosen):
        assert set(coarse) < set(fine)
    assert all(numbers[0] == 0 and numbers[-1] == points - 1 for numbers in chosen)


def test_each_point_is_computed_once_and_stands_in_its_row_and_column():
    asked = []

    def means(coordinates):
        asked.extend(map(tuple, coordinates))
        return bowl(coordinates)

    x, y = np.linspace(-1, 1, 9), np.linspace(0, 3, 9)
    grid = fill(means, x, y, verbose=0)
    assert len(asked) == len(set(asked)) == 81
    assert grid.is_whole
    np.testing.assert_allclose(grid.losses, y[:, None] ** 2 + x**2 + x)


def test_after_an_interrupt_the_finest_whole_grid_is_there():
    calls = []

    def means(coordinates):
        calls.append(len(coordinates))
        if sum(calls) > 40:  # the coarsest grid has 5×5 points
            raise KeyboardInterrupt
        return bowl(coordinates)

    x = np.linspace(-1, 1, 17)
    with pytest.warns(UserWarning, match="5×5 points in place of 17×17"):
        grid = fill(means, x, x, verbose=0)
    assert not grid.is_whole
    np.testing.assert_array_equal(grid.x, np.linspace(-1, 1, 5))
    np.testing.assert_allclose(grid.losses, grid.y[:, None] ** 2 + grid.x**2 + grid.x)


def test_an_interrupt_before_the_first_picture_ends_the_computation():
    def means(coordinates):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(means, np.arange(9.0), np.arange(9.0), verbose=0)


@pytest.mark.parametrize(("verbose", "shown"), [("auto", True), (1, True), (0, False)])
def test_a_terminal_shows_which_grid_is_computed(verbose, shown):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    fill(bowl, np.arange(9.0), np.arange(9.0), verbose=verbose, console=console)
    assert ("9×9 points" in console.file.getvalue()) is shown


def test_no_terminal_shows_no_progress():
    console = Console(file=io.StringIO(), width=100)
    fill(bowl, np.arange(5.0), np.arange(5.0), console=console)
    assert console.file.getvalue().strip() == ""
    with pytest.raises(ArgumentError, match="verbose must be"):
        fill(bowl, np.arange(5.0), np.arange(5.0), verbose="loud")
