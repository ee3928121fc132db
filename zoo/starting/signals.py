"""Ctrl-C and SIGTERM during long work: they are heard at once, and end the work where it is safe.

Work that keeps a state, such as a training, collects the signals in `CollectedSignals`, and raises
them where its state is whole.
"""

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from zoo.starting import interrupts

SECONDS_IN_SILENCE = 1.0
"""After this time, `CollectedSignals` says that the work still goes on after a signal."""

STOPPING = "Stopping after this step, to keep what is learned. A second Ctrl-C stops at once."

_shared = threading.local()
"""The attribute `signals` has the signals that the work of this thread shares, or None."""

_SHOW_CURSOR = b"\x1b[?25h"


class CollectedSignals:
    """Collect Ctrl-C and SIGTERM while a block runs. No signal is lost.

    The block calls `raise_received` where it may end. If a signal arrives after the last call, the
    block ends as it should, and the signal is raised then. A second signal does what it would have
    done without this class; in the process of a command, it ends the process at once, even
    while TensorFlow computes. In other threads than the main thread nothing is collected, since
    Python handles signals in the main thread; but within `sharing_signals`, what another thread has
    put into the shared signals counts.

    Args:
        say: Is called with `STOPPING` if the block has not ended soon after a signal.

    Attributes:
        received: The numbers of the signals so far.
        at_once: Whether nothing is lost at this moment. In the process of a command, a signal is
            then raised at once, in the middle of the work.

    Example:
        >>> with CollectedSignals() as signals:
        ...     print("nothing is received:", signals.received)
        nothing is received: []
    """

    def __init__(self, say: Callable[[str], Any] | None = None) -> None:
        self.received: list[int] = []
        self.at_once = False
        self.say = say
        self._handlers: dict[int, Any] = {}
        self._ended = threading.Event()

    def __enter__(self) -> "CollectedSignals":
        if shared := getattr(_shared, "signals", None):
            self.received = shared.received
        if threading.current_thread() is threading.main_thread():
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._handlers = {number: signal.getsignal(number) for number in numbers}
            for number in numbers:
                signal.signal(number, self._collect)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._ended.set()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if not isinstance(error, (KeyboardInterrupt, SystemExit)):
            self.raise_received()

    def raise_received(self) -> None:
        """Raise the first signal, if there is a signal.

        Raises:
            KeyboardInterrupt: Ctrl-C was received.
            SystemExit: SIGTERM was received. The exit code is 143.
        """
        if self.received:
            number = self.received[0]
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def _collect(self, number: int, frame: Any) -> None:
        self.received.append(number)
        for other, handler in self._handlers.items():
            # Python calls its handlers only after TensorFlow has returned; the system does not
            # wait. What a killed training has written is whole, so the command can end so.
            ends = handler is signal.default_int_handler and interrupts.command_runs
            signal.signal(other, signal.SIG_DFL if ends else handler)
        if interrupts.command_runs and os.isatty(2):
            with contextlib.suppress(OSError):
                os.write(2, _SHOW_CURSOR)  # which the table of the progress has hidden
        if self.at_once and interrupts.command_runs:
            self.raise_received()
        # The signal may have come while this thread prints, so another thread prints the note.
        _thread.start_new_thread(self._tell, ())

    def _tell(self) -> None:
        if self.say and not self._ended.wait(SECONDS_IN_SILENCE):
            self.say(STOPPING)


@contextlib.contextmanager
def sharing_signals(signals: CollectedSignals) -> Iterator[None]:
    """Let signals end the work of this thread: each block that collects signals shares these.

    Args:
        signals: The signals, which another thread may fill: that of a worker's connection, whose
            work may run in a thread that gets no Ctrl-C.

    Example:
        >>> signals = CollectedSignals()
        >>> signals.received.append(2)
        >>> with sharing_signals(signals):
        ...     raise_shared()
        Traceback (most recent call last):
        KeyboardInterrupt
    """
    before = getattr(_shared, "signals", None)
    _shared.signals = signals
    try:
        yield
    finally:
        _shared.signals = before


def raise_shared() -> None:
    """Raise the first signal that this thread shares, if there is a signal; elsewhere do nothing.

    Long work without a `CollectedSignals` of its own calls this where it may end.

    Raises:
        KeyboardInterrupt: Ctrl-C was received.
        SystemExit: SIGTERM was received.
    """
    if shared := getattr(_shared, "signals", None):
        shared.raise_received()
