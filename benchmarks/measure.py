"""What the benchmarks share: turns, the machine's ceilings, and how results are shown and kept."""

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
"""Does one piece of work, and may say itself how many seconds of it count."""

Row = dict[str, Any]
"""What is shown of a contestant, by column."""


def take_turns(ways: Mapping[str, Way], turns: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Let ways take turns, in the other direction every second time.

    So a drift of the machine's speed hits all of them.

    Args:
        ways: By name.
        turns: How often each has its turn.
        warm_up: How often each goes first without counting.

    Returns:
        The seconds of each turn, by name.
    """
    for way in ways.values():
        for _ in range(warm_up):
            way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            started = time.perf_counter()
            told = ways[name]()
            seconds[name].append(time.perf_counter() - started if told is None else told)
    return seconds


def compare(seconds: Sequence[float], reference: Sequence[float]) -> Row:
    """Compare two contestants turn by turn.

    Args:
        seconds: Of each turn.
        reference: Of the other in the same turns.

    Returns:
        Median `seconds`, and how many times faster than the reference: the median of the ratios
        and their quartiles.

    Example:
        >>> compare([1.0, 2.0, 1.0], [2.0, 4.0, 3.0])["times faster"]
        2.0
    """
    ratios = [theirs / ours for ours, theirs in zip(seconds, reference, strict=True)]
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
    """Compare every contestant with one of them."""
    return {name: compare(one, seconds[reference]) for name, one in seconds.items()}


def ceilings() -> dict[str, Way]:
    """What the machine can do at most, as contestants that take their turns with the others.

    Returns:
        Ways that tell the seconds of a billion operations (a multiplication and an addition are
        two) of a matrix product, large and square and of the committee's shape, in float32 and in
        bfloat16; and of a GB read and written by a copy in memory. `rates` turns them round.
    """
    ways: dict[str, Way] = {}
    for dtype in ("float32", "bfloat16"):
        for what, (m, k, n) in {
            "square": (2048, 2048, 2048),
            "256×2304·300": (256, 2304, 300),
        }.items():
            ways[f"{dtype} {what}, GFLOP/s"] = _product(dtype, m, k, n)
    source = np.ones(2**25, "float64")
    target = np.empty_like(source)
    ways["copy, GB/s"] = lambda: (
        min(_time(lambda: np.copyto(target, source)) for _ in range(3)) / (2e-9 * source.nbytes)
    )
    return ways


def _product(dtype: str, m: int, k: int, n: int) -> Way:
    # Several in one graph, so that a small one is not all overhead; each of another pair, since
    # TensorFlow computes the same product once only.
    repeats = max(1, round(8e9 / (2 * m * k * n)))
    side = math.ceil(math.sqrt(repeats))
    lefts, rights = (
        [tf.cast(tf.random.normal(shape, seed=seed), dtype) for seed in range(side)]
        for shape in ((m, k), (k, n))
    )
    pairs = list(itertools.product(lefts, rights))[:repeats]

    @tf.function(autograph=False, jit_compile=False)
    def product() -> Any:
        # A number of each, or TensorFlow would leave it out.
        return tf.add_n([tf.matmul(left, right)[0, 0] for left, right in pairs])

    product()
    billions = repeats * 2e-9 * m * k * n
    return lambda: min(_time(lambda: product().numpy()) for _ in range(5)) / billions


def rates(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """How much a second, from the seconds for one of it: the median of the turns."""
    return {name: 1 / statistics.median(one) for name, one in seconds.items()}


def _time(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(title: str, rows: Mapping[str, Row], columns: Mapping[str, str]) -> None:
    """Print a table.

    Args:
        title: What stands above it.
        rows: By contestant.
        columns: Heading → format of the value under that name in a row, such as `".2f"`.
    """
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        values = ((row.get(heading), form) for heading, form in columns.items())
        table.add_row(
            name,
            *(
                "" if value is None else value if isinstance(value, str) else format(value, form)
                for value, form in values
            ),
        )
    Console(width=max(150, Console().width)).print(table, "")


SPEED = {"seconds": ".3g", "times faster": ".2f", "low": ".2f", "high": ".2f", "asked for": ""}
"""The columns of most tables."""


def show_ceilings(turns: int = 3) -> dict[str, float]:
    """Measure the machine's ceilings, and print them.

    Args:
        turns: How often each has its turn.

    Returns:
        By name, as `rates` has them.
    """
    found = rates(take_turns(ceilings(), turns, warm_up=0))
    show("The machine's ceilings", {name: {"": rate} for name, rate in found.items()}, {"": ".0f"})
    return found


def keep(name: str, results: Mapping[str, Any], figure: "Figure | None" = None) -> None:
    """Write results/NAME.json, with what it was measured on, and the picture beside it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(RESULTS / f"{name}.json", "w", encoding="utf-8") as file:
        json.dump({**results, "measured on": _machine()}, file, indent=2, ensure_ascii=False)
    if figure:
        figure.savefig(RESULTS / f"{name}.png", dpi=150)


def _machine() -> dict[str, Any]:
    """The machine, and the versions of what took part."""
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
    """The processor's name, where the system tells it."""
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
        titles_and_rows: Title → rows as `rows_of` gives them, or others with the value.
        label: What the bars measure.
        key: Where the rows have it.

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
        for place, row in enumerate(rows.values()):
            times = f" · {row['times faster']:.1f}×" if "times faster" in row else ""
            text = f" {_short(row[key])}{times}"
            axes.text(row[key], place, text, va="center", fontsize="small")
        axes.set_xlim(0, 1.25 * max(values))
        axes.invert_yaxis()
        axes.set_title(title, fontsize="medium", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[-1].set_xlabel(label)
    return figure


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
