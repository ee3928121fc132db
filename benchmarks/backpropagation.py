"""The cost of a gradient: path by path, by products of Jacobians, and by backpropagation.

`python -m benchmarks backpropagation` measures the three ways of
`zoo.experiments.views.backpropagation`, prints their times, and draws docs/backpropagation.png.
"""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from zoo.experiments.views.backpropagation import (
    DEPTHS,
    FIXED_DEPTH,
    FIXED_WIDTH,
    WAYS,
    WIDTHS,
    draw,
    measure_sides,
)

PICTURE = Path(__file__).parents[1] / "docs" / "backpropagation.png"


def main() -> None:
    """Measure, print the tables, and draw docs/backpropagation.png."""
    by_depth, by_width = measure_sides()
    console = Console()
    for letter, title, sizes, times in (
        ("N", f"Microseconds for one sample, N layers of {FIXED_WIDTH} units", DEPTHS, by_depth),
        ("K", f"Microseconds for one sample, {FIXED_DEPTH} layers of K units", WIDTHS, by_width),
    ):
        table = Table(letter, title=title, title_justify="left", box=None)
        for name, (_, cost) in WAYS.items():
            table.add_column(f"{name}, {cost}", justify="right")
        for row, size in enumerate(sizes):
            cells = (1e6 * times[name][row] for name in WAYS)
            table.add_row(str(size), *("" if np.isnan(c) else f"{c:,.0f}" for c in cells))
        console.print(table, "")
    draw(by_depth, by_width).savefig(PICTURE)


if __name__ == "__main__":
    main()
