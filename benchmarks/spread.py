"""A committee of six and a sweep of 24 trials on a Dask cluster, where a worker is killed.

The scheduler and three workers are processes of their own on this machine. Where the system allows
it, each worker is in a network namespace of its own, as on a machine of its own: it reaches the
others by an address of its own only. The numbers must be those of a single process. The bytes and
seconds of spreading stand beside those of the work, and a simulation says what limits clusters of
10, 100 and 1,000 workers.
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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np

from benchmarks.measure import keep, show
from zoo import Recipe, tune
from zoo.datasets import load
from zoo.ensembles import Committee, Member
from zoo.spreading import on_cluster, run_pieces
from zoo.spreading.listening import Listening

WORKERS = 3
MEMBERS = 6
TRIALS = 24
RECIPE = Recipe(batch_size=16, epochs=20, optimizer="adam", learning_rate=1e-3)
COLUMNS = {
    "seconds": ".1f",
    "workers": "d",
    "MB out": ".2f",
    "MB in": ".2f",
    "killed": "",
    "same numbers": "",
}
RUN_PIECES = "zoo.training.pieces.in_trainer.run_pieces"

IN_NAMESPACE = "ZOO_BENCHMARK_IN_NAMESPACE"
"""The environment variable of a benchmark that runs in a network namespace of its own already."""

NEW_NAMESPACE = ("unshare", "--map-root-user", "--net")
"""Runs a command in a new network namespace, also without rights of an administrator. The network
ends with the processes in it."""

BRIDGE = """set -e
ip link set lo up
ip link add bridge type bridge
ip addr add 10.77.0.1/24 dev bridge
ip link set bridge up"""

WAIT_FOR_CABLE = """set -e
echo ready
read -r line
ip link set lo up
ip addr add "$0/24" dev eth0
ip link set eth0 up
exec "$@"
"""
"""The shell script that begins a worker in a namespace: its arguments are the address and the
command."""


def namespaces_work() -> bool:
    """Tell whether this process may make network namespaces, and connect them."""
    command = [*NEW_NAMESPACE, "sh", "-c", BRIDGE]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True).returncode == 0
    return False


def start_in_namespace(number: int, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a command in a new network namespace, with a cable to the bridge of this one."""
    address = f"10.77.0.{number + 2}"
    process = subprocess.Popen(
        [*NEW_NAMESPACE, "sh", "-c", WAIT_FOR_CABLE, address, *command, "--host", address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()  # from now on, the process is in its namespace
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(process.pid)]
    subprocess.run(["ip", "link", "add", f"worker{number}", *peer], check=True)
    subprocess.run(["ip", "link", "set", f"worker{number}", "master", "bridge", "up"], check=True)
    process.stdin.write(b"connected\n")
    process.stdin.flush()
    return process


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and workers as processes, and give the address of the scheduler."""
    apart = IN_NAMESPACE in os.environ
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        host = "10.77.0.1" if apart else "127.0.0.1"
        scheduler = ["scheduler", "--host", host, "--port", "0", *common]
        worker = ["worker", "--nthreads", "1", "--local-directory", folder, *common]
        for number, words in enumerate((scheduler, *[worker] * workers)):
            command = [sys.executable, "-m", "dask", *words]
            if apart and number:
                process = start_in_namespace(number, command)
            else:
                process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            while words is scheduler and not (file.exists() and file.read_text("utf-8")):
                time.sleep(0.1)
        address = json.loads(file.read_text("utf-8"))["address"]
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

    with patch.object(Listening, "_take", watched):
        yield killed


@contextlib.contextmanager
def counting() -> Iterator[dict[str, int]]:
    """Count what spreading moves."""
    moved: dict[str, int] = {}

    def counted(*arguments: Any, **options: Any) -> dict[str, int]:
        moved.update(run_pieces(*arguments, **options))
        return moved

    with patch(RUN_PIECES, counted):
        yield moved


def train_committee(data: Any, recipe: Recipe, n_jobs: int | None) -> list[Any]:
    """Train members apart: their weights, and their scores of each epoch."""
    committee = Committee(Member("mlp", {"dropout": 0.2}, recipe), copies=MEMBERS)
    history = committee.fit(
        data.train, validation_data=data.validation, together=False, n_jobs=n_jobs, verbose=0
    )
    weights = [value for model in committee.members for value in model.get_weights()]
    return [*weights, *history.history.values()]


def train_sweep(data: Any, recipe: Recipe, n_jobs: int | None, trials: int) -> list[Any]:
    """Train trials whose batches differ, so that each is a piece: weights, and scores of epochs."""
    space = {"batch_size": [16 + k for k in range(trials)]}
    member = Member("mlp", recipe=replace(recipe, epochs=max(recipe.epochs // 4, 1)))
    sweep = tune(member, data, space, round_size=trials, n_jobs=n_jobs, verbose=0)
    assert len(sweep.trials) == trials
    ordered = sorted(sweep.trials, key=lambda trial: trial.parameters["batch_size"])
    weights = [value for trial in ordered for value in trial.model.get_weights()]
    return [*weights, *(values for trial in ordered for values in trial.histories[0].values())]


def spread_and_compare(
    work: Callable[[int | None], list[Any]], address: str, ended: int
) -> dict[str, dict[str, Any]]:
    """Do work in this process, on the cluster, and with a worker killed: a row for each."""
    rows: dict[str, dict[str, Any]] = {}
    started = time.perf_counter()
    alone = work(None)
    rows["one process"] = {"seconds": time.perf_counter() - started}
    for name in ("cluster", "cluster, a worker killed"):
        with on_cluster(address), counting() as moved, contextlib.ExitStack() as stack:
            killed = stack.enter_context(killing(ended)) if "killed" in name else []
            started = time.perf_counter()
            found = work(-1)
            seconds = time.perf_counter() - started
        is_same = len(alone) == len(found) and all(map(np.array_equal, alone, found))
        rows[name] = {
            "seconds": seconds,
            "workers": moved["workers"],
            "MB out": moved["bytes out"] / 1e6,
            "MB in": moved["bytes in"] / 1e6,
            "killed": f"process {killed[0]}" if killed else "",
            "same numbers": "yes" if is_same else "no",
        }
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


def start_seconds() -> float:
    """Measure how long a worker takes to start TensorFlow."""
    code = "from zoo.spreading.worker import start_tensorflow; start_tensorflow(1)"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def measured_costs(
    rows: Mapping[str, Mapping[str, Any]], pieces: int, **costs: float
) -> tuple[Costs, float]:
    """Give the costs of a piece of the work in rows, and the share of the bytes in the work."""
    moved = rows["cluster"]
    found = Costs(
        work=rows["one process"]["seconds"] / pieces,
        piece=moved["MB out"] * 1e6 / pieces,
        result=moved["MB in"] * 1e6 / pieces,
        **costs,
    )
    return found, (found.piece + found.result) / found.link / found.work


def described(costs: Costs) -> str:
    """Give the costs of a simulated cluster in words."""
    return (
        f"pieces of {costs.work:.1f} s, {costs.piece / 1e6:.1f} MB out and "
        f"{costs.result / 1e6:.1f} MB back, {costs.data / 1e6:.1f} MB of images, {costs.start:.1f} "
        f"s to start, {costs.tasks:.0f} tasks a second"
    )


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/spread.json."""
    if quick:  # without a cluster
        simulated = speed_ups(Costs(work=1, start=1, data=1e6, piece=1e5, result=1e6))
        keep("spread", {"simulation": simulated})
        return
    if IN_NAMESPACE not in os.environ and namespaces_work():
        command = [*NEW_NAMESPACE, sys.executable, "-m", "benchmarks", "spread"]
        subprocess.run(command, check=True, env={**os.environ, IN_NAMESPACE: "1"})
        return
    place = "three workers of this machine"
    if IN_NAMESPACE in os.environ:
        subprocess.run(["sh", "-c", BRIDGE], check=True)
        place = "three workers, each in a network namespace of its own"
    data = load("digits")
    tables: dict[str, Any] = {}
    with cluster(WORKERS) as address:
        tables["committee"] = spread_and_compare(
            lambda n_jobs: train_committee(data, RECIPE, n_jobs), address, 2
        )
        show(f"A committee of six: {place}", tables["committee"], COLUMNS)
        tables["sweep"] = spread_and_compare(
            lambda n_jobs: train_sweep(data, RECIPE, n_jobs, TRIALS), address, 8
        )
        show(f"A sweep of 24 trials: {place}", tables["sweep"], COLUMNS)
        rate = task_rate(address, 1_000)
    start = start_seconds()
    shared = {"start": start, "data": float(data.train.store.nbytes), "tasks": rate}
    committee, share = measured_costs(tables["committee"], MEMBERS, **shared)
    sweep, _ = measured_costs(tables["sweep"], TRIALS, **shared)
    minutes = replace(committee, work=120, data=1.5e8, piece=4e6, result=1.6e7)
    simulations = {
        "the committee, as measured": committee,
        "the sweep, as measured": sweep,
        "assumed pieces of two minutes": minutes,
    }
    rows = {name: speed_ups(costs) for name, costs in simulations.items()}
    columns = dict.fromkeys(next(iter(rows["the sweep, as measured"].values())), ".1f")
    for name, costs in simulations.items():
        show(f"Simulated: {name}: {described(costs)}", rows[name], columns)
    print(f"The bytes of a member would take {share:.2%} of its seconds at 1 Gbit/s.")
    keep("spread", {**tables, "place": place, "tasks a second": rate, "start": start, **rows})


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
