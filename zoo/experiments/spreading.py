"""Experiments that run at the same time, each in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import RunError
from zoo.experiments.catalogue import load_experiment
from zoo.experiments.running import experiment_folder, reproduce
from zoo.spreading import Piece, run_pieces
from zoo.spreading.worker import Stopped, Task
from zoo.starting.signals import CollectedSignals


def reproduce_apart(
    names: Sequence[str],
    root: str | os.PathLike[str] | None,
    n_jobs: int,
    *,
    quick: bool,
    say: Callable[[str], None],
) -> None:
    """Run experiments at the same time in other processes, which share the folders of this process.

    Afterwards, `reproduce` gives the result of each without training.

    Args:
        names: Names of experiments.
        root: Where the images are, as for `reproduce`.
        n_jobs: How many experiments run at the same time.
        quick: As for `reproduce`.
        say: Prints a line.

    Raises:
        KeyboardInterrupt: Ctrl-C was received. The same call goes on where the experiments stopped.
        RunError: An experiment has failed three times. The others are finished.
    """
    function = f"{reproduce_piece.__module__}:{reproduce_piece.__name__}"
    pieces = [Piece(name, function, _settings(name, root, quick)) for name in dict.fromkeys(names)]
    with CollectedSignals(say) as signals:
        run_pieces(
            pieces, {}, n_jobs, say=say, is_stopped=lambda: bool(signals.received),
            record=lambda piece, message: say(f"{piece.name}: {message.values}"),
        )  # fmt: skip
        signals.raise_received()
    if failed := [piece for piece in pieces if piece.result is None]:
        reasons = "\n".join(f"{piece.name}: {piece.failures[-1].strip()}" for piece in failed)
        raise RunError(
            "Each experiment must run to its end. Received: no result of "
            f"{', '.join(piece.name for piece in failed)}. The others are finished; the same "
            f"command runs the missing ones again.\n{reasons}"
        )


def _settings(name: str, root: str | os.PathLike[str] | None, quick: bool) -> dict[str, Any]:
    """Give the arguments of `reproduce` with paths that hold in every folder of this machine."""
    return {
        "name": str(Path(name).absolute()) if name.endswith(".toml") else name,
        "root": None if root is None else str(Path(root).absolute()),
        "log_dir": str(experiment_folder(load_experiment(name), quick).absolute()),
        "quick": quick,
    }


def reproduce_piece(task: Task) -> tuple[None, tuple[bytes, ...]]:
    """Run an experiment in a worker.

    Args:
        task: The piece.

    Raises:
        Stopped: The experiment was stopped, and can go on.
    """
    task.send("told", "begins")
    if threading.current_thread() is threading.main_thread():
        # A training stops by Ctrl-C where its state is whole.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=_interrupt_when_asked, args=(task,), daemon=True).start()
    try:
        reproduce(**task.settings, verbose=0)
    except KeyboardInterrupt as error:
        raise Stopped from error
    task.send("told", "is finished")
    return None, ()


def _interrupt_when_asked(task: Task) -> None:
    """Send this process Ctrl-C once the piece is asked to stop."""
    if task.wait_for_stop():
        os.kill(os.getpid(), signal.SIGINT)
