"""TensorBoard's server, started on a folder, and ended with the command."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import ArgumentError, RunError
from zoo.starting.start_up_notes import LEVEL, SILENT

PATIENCE = 10
"""The seconds that the server gets to end by itself."""


def serve(folder: Path, port: int | None, tell: Callable[[str], None]) -> None:
    """Show the runs below a folder in TensorBoard, until Ctrl-C.

    Args:
        folder: The folder.
        port: The port of the server, 0 for any free port; None takes 6006, or the next free port.
        tell: Gets the address, once the server answers.

    Raises:
        ArgumentError: The port is in use.
        RunError: TensorBoard ends by itself.
    """
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    command += [] if port is None else ["--port", str(port)]
    environment = {**os.environ, LEVEL: os.environ.get(LEVEL, SILENT)}
    before = signal.signal(signal.SIGTERM, _end)
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    with server:
        try:
            _watch(server, port, tell)
        except KeyboardInterrupt:
            pass  # the way to end the server
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
            signal.signal(signal.SIGTERM, before)


def _watch(server: Any, port: int | None, tell: Callable[[str], None]) -> None:
    """Read what the server writes, until the server ends."""
    lines, address = [""], None
    for line in server.stderr:
        if address is None and (address := re.search(r"TensorBoard \S+ at (http\S+)", line)):
            tell(address[1])
        if words := line.strip():
            lines = [*lines, words][-20:]
    if server.wait() and address is None and any("already in use" in line for line in lines):
        free = "Leave --port out for a free port, or end the other program."
        wanted = f"{port}" if port else "6006 to 6015"
        raise ArgumentError(f"--port must be a free port. Received: {wanted}, in use. {free}")
    raise RunError(
        "TensorBoard must go on until Ctrl-C. Received: it ended with the exit code "
        f"{server.returncode} ({lines[-1]}). Start `python -m tensorboard.main --logdir FOLDER` to "
        "see all messages."
    )


def _end(number: int, frame: Any) -> None:
    """End the command as Ctrl-C does."""
    raise KeyboardInterrupt
