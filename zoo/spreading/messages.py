"""Messages between a worker and the process that spreads: JSON values and bytes, no pickles."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from multiprocessing.connection import Client, Connection
from typing import Any, NamedTuple


class Message(NamedTuple):
    """A message.

    Attributes:
        kind: What the message is about, a word.
        values: JSON values.
        payloads: Bytes, such as packed arrays.
    """

    kind: str
    values: Any
    payloads: tuple[bytes, ...]


class Link:
    """One end of a connection. Several threads may send by it.

    Args:
        connection: The connection.

    Attributes:
        bytes_sent: The number of bytes that were sent.
        bytes_received: The number of bytes that were received.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.bytes_sent = self.bytes_received = 0

    @classmethod
    def to(cls, address: tuple[str, int], key: bytes) -> Link:
        """Connect to the process that spreads.

        Args:
            address: Its host and port.
            key: The secret that both ends know.
        """
        return cls(Client(address, authkey=key))

    def send(self, kind: str, values: Any = None, *payloads: bytes) -> None:
        """Send a message.

        Args:
            kind: What the message is about.
            values: JSON values.
            *payloads: Bytes that follow the values.

        Raises:
            OSError: The connection has ended.
        """
        head = json.dumps([kind, values, len(payloads)]).encode()
        with self._lock:
            for part in (head, *payloads):
                self._connection.send_bytes(part)
                self.bytes_sent += len(part)

    def receive(self) -> Message:
        """Wait for the next message.

        Raises:
            EOFError: The other end has closed the connection.
        """
        head = self._connection.recv_bytes()
        kind, values, count = json.loads(head)
        payloads = tuple(self._connection.recv_bytes() for _ in range(count))
        self.bytes_received += len(head) + sum(map(len, payloads))
        return Message(kind, values, payloads)

    def end(self) -> None:
        """End the connection for both sides. A thread that waits for a message gets an `EOFError`.

        The thread that receives calls `close` afterwards. No other thread may, since the next
        connection gets the number of the closed file, and the thread would read from that.
        """
        with (
            self._lock,
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self._connection.fileno())) as copy,
        ):
            copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, from the thread that receives, or after that thread has ended."""
        with self._lock:
            self._connection.close()
