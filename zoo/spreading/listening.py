"""The end of the connections at the process that spreads: it hands out pieces and takes results."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener
from typing import Any

import numpy as np

from zoo.files.packing import pack
from zoo.spreading.messages import Link, Message
from zoo.text import error_of_traceback

TRIES = 3
"""How often a piece is tried, before it is given up."""


@dataclass(eq=False)
class Piece:
    """An independent piece of work.

    Args:
        name: The name of the piece, which messages use.
        function: The function that does the work in a worker: `"package.module:name"`.
        settings: Its JSON values.
        payloads: Its bytes, such as packed arrays.

    Attributes:
        result: The JSON values and the bytes that the worker gave, or None.
        failures: How each failed try ended, in words: a traceback, or that the worker died.
        stopped: What the worker gave when it stopped because it was asked to, or None.
        doubtful: How many of the failures may be the fault of another piece, whose death ended all
            workers of the pool.
        cannot_open: Why a worker could not open images by their name, or an empty text.
    """

    name: str
    function: str
    settings: dict[str, Any]
    payloads: tuple[bytes, ...] = ()
    result: Message | None = field(default=None, init=False)
    failures: list[str] = field(default_factory=list, init=False)
    stopped: Message | None = field(default=None, init=False)
    doubtful: int = field(default=0, init=False)
    cannot_open: str = field(default="", init=False)


Record = Callable[[Piece, Message], Any]
"""Gets the messages of a piece while it runs. For a message that asks, it gives the answer, JSON
values."""


class Listening:
    """Listen to workers until `close`.

    Args:
        pieces: All pieces.
        host: The address at which workers reach this machine.
        record: Gets each message that a piece sends while it runs, one at a time.
        say: Prints a line.
        is_stopped: Tells whether all workers are to stop.

    Attributes:
        address: Host and port.
        key: The secret that a worker must know, as text.
        arrays: The arrays that workers on other machines ask for, each once.
        lost: The pieces whose worker has ended the connection without a word since `lost` was last
            emptied.
        error: The first error in this process, such as a full disk, while it took a message.
        bytes_out: Bytes that were sent to workers.
        bytes_in: Bytes that workers sent.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        host: str,
        record: Record,
        say: Callable[[str], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._pieces = {piece.name: piece for piece in pieces}
        self._record, self._say, self._is_stopped = record, say, is_stopped
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self._workers: dict[tuple[str, int], int] = {}
        self._closed = False
        self.arrays: Sequence[np.ndarray] = ()
        self.lost: list[Piece] = []
        self.error: Exception | None = None
        self.bytes_out = self.bytes_in = 0
        secret = secrets.token_hex(16)
        self._listener = Listener((host, 0), backlog=128, authkey=secret.encode())
        self.address: tuple[str, int] = self._listener.address
        self.key = secret
        for target in (self._accept, self._watch):
            threading.Thread(target=target, daemon=True, name="zoo spreading").start()

    @property
    def workers(self) -> int:
        """The number of processes that have asked for a piece."""
        return len(self._workers)

    def is_stopped(self) -> bool:
        """Tell whether all workers are to stop."""
        return self.error is not None or self._is_stopped()

    def wait_until_silent(self, seconds: float = 30) -> None:
        """Wait until each worker has closed its connection, or some seconds have passed."""
        end = time.monotonic() + seconds
        while self._links and time.monotonic() < end:
            time.sleep(0.02)

    def close(self) -> None:
        """Close all connections. A worker that still runs stops."""
        self._closed = True
        # Wakes the thread that waits for connections.
        with contextlib.suppress(OSError), socket.create_connection(self.address, timeout=1):
            pass
        for link in [*self._links]:
            link.end()

    def _accept(self) -> None:
        while not self._closed:
            try:
                link = Link(self._listener.accept())
            except (AuthenticationError, EOFError, OSError):
                continue  # a stranger, or `close`
            self._links.add(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()
        self._listener.close()

    def _watch(self) -> None:
        """Tell all workers to stop, once this process is asked to stop."""
        while not self._closed:
            if self.is_stopped():
                for link in [*self._links]:
                    with contextlib.suppress(OSError, ValueError):
                        link.send("stop")
                return
            time.sleep(0.1)

    def _serve(self, link: Link) -> None:
        """Talk to the worker of one piece until the connection ends."""
        piece, who, ended = None, "", False
        try:
            worker = link.receive().values
            who = f"process {worker['process']} on {worker['host']}"
            with self._lock:
                piece = self._pieces[worker["piece"]]
                self._hand_out(piece, worker, link)
            while not ended:
                message = link.receive()
                if message.kind == "arrays":
                    chosen = {str(number): self.arrays[number] for number in message.values}
                    link.send("arrays", None, pack(chosen))
                    continue
                if message.kind == "asks":
                    with self._lock:
                        answer = self._answer_safely(piece, message)
                    link.send("answer", answer)
                    continue
                with self._lock:
                    ended = self._take_safely(piece, message, who)
            link.send("thanks")
        except (EOFError, OSError, ValueError):
            pass  # the worker has ended the connection
        finally:
            with self._lock:
                self.bytes_out += link.bytes_sent
                self.bytes_in += link.bytes_received
                if piece is not None and not ended and piece.result is None:
                    piece.failures.append(f"Its worker, {who}, died.")
                    self.lost.append(piece)
                    if not self._closed and not self.is_stopped():
                        self._say(f"{piece.name}: its worker, {who}, died.")
                self._links.discard(link)
            link.close()

    def _take_safely(self, piece: Piece, message: Message, who: str) -> bool:
        """Take a message. An error here, such as a full disk, ends the work of all pieces."""
        try:
            return self._take(piece, message, who)
        except Exception as error:
            self.error = self.error or error
            return False

    def _answer_safely(self, piece: Piece, message: Message) -> Any:
        """Answer a message that asks. An error here ends the work of all pieces."""
        try:
            return self._record(piece, message)
        except Exception as error:
            self.error = self.error or error
            return None

    def _hand_out(self, piece: Piece, worker: dict[str, Any], link: Link) -> None:
        """Send a piece to its worker, unless there is nothing left to do."""
        known = (worker["host"], worker["process"])
        gpus = worker.get("gpus", 0)
        number = sum(host == known[0] for host, _ in self._workers)
        number = self._workers.setdefault(known, number)
        given_up = len(piece.failures) - piece.doubtful >= TRIES
        if piece.result is not None or given_up or self.is_stopped():
            link.send("leave")
        else:
            values = {"function": piece.function, "settings": piece.settings}
            link.send("begin", {**values, "gpu": number % gpus if gpus else None}, *piece.payloads)

    def _take(self, piece: Piece, message: Message, who: str) -> bool:
        """Take a message of a piece, and tell whether the piece has ended by it."""
        if message.kind == "done":
            piece.result = message
        elif message.kind == "failed":
            piece.failures.append(message.values)
            self._say(f"{piece.name} failed in {who}: {error_of_traceback(message.values)}")
        elif message.kind == "cannot open":
            piece.cannot_open = message.values
        elif message.kind == "stopped":
            if self.is_stopped():
                piece.stopped = message
            else:
                piece.failures.append(f"Its worker, {who}, lost the connection and stopped.")
        elif message.kind == "left":
            pass
        elif message.kind == "say":
            self._say(message.values)
            return False
        else:
            self._record(piece, message)
            return False
        return True
