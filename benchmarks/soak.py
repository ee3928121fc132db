"""A thousand short fits, reports, saves, loads and predicts in one process: what grows?

A cycle trains a committee of two small networks on the scikit-learn digits, reports on other
images, saves the committee, loads it, and lets both predict: they must agree to the last bit. Every
tenth cycle runs in another thread than the main thread, and every twentieth lets eight threads
predict at the same time, who must agree too. Afterwards a sweep trains trials in rounds. Memory is
the resident memory of the process, without any help to the garbage collector; beside it stands what
the C library counts as in use, without the free blocks between. File descriptors and threads are
those that Linux lists.

`python -m benchmarks soak` runs 1,000 cycles and 200 trials. `python -m benchmarks.soak 150 40`
runs fewer.
"""

import ctypes
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

import zoo
from benchmarks.measure import keep, show
from zoo.datasets import ImageData, Split
from zoo.ensembles import Committee, Member
from zoo.plots import new_figure

NETWORKS = ("mlp", "bn_mlp", "cnn")
"""Each cycle trains two of these, in turns, so that the graphs differ from cycle to cycle."""

IN_A_THREAD, AT_ONCE = 10, 20
"""How many cycles there are for each in another thread, and for each with eight threads."""

THREADS = 8
FIRST = 50
"""After this number of cycles, growth counts."""

COLUMNS = {
    "MB": "memory, MB",
    "MB in use": "of it in use, MB",
    "files": "file descriptors",
    "threads": "threads",
}


class _MallocInfo(ctypes.Structure):
    """What `mallinfo2` of the GNU C library gives (since version 2.33), in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks"),
            *("fordblks", "keepcost"),
        )
    )


def bytes_in_use() -> int:
    """Give the bytes that the process has asked the C library for and not given back."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallocInfo
    found = mallinfo()
    return int(found.uordblks + found.hblkhd)


@dataclass
class Watch:
    """Watches the process: its memory, file descriptors and threads after each cycle or round."""

    began: float = field(default_factory=time.monotonic)
    rows: list[dict[str, float]] = field(default_factory=list)

    def look(self) -> None:
        """Note what the process takes now."""
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
        self.rows.append(
            {
                "seconds": time.monotonic() - self.began,
                "MB": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
                "MB in use": bytes_in_use() / 1e6,
                "files": len(os.listdir("/proc/self/fd")),
                "threads": len(os.listdir("/proc/self/task")),
            }
        )


def images(count: int) -> ImageData:
    """Give some of the digits, in three splits."""
    data = zoo.datasets.load("digits", validation=0.2)
    few = {
        name: split.take(slice(0, count), name=name)
        for name, split in (("train", data.train), ("validation", data.validation))
    }
    return ImageData(data.name, few["train"], few["validation"], data.test.take(slice(0, count)))


def cycle(number: int, data: ImageData, folder: Path) -> tuple[Any, Split]:
    """Fit, report, save, load and predict once.

    Returns:
        The loaded committee, and the images that it predicted.
    """
    entries = [NETWORKS[(number + k) % len(NETWORKS)] for k in range(2)]
    recipe = zoo.Recipe(epochs=1, batch_size=64, precision="float32")
    committee = Committee([Member(entry, recipe=recipe) for entry in entries], seed=number)
    committee.fit(data.train, validation_data=data.validation, verbose=0)
    committee.report(data.test)
    committee.save(folder / "committee.keras")
    loaded = zoo.load(folder / "committee.keras")
    answers = [model.predict(data.test.images, verbose=0) for model in (committee, loaded)]
    np.testing.assert_array_equal(*answers)
    return loaded, data.test


def predict_at_once(model: Any, split: Split) -> None:
    """Let eight threads predict with one model; all must agree."""
    with ThreadPoolExecutor(THREADS) as pool:
        work = [pool.submit(model.predict, split.images, verbose=0) for _ in range(THREADS)]
        first, *others = [task.result() for task in work]
    for answers in others:
        np.testing.assert_array_equal(first, answers)


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Run a function in a thread that is not the main thread."""
    assert threading.current_thread() is threading.main_thread()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def soak(cycles: int, data: ImageData) -> list[dict[str, float]]:
    """Run cycles, and look at the process after each."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        for number in track(range(cycles), "cycles"):

            def work(number: int = number) -> tuple[Any, Split]:
                return cycle(number, data, Path(folder))

            loaded, split = in_a_thread(work) if number % IN_A_THREAD == 1 else work()
            if number % AT_ONCE == 1:
                predict_at_once(loaded, split)
            watch.look()
    return watch.rows


def sweep(trials: int, data: ImageData) -> list[dict[str, float]]:
    """Train the trials of a sweep, and look at the process after each round."""
    watch = Watch()
    zoo.tune(
        Member("mlp", recipe=zoo.Recipe(epochs=1, batch_size=64, precision="float32")),
        data.train, {"learning_rate": "1e-4..1e-1:log"}, validation_data=data.validation,
        trials=trials, round_size=8, sampler="random", verbose=0,
        callbacks=[lambda sweep: watch.look()],
    )  # fmt: skip
    return watch.rows


def growth(rows: Sequence[dict[str, float]], first: int) -> dict[str, float]:
    """Compare the highest values up to a cycle with the highest values of all cycles after it."""
    early, later = rows[:first], rows[first:] or rows[-1:]
    compared = {"cycles": float(len(rows)), "seconds": rows[-1]["seconds"] / len(rows)}
    for key in COLUMNS:
        before = max(row[key] for row in early)
        compared[f"{key} at first"] = before
        compared[f"{key} grown"] = max(row[key] for row in later) - before
    return compared


def draw(tables: dict[str, list[dict[str, float]]]) -> Any:
    """Draw memory, file descriptors and threads, a row of panels for each table."""
    figure = new_figure(3 * len(COLUMNS), 2.4 * len(tables))
    panels = figure.subplots(len(tables), len(COLUMNS), squeeze=False)
    for axes_of_table, (title, rows) in zip(panels, tables.items(), strict=True):
        for axes, (key, label) in zip(axes_of_table, COLUMNS.items(), strict=True):
            axes.plot(range(1, len(rows) + 1), [row[key] for row in rows], linewidth=1)
            axes.set_ylim(bottom=0)
            axes.set_xlabel(title)
            axes.set_title(label, fontsize="medium", loc="left")
    return figure


def main(cycles: int = 1000, trials: int = 200, *, quick: bool = False) -> None:
    """Run all, print the table, and write results/soak.json and .png."""
    if quick:
        cycles, trials = 3, 4
    data = images(32 if quick else 128)
    tables = {"cycles": soak(cycles, data), "rounds of 8 trials": sweep(trials, data)}
    firsts = {"cycles": min(FIRST, cycles // 2), "rounds of 8 trials": 2}
    grown = {title: growth(rows, max(firsts[title], 1)) for title, rows in tables.items()}
    columns = {"cycles": ".0f", "seconds": ".2f"}
    for key in COLUMNS:
        columns |= {f"{key} at first": ".0f", f"{key} grown": "+.0f"}
    show("What a process takes, at first and later", grown, columns)
    keep("soak", {"grown": grown, "rows": tables}, draw(tables))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
