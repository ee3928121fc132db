"""Running pieces round by round: what fails, or loses its worker, is tried again in the next."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoo.datasets.split import Split
from zoo.errors import RunError
from zoo.spreading.backends import Place, find_place
from zoo.spreading.listening import TRIES, Listening, Piece, Record
from zoo.spreading.sharing import checksum, share_splits
from zoo.spreading.worker import work
from zoo.text import first_line

SHARED_FROM = 10_000
"""On this machine, arrays of more bytes than this are files that the workers map to memory."""


def run_pieces(
    pieces: Sequence[Piece],
    splits: Mapping[str, Split | None],
    n_jobs: int,
    *,
    record: Record,
    say: Callable[[str], None],
    is_stopped: Callable[[], bool],
) -> dict[str, int]:
    """Run pieces in the workers of joblib's backend, until each has a result or is given up.

    A piece that fails, or whose worker dies, is tried again, three times in all, while the others
    go on. The caller looks at `Piece.result`: a piece without a result has failed or was stopped.

    Args:
        pieces: The pieces, each with a name of its own.
        splits: The images that all pieces see, by the names that the pieces' function knows.
        n_jobs: How many pieces run at the same time, as `check_jobs` gave it.
        record: Gets what a piece tells while it runs. One message comes at a time, in a thread.
        say: Prints a line.
        is_stopped: Tells whether the pieces are to stop. They then say how far they have come.

    Returns:
        What spreading has moved: `"bytes out"` and `"bytes in"` of the connections, without the
        images; `"rounds"`, and `"workers"`.

    Raises:
        RunError: The backend cannot run pieces at all.
        Exception: `record` or `say` has raised it. All pieces have stopped.
    """
    place = find_place(n_jobs)
    by_name = not place.is_here
    listening = Listening(pieces, place.host, record, say, is_stopped)
    rounds = 0
    try:
        while (waiting := _waiting(pieces)) and not listening.is_stopped():
            rounds += 1
            tried = _choose(waiting)
            for piece in tried:
                piece.cannot_open = ""
            _run_round(tried, splits, place, listening, by_name=by_name)
            if by_name and (reason := next((p.cannot_open for p in tried if p.cannot_open), "")):
                by_name = False
                say(f"The images travel as arrays, since a worker has no such files: {reason}")
    finally:
        listening.close()
    if listening.error:
        raise listening.error
    return {
        "bytes out": listening.bytes_out,
        "bytes in": listening.bytes_in,
        "rounds": rounds,
        "workers": listening.workers,
    }


def _waiting(pieces: Sequence[Piece]) -> list[Piece]:
    """Give the pieces that are neither done nor given up."""
    return [
        piece
        for piece in pieces
        if piece.result is None and len(piece.failures) - piece.doubtful < TRIES
    ]


def _choose(waiting: Sequence[Piece]) -> list[Piece]:
    """Choose the pieces of the next round.

    A piece that has lost its worker too often runs by itself at last, since the workers may have
    died of another piece.
    """
    sure = [piece for piece in waiting if len(piece.failures) < TRIES]
    return sure or list(waiting[:1])


def _run_round(
    pieces: Sequence[Piece],
    splits: Mapping[str, Split | None],
    place: Place,
    listening: Listening,
    *,
    by_name: bool,
) -> None:
    """Run each piece once."""
    from joblib import Parallel, delayed

    described, arrays = share_splits(splits, by_name=by_name)
    if not place.is_here:
        listening.arrays = arrays
    order = {
        "address": listening.address,
        "key": listening.key,
        "threads": place.threads,
        "splits": described,
        "asks for arrays": [] if place.is_here else [checksum(array) for array in arrays],
    }
    # A Dask cluster could scatter the arrays, but loses them with the worker that has them.
    given = arrays if place.is_here else []
    tasks = [delayed(work)(json.dumps({**order, "piece": piece.name}), *given) for piece in pieces]
    listening.lost.clear()
    tries = sum(len(piece.failures) for piece in pieces)
    failed = None
    # joblib runs a single job in this process, so two workers are asked for, and one gets tasks.
    options: dict[str, Any] = {"n_jobs": max(2, place.n_jobs), "batch_size": 1}
    options["pre_dispatch"] = place.n_jobs if place.is_here else "all"
    try:
        with warnings.catch_warnings():
            # loky warns of each worker that died. The messages of `Listening` name the piece.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            Parallel(max_nbytes=SHARED_FROM, mmap_mode="r", **options)(tasks)
    except Exception as error:  # of any backend
        failed = error
    listening.wait_until_silent()
    if failed is None:
        return
    if len(listening.lost) > 1:  # the death of one worker has ended the others
        for piece in listening.lost:
            piece.doubtful += 1
    elif len(pieces) == 1:
        pieces[0].doubtful = 0
    if tries == sum(len(piece.failures) for piece in pieces) and not listening.is_stopped():
        raise RunError(
            "joblib's backend must run the pieces. Received: "
            f"{type(failed).__name__}: {first_line(failed)}. See whether its workers run, have "
            f"Zoo installed, and can connect to this machine at {listening.address[0]}; or leave "
            "n_jobs out."
        ) from failed
