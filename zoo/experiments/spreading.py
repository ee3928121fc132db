"""Experiments that run at the same time, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.arguments import as_path
from zoo.experiments.catalogue import load_experiment
from zoo.experiments.running import experiment_folder, reproduce
from zoo.spreading import Piece, run_pieces
from zoo.spreading.worker import Stopped, Task
from zoo.starting.signals import CollectedSignals, sharing_signals


def reproduce_apart(
    names: Sequence[str],
    root: str | os.PathLike[str] | None,
    n_jobs: int,
    *,
    quick: bool,
    say: Callable[[str], None],
) -> dict[str, str]:
    """Run experiments at the same time in other processes, which share the folders of this process.

    An experiment that fails is tried three times, while the others go on.

    Afterwards, `reproduce` gives the result of each without training.

    Args:
        names: Names of experiments.
        root: Where the images are, as for `reproduce`.
        n_jobs: How many experiments run at the same time.
        quick: As for `reproduce`.
        say: Prints a line.

    Returns:
        Name of each experiment that has failed → how its last try ended, with the traceback.

    Raises:
        KeyboardInterrupt: Ctrl-C was received. The same call goes on where the experiments stopped.
    """
    function = f"{reproduce_piece.__module__}:{reproduce_piece.__name__}"
    pieces = [Piece(name, function, _settings(name, root, quick)) for name in dict.fromkeys(names)]
    with CollectedSignals(say) as signals:
        run_pieces(
            pieces, {}, n_jobs, say=say, is_stopped=lambda: bool(signals.received),
            record=lambda piece, message: say(f"{piece.name}: {message.values}"),
        )  # fmt: skip
        signals.raise_received()
    return {piece.name: piece.failures[-1].strip() for piece in pieces if piece.result is None}


def _settings(name: str, root: str | os.PathLike[str] | None, quick: bool) -> dict[str, Any]:
    """Give the arguments of `reproduce` with paths that hold in every folder of this machine."""
    return {
        "name": str(Path(name).absolute()) if name.endswith(".toml") else name,
        "root": None if root is None else str(as_path("root", root).absolute()),
        "log_dir": str(experiment_folder(load_experiment(name), quick).absolute()),
        "quick": quick,
    }


def reproduce_piece(task: Task) -> tuple[None, tuple[bytes, ...]]:
    """Run an experiment in a worker, in any thread. Its trainings stop when the piece has to.

    Args:
        task: The piece.

    Raises:
        Stopped: The experiment was stopped, and can go on.
    """
    task.send("told", "begins")
    try:
        with sharing_signals(task.signals):
            reproduce(**task.settings, verbose=0)
    except KeyboardInterrupt as error:
        raise Stopped from error
    task.send("told", "is finished")
    return None, ()
