"""A committee of six and a sweep of 24 trials on a Dask cluster, where a worker is killed.

The scheduler and three workers are processes of their own on this machine. The numbers must be
those of a single process. The bytes and seconds of spreading stand beside those of the work, and a
simulation says what limits clusters of 10, 100 and 1,000 workers.
"""

import contextlib
import heapq
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmarks.measure import keep, show
from zoo import Recipe, tune
from zoo.datasets import load
from zoo.ensembles import Committee, Member
from zoo.spreading import on_cluster
from zoo.spreading.listening import Listening

WORKERS = 3
RECIPE = Recipe(batch_size=16, epochs=20, optimizer="adam", learning_rate=1e-3)
COLUMNS = {"seconds": ".1f", "workers": "d", "MB out": ".2f", "MB in": ".2f", "same numbers": ""}


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and workers as processes, and give the address of the scheduler."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", *common]
        worker = ["worker", "--nthreads", "1", "--local-directory", folder, *common]
        for words in (scheduler, *[worker] * workers):
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *words], stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            while words is scheduler and not file.exists():
                time.sleep(0.1)
        while not (text := file.read_text("utf-8")):
            time.sleep(0.1)
        address = json.loads(text)["address"]
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers)
        yield address


@contextlib.contextmanager
def killing(count: int) -> Iterator[list[int]]:
    """Kill the worker of the first message after `count` pieces have ended, once."""
    killed: list[int] = []
    ended: list[str] = []
    take = Listening._take

    def watched(self: Listening, piece: Any, message: Any, who: str) -> bool:
        done = take(self, piece, message, who)
        if done:
            ended.append(piece.name)
        elif len(ended) >= count and not killed and message.kind == "epoch":
            killed.append(int(who.split()[1]))
            os.kill(killed[0], signal.SIGKILL)
        return done

    Listening._take = watched  # type: ignore[method-assign]
    try:
        yield killed
    finally:
        Listening._take = take  # type: ignore[method-assign]


def train_committee(data: Any, recipe: Recipe, n_jobs: int | None) -> tuple[Any, Any]:
    """Train six members apart: their weights, and the history."""
    committee = Committee(Member("mlp", {"dropout": 0.2}, recipe), copies=6)
    history = committee.fit(
        data.train, validation_data=data.validation, together=False, n_jobs=n_jobs, verbose=0
    )
    weights = [value for model in committee.members for value in model.get_weights()]
    return weights, getattr(history, "spreading", {})


