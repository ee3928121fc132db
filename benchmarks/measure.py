"""What all benchmarks share: contestants in turns, ceilings of the machine, tables and results."""

import contextlib
import itertools
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"

Way = Callable[[], float | None]
"""A contestant: it does one piece of work, and returns the seconds that count, or None for all."""

Row = dict[str, Any]
"""Heading of a column → value of one contestant."""


def take_turns(ways: Mapping[str, Way], turns: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Let contestants take turns, in reverse order every second time.

    So a drift of the machine's speed affects all of them.

    Args:
        ways: Name → contestant.
        turns: Number of turns of each contestant.
        warm_up: Number of turns before these, which are not timed.

    Returns:
        Name → the seconds of each turn.
    """
    for way in ways.values():
        for _ in range(warm_up):
            way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            started = time.perf_counter()
            counted = ways[name]()
            seconds[name].append(time.perf_counter() - started if counted is None else counted)
    return seconds


def compare(seconds: Sequence[float], reference: Sequence[float]) -> Row:
    """Compare two contestants turn by turn.

    Args:
        seconds: Seconds of each turn of the contestant.
        reference: Seconds of the other contestant in the same turns.

    Returns:
        The median of `seconds`; and as `times faster`, `low` and `high` the median and the
        quartiles of the ratios of the reference's seconds to these.

    Example:
        >>> compare([1.0, 2.0, 1.0], [2.0, 4.0, 3.0])["times faster"]
        2.0
    """
    ratios = [other / own for own, other in zip(seconds, reference, strict=True)]
    low, middle, high = (
        statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    )
    return {
        "seconds": statistics.median(seconds),
        "times faster": middle,
        "low": low,
        "high": high,
    }


def rows_of(seconds: Mapping[str, Sequence[float]], reference: str) -> dict[str, Row]:
    """Compare every contestant with the contestant named `reference`."""
    return {name: compare(turns, seconds[reference]) for name, turns in seconds.items()}


def ceilings(*, quick: bool = False) -> dict[str, Way]:
    """Make contestants that measure what the machine can do at most.

    Args:
        quick: Whether to do little work, which measures nothing.

    Returns:
        Contestants that return the seconds of a billion operations of a matrix product (a
        multiplication and an addition are two), large and square and of the committee's shape, in
        float32 and in bfloat16; and the seconds of a GB read and written by a copy in memory.
        `rates` turns these to operations and GB a second.
    """
    ways: dict[str, Way] = {}
    side, work, numbers = (64, 1e6, 2**10) if quick else (2048, 8e9, 2**25)
    shapes = {"square": (side, side, side), "256×2304·300": (256, 2304, 300)}
    for dtype in ("float32", "bfloat16"):
        for name, shape in shapes.items():
            ways[f"{dtype} {name}, GFLOP/s"] = _product(dtype, shape, work)
    source = np.ones(numbers, "float64")
    target = np.empty_like(source)
    ways["copy, GB/s"] = lambda: (
        min(_time(lambda: np.copyto(target, source)) for _ in range(3)) / (2e-9 * source.nbytes)
    )
    return ways


def products(dtype: str, shape: tuple[int, int, int], repeats: int) -> Any:
    """Make a TensorFlow function that computes matrix products, each of another pair of matrices.

    TensorFlow computes the same product only once, and leaves out a product that nobody uses.

    Args:
        dtype: Dtype of the matrices.
        shape: Rows of the left matrix, its columns, and columns of the right matrix.
        repeats: Number of products.

    Returns:
        A function without arguments; its result, a number, depends on every product.
    """
    rows, inner, columns = shape
    side = math.ceil(math.sqrt(repeats))
    lefts, rights = (
        [tf.cast(tf.random.normal(sizes, seed=seed), dtype) for seed in range(side)]
        for sizes in ((rows, inner), (inner, columns))
    )
    pairs = list(itertools.product(lefts, rights))[:repeats]

    @tf.function(autograph=False, jit_compile=False)
    def compute() -> Any:
        return tf.add_n([tf.matmul(left, right)[0, 0] for left, right in pairs])

    return compute


def _product(dtype: str, shape: tuple[int, int, int], work: float) -> Way:
    """Make a contestant of so many products in one graph that a call costs little beside them."""
    repeats = max(1, round(work / (2 * math.prod(shape))))
    compute = products(dtype, shape, repeats)
    compute()
    billions = repeats * 2e-9 * math.prod(shape)
    return lambda: min(_time(lambda: compute().numpy()) for _ in range(5)) / billions


def rates(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Turn the seconds of one unit to units a second, by the median of the turns."""
    return {name: 1 / statistics.median(turns) for name, turns in seconds.items()}


def _time(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(title: str, rows: Mapping[str, Row], columns: Mapping[str, str]) -> None:
    """Print a table.

    Args:
        title: Words above the table.
        rows: Contestant → its row.
        columns: Heading → format of the values, such as `".2f"`.
    """
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        values = ((row.get(heading), style) for heading, style in columns.items())
        table.add_row(
            name,
            *(
                "" if value is None else value if isinstance(value, str) else format(value, style)
                for value, style in values
            ),
        )
    Console(width=max(150, Console().width)).print(table, "")


SPEED = {"seconds": ".3g", "times faster": ".2f", "low": ".2f", "high": ".2f", "asked for": ""}
"""The columns of most tables."""


def show_ceilings(turns: int = 3) -> dict[str, float]:
    """Measure the machine's ceilings, and print them.

    Args:
        turns: Number of turns of each.

    Returns:
        Name → rate, as `rates` returns them.
    """
    found = rates(take_turns(ceilings(), turns, warm_up=0))
    show("The machine's ceilings", {name: {"": rate} for name, rate in found.items()}, {"": ".0f"})
    return found


def keep(name: str, results: Mapping[str, Any], figure: "Figure | None" = None) -> None:
    """Write results/NAME.json, with a description of the machine, and the picture beside it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(RESULTS / f"{name}.json", "w", encoding="utf-8") as file:
        json.dump({**results, "measured on": _machine()}, file, indent=2, ensure_ascii=False)
    if figure:
        figure.savefig(RESULTS / f"{name}.png", dpi=150)


def _machine() -> dict[str, Any]:
    """Describe the machine, and the versions of the packages that were compared."""
    versions = {}
    for package in ("tensorflow", "keras", "numpy", "scikit-learn", "torch", "torchensemble"):
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "GPUs": len(tf.config.list_physical_devices("GPU")),
        "Python": platform.python_version(),
        **versions,
    }


def processor() -> str:
    """Name the processor, as the system calls it."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def bars(
    titles_and_rows: Mapping[str, Mapping[str, Row]], label: str, key: str = "seconds"
) -> "Figure":
    """Draw a value of each row as a bar, one panel a table, with how many times faster it is.

    Args:
        titles_and_rows: Title → rows as `rows_of` returns them, or other rows that have the value.
        label: Words below the axis: the quantity and its unit.
        key: Key of the value in each row.

    Returns:
        The figure.
    """
    counts = [len(rows) for rows in titles_and_rows.values()]
    figure = new_figure(7.5, 0.9 * len(counts) + 0.34 * sum(counts))
    panels = figure.subplots(len(counts), 1, squeeze=False, height_ratios=counts)[:, 0]
    for axes, (title, rows) in zip(panels, titles_and_rows.items(), strict=True):
        values = [row[key] for row in rows.values()]
        colours = ["tab:blue" if name.startswith("zoo") else "silver" for name in rows]
        axes.barh(list(rows), values, color=colours)
        for position, row in enumerate(rows.values()):
            times = f" · {row['times faster']:.1f}×" if "times faster" in row else ""
            text = f" {_short(row[key])}{times}"
            axes.text(row[key], position, text, va="center", fontsize="small")
        axes.set_xlim(0, 1.25 * max(values))
        axes.invert_yaxis()
        axes.set_title(title, fontsize="medium", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[-1].set_xlabel(label)
    return figure


def _short(value: float) -> str:
    """Write a number with three digits, or with all digits before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
