"""The joblib backend on which pieces run: processes of this machine, Dask, or Ray."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zoo.arguments import argument_error, is_whole
from zoo.errors import ArgumentError, RunError
from zoo.text import first_line

_WITHOUT_PROCESSES = ("ThreadingBackend", "MultiprocessingBackend", "SequentialBackend")
"""The backends of joblib that cannot run pieces: threads share TensorFlow's settings, and a process
that was forked after TensorFlow has started hangs."""


def check_jobs(n_jobs: Any) -> int | None:
    """Check the argument `n_jobs`.

    Args:
        n_jobs: The number of pieces that run at the same time; -1 for the number of cores, as in
            joblib; None spreads nothing.

    Returns:
        The argument.

    Raises:
        ArgumentError: The argument is something else, or joblib's backend runs no processes.

    Example:
        >>> check_jobs(2)
        2
    """
    if n_jobs is None:
        return None
    if not is_whole(n_jobs) or n_jobs == 0:
        raise argument_error(
            "n_jobs",
            "be a whole number of 1 or more, -1 for the number of cores, or None",
            n_jobs,
            "Pass 2, for example",
        )
    from joblib.parallel import get_active_backend

    name = type(get_active_backend()[0]).__name__
    if name in _WITHOUT_PROCESSES:
        raise ArgumentError(
            "With n_jobs=, joblib's backend must run processes of its own: loky, dask or ray. "
            f"Received: {name}. Leave joblib.parallel_config(backend=...) out, or pass "
            'backend="loky".'
        )
    return int(n_jobs)


@dataclass(frozen=True)
class Place:
    """Where pieces run.

    Attributes:
        n_jobs: How many pieces run at the same time.
        threads: The number of threads of TensorFlow in each worker; None where the worker knows
            its share of the cores.
        host: The address of this machine, as workers reach it.
        is_here: Whether the workers are processes of this machine, which share its files and its
            memory.
    """

    n_jobs: int
    threads: int | None
    host: str
    is_here: bool


def find_place(n_jobs: int) -> Place:
    """Find where pieces run: on joblib's active backend.

    Args:
        n_jobs: As `check_jobs` gave it.

    Returns:
        The place. Each worker gets an equal share of the cores, or as many threads as
        `joblib.parallel_config(inner_max_num_threads=...)` says.

    Raises:
        RunError: The cluster has no workers.
    """
    import joblib
    from joblib.parallel import get_active_backend

    backend = get_active_backend()[0]
    if type(backend).__name__ != "LokyBackend":
        client = getattr(backend, "client", None)
        try:
            jobs = backend.effective_n_jobs(n_jobs)
        except TimeoutError as error:
            raise RunError(
                "A cluster must have workers. Received: no worker within 10 seconds. Start some by "
                "`dask worker ADDRESS --nthreads 1`."
            ) from error
        return Place(jobs, None, _own_address(client), is_here=False)
    jobs = n_jobs if n_jobs > 0 else max(1, joblib.cpu_count() + 1 + n_jobs)
    share = backend.inner_max_num_threads or max(1, joblib.cpu_count() // jobs)
    return Place(jobs, int(share), "127.0.0.1", is_here=True)


def _own_address(client: Any) -> str:
    """Give the address of this machine, as the workers of a cluster reach it."""
    scheduler = client.scheduler.address if client is not None else ""
    if scheduler.startswith("inproc"):
        return "127.0.0.1"
    host = scheduler.rpartition("/")[2].rpartition(":")[0].strip("[]")
    # Nothing is sent: the system only chooses the address that packets to this host would have.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host or "192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostbyname(socket.gethostname())


@contextlib.contextmanager
def on_cluster(scheduler: str | None) -> Iterator[None]:
    """Let pieces run on a Dask cluster, within the context.

    Args:
        scheduler: The address of the cluster's scheduler, such as `"tcp://host:8786"`; None changes
            nothing.

    Raises:
        ArgumentError: Dask is not installed.
        RunError: No scheduler answers at the address.

    Example:
        >>> with on_cluster(None):
        ...     pass
    """
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ArgumentError(
            "A scheduler must come with the packages of the extra dask. Received: "
            f"{scheduler!r}, and dask is not installed. Run: pip install 'committee-zoo[dask]'"
        ) from error
    import joblib

    try:
        client = Client(scheduler, set_as_default=False, timeout=10)
    except (OSError, ValueError, TypeError) as error:
        raise RunError(
            "A scheduler must be the address of a Dask scheduler that runs, such as "
            f"tcp://host:8786. Received: {scheduler!r}, which does not answer "
            f"({first_line(error)}). Start it by `dask scheduler`, and workers by "
            f"`dask worker {scheduler} --nthreads 1`."
        ) from error
    with client, joblib.parallel_config(backend="dask", client=client):
        yield