def train_sweep(data: Any, recipe: Recipe, n_jobs: int | None, trials: int) -> tuple[Any, Any]:
    """Train trials whose batches differ, so that each is a piece: their weights."""
    space = {"batch_size": [16 + k for k in range(trials)]}
    member = Member("mlp", recipe=replace(recipe, epochs=max(recipe.epochs // 4, 1)))
    sweep = tune(member, data, space, round_size=trials, n_jobs=n_jobs, verbose=0)
    ordered = sorted(sweep.trials, key=lambda trial: trial.parameters["batch_size"])
    return [value for trial in ordered for value in trial.model.get_weights()], {}


def spread_and_compare(
    work: Callable[[int | None], tuple[Any, Any]], address: str, ended: int
) -> dict[str, dict[str, Any]]:
    """Do work in this process, on the cluster, and with a worker killed: a row for each."""
    rows = {}
    started = time.perf_counter()
    weights, _ = work(None)
    rows["one process"] = {"seconds": time.perf_counter() - started}
    for name in ("cluster", "cluster, a worker killed"):
        with on_cluster(address), contextlib.ExitStack() as stack:
            killed = stack.enter_context(killing(ended)) if "killed" in name else None
            started = time.perf_counter()
            found, moved = work(-1)
            rows[name] = {
                "seconds": time.perf_counter() - started,
                "same numbers": str(all(map(np.array_equal, weights, found))),
                **({"killed": killed} if killed else {}),
            }
            if moved:
                rows[name]["workers"] = moved["workers"]
                rows[name]["MB out"] = moved["bytes out"] / 1e6
                rows[name]["MB in"] = moved["bytes in"] / 1e6
    return rows


@dataclass(frozen=True)
class Costs:
    """What a simulated cluster is made of.

    Attributes:
        work: Seconds of a piece in a worker.
        start: Seconds until a worker has imported TensorFlow.
        data: Bytes of images that each worker gets once.
        piece: Bytes that go out with each piece.
        result: Bytes that come back from each piece.
        link: Bytes a second through the connection of the machine that spreads.
        tasks: Tasks a second that the scheduler hands out.
    """

    work: float
    start: float
    data: float
    piece: float
    result: float
    link: float = 1.25e8  # 1 Gbit/s
    tasks: float = 1_000


def simulate(workers: int, pieces: int, costs: Costs) -> float:
    """Simulate a cluster: seconds until the last of the pieces is done.

    Each worker starts, gets the images, then takes piece after piece. All bytes go one after
    another through the connection of the machine that spreads; the scheduler hands out one task at
    a time.
    """
    link = scheduler = end = 0.0
    # When, which worker, what it does next.
    events: list[tuple[float, int, str]] = [(costs.start, k, "data") for k in range(workers)]
    heapq.heapify(events)
    left = pieces
    while events:
        now, worker, step = heapq.heappop(events)
        if step == "data":
            link = max(now, link) + costs.data / costs.link
            heapq.heappush(events, (link, worker, "take"))
        elif step == "take" and left:
            left -= 1
            scheduler = max(now, scheduler) + 1 / costs.tasks
            link = max(scheduler, link) + costs.piece / costs.link
            heapq.heappush(events, (link + costs.work, worker, "give"))
        elif step == "give":
            link = max(now, link) + costs.result / costs.link
            end = link
            heapq.heappush(events, (link, worker, "take"))
    return end


def speed_ups(costs: Costs, pieces_of_a_worker: int = 4) -> dict[str, dict[str, Any]]:
    """Simulate 10, 100 and 1,000 workers: how many times as fast as one worker that is ready."""
    rows = {}
    for workers in (10, 100, 1_000):
        pieces = workers * pieces_of_a_worker
        by_name = simulate(workers, pieces, replace(costs, data=0))
        arrays = simulate(workers, pieces, costs)
        rows[f"{workers:,} workers"] = {
            "times as fast, images by name": pieces * costs.work / by_name,
            "times as fast, images as arrays": pieces * costs.work / arrays,
        }
    return rows


def task_rate(address: str, tasks: int) -> float:
    """Measure how many empty tasks a second joblib and the scheduler hand out."""
    with on_cluster(address):
        started = time.perf_counter()
        joblib.Parallel(batch_size=1, pre_dispatch="all")(
            joblib.delayed(abs)(number) for number in range(tasks)
        )
        return tasks / (time.perf_counter() - started)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/spread.json."""
    data = load("digits")
    trials, recipe = (2, replace(RECIPE, epochs=1)) if quick else (24, RECIPE)
    if quick:  # without a cluster
        simulated = speed_ups(Costs(work=1, start=1, data=1e6, piece=1e5, result=1e6))
        keep("spread", {"simulation": simulated})
        return
    tables: dict[str, Any] = {}
    with cluster(WORKERS) as address:
        tables["committee"] = spread_and_compare(
            lambda n_jobs: train_committee(data, recipe, n_jobs), address, 2
        )
        tables["sweep"] = spread_and_compare(
            lambda n_jobs: train_sweep(data, recipe, n_jobs, trials), address, 8
        )
        rate = task_rate(address, 1_000)
    for name, rows in tables.items():
        show(f"{name}, {WORKERS} workers", rows, COLUMNS)
    measured = tables["committee"]["cluster"]
    costs = Costs(
        work=tables["committee"]["one process"]["seconds"] / 6,
        start=5,
        data=data.train.store.nbytes,
        piece=measured["MB out"] * 1e6 / 6,
        result=measured["MB in"] * 1e6 / 6,
        tasks=rate,
    )
    minutes = replace(costs, work=120, data=1.5e8, piece=4e6, result=1.6e7)
    simulations = {"as measured": speed_ups(costs), "pieces of two minutes": speed_ups(minutes)}
    columns = dict.fromkeys(next(iter(simulations["as measured"].values())), ".1f")
    for name, rows in simulations.items():
        show(f"Simulated: {name}", rows, columns)
    keep("spread", {**tables, "tasks a second": rate, "simulation": simulations})


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
