"""The end of the connection in a worker: it takes a piece, runs it, and tells how it went.

This module loads no TensorFlow, so that the number of threads is set before TensorFlow starts.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from glob import glob
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.files.packing import unpack
from zoo.spreading.messages import Link, Message
from zoo.spreading.sharing import take_splits
from zoo.starting.signals import CollectedSignals
from zoo.starting.start_up_notes import silence_tensorflow, without_start_up_notes
from zoo.text import without_colours

_one_at_a_time = threading.Lock()
"""Pieces in one process run one after another, since TensorFlow's threads belong to the process. A
Dask worker with several threads would run several pieces at once."""

_introduced: set[str] = set()
"""The processes, by their secrets, that know the threads of this worker already."""


_kept_arrays: dict[str, np.ndarray] = {}
"""Checksum → array, of the arrays that this worker asked for in its last piece."""


class Stopped(Exception):
    """A piece has stopped because it was asked to.

    Args:
        *payloads: Bytes that say how far it has come.
    """


class Task:
    """What the function of a piece gets.

    Attributes:
        settings: The JSON values of the piece.
        payloads: Its bytes.
        splits: The images by name.
        signals: Has received Ctrl-C as soon as the piece has to stop.
    """

    def __init__(self, link: Link, message: Message, splits: dict[str, Any]) -> None:
        self._link = link
        self.settings: dict[str, Any] = message.values["settings"]
        self.payloads = message.payloads
        self.splits = splits
        self.signals = CollectedSignals()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def send(self, kind: str, values: Any = None, *payloads: bytes) -> None:
        """Tell the process that spreads how the piece goes on."""
        self._link.send(kind, values, *payloads)

    def ask(self, values: Any) -> Any:
        """Ask the process that spreads, and wait for the answer of its `record`.

        Args:
            values: JSON values, the question.

        Returns:
            JSON values; None if the piece has to stop.
        """
        self.send("asks", values)
        return self._answers.get()

    def _wait(self) -> None:
        """Wait for the word to stop, for answers, and for thanks. A dead process says no more."""
        with contextlib.suppress(EOFError, OSError, TypeError):
            while (message := self._link.receive()).kind != "thanks":
                if message.kind == "answer":
                    self._answers.put(message.values)
                else:
                    self.stop()
            return
        self.stop()

    def stop(self) -> None:
        """Ask the piece to stop."""
        self.signals.received.append(signal.SIGINT)
        self._answers.put(None)

    def wait_for_thanks(self) -> None:
        """Wait until the last message has arrived. Closing earlier could lose the message."""
        self._thread.join()


def work(order: str, *arrays: np.ndarray) -> None:
    """Run a piece in this worker.

    Args:
        order: JSON values: the name of the piece, where to connect to, the number of threads, and
            the description of the images.
        *arrays: The arrays that the description names.
    """
    values = json.loads(order)
    with _one_at_a_time, _without_ctrl_c():
        link = Link.to(tuple(values["address"]), values["key"].encode())
        try:
            _run(values, arrays, link)
        finally:
            link.close()


def _run(values: dict[str, Any], arrays: tuple[np.ndarray, ...], link: Link) -> None:
    """Take a piece from the process that spreads, and run it."""
    hello = {"piece": values["piece"], "process": os.getpid(), "host": platform.node()}
    link.send("hello", {**hello, "gpus": _count_gpus()})
    message = link.receive()
    if message.kind != "begin":
        _send_last(link, "left")
        return
    if message.values["gpu"] is not None and "tensorflow" not in sys.modules:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(message.values["gpu"])
    text = start_tensorflow(values["threads"])
    if values["key"] not in _introduced:
        _introduced.add(values["key"])
        link.send("say", text)
    is_stopped = False
    try:
        if wanted := values["asks for arrays"]:
            arrays, is_stopped = _ask_for(wanted, link)
        splits = take_splits(values["splits"], arrays)
    except DataError as error:
        _send_last(link, "cannot open", str(error))
        return
    module, _, name = message.values["function"].partition(":")
    task = Task(link, message, splits)
    if is_stopped:
        task.stop()
    try:
        with _sent_warnings(task):
            result, payloads = getattr(importlib.import_module(module), name)(task)
        link.send("done", result, *payloads)
    except Stopped as error:
        link.send("stopped", None, *error.args)
    except Exception:  # an error of the piece, which must not end the worker
        link.send("failed", without_colours(traceback.format_exc()))
    except BaseException:
        link.end()
        raise
    finally:
        task.wait_for_thanks()


def _send_last(link: Link, kind: str, values: Any = None) -> None:
    """Send a last message, and wait until it has arrived."""
    link.send(kind, values)
    with contextlib.suppress(EOFError, OSError):
        while link.receive().kind != "thanks":
            pass


def _ask_for(wanted: Sequence[str], link: Link) -> tuple[tuple[np.ndarray, ...], bool]:
    """Ask the process that spreads for the arrays that this worker does not have yet.

    Args:
        wanted: The checksums of all arrays.
        link: The connection.

    Returns:
        The arrays; and whether the process has said meanwhile that the piece has to stop.
    """
    is_stopped = False
    if missing := [number for number, key in enumerate(wanted) if key not in _kept_arrays]:
        link.send("arrays", missing)
        while (message := link.receive()).kind != "arrays":
            is_stopped = True
        got, _ = unpack(message.payloads[0])
        _kept_arrays.update({wanted[int(number)]: array for number, array in got.items()})
    for key in {*_kept_arrays} - {*wanted}:
        del _kept_arrays[key]
    return tuple(_kept_arrays[key] for key in wanted), is_stopped


def _count_gpus() -> int:
    """Count the GPUs of this machine, of which this worker is to get one; 0 if it has one."""
    return 0 if "CUDA_VISIBLE_DEVICES" in os.environ else len(glob("/proc/driver/nvidia/gpus/*"))


def start_tensorflow(threads: int | None) -> str:
    """Start TensorFlow with a share of the cores.

    Args:
        threads: The number of threads; None takes those that Dask or Ray gave to this worker, or
            all.

    Returns:
        A sentence that says how many threads TensorFlow has.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = threads or _threads_of_dask() or _threads_of_ray() or cores or 1
    silence_tensorflow()
    with without_start_up_notes():
        import tensorflow as tf
    with contextlib.suppress(RuntimeError):  # TensorFlow runs already, perhaps for another piece
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    got = tf.config.threading.get_intra_op_parallelism_threads() or cores
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    text = (
        f"Worker {os.getpid()} on {platform.node()}: TensorFlow computes with {got} of {cores} "
        f"cores{f' and the GPU {gpu}' if gpu.isdigit() else ''}."
    )
    if got != threads:
        text += f" It had started before, so that its share of {threads} could not be set."
    return text


def _threads_of_dask() -> int | None:
    """Give the number of threads of this Dask worker; None elsewhere."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except (ValueError, AttributeError):
        return None


def _threads_of_ray() -> int | None:
    """Give the number of cores that Ray has set aside for this worker; None elsewhere."""
    if "ray" not in sys.modules:
        return None
    import ray

    if not ray.is_initialized():
        return None
    return int(ray.get_runtime_context().get_assigned_resources().get("CPU", 0)) or None


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C, which a terminal sends to workers too: the process that spreads stops them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _sent_warnings(task: Task) -> Iterator[None]:
    """Send warnings for the user to the process that spreads, which shows them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            yield
        finally:
            for warning in caught:
                if issubclass(warning.category, (UserWarning, RuntimeWarning)):
                    task.send("warning", str(warning.message))
