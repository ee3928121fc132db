"""Fetch what strangers have put at addresses that strangers wrote down.

Asked for are http and https only, and public addresses only, also after redirects; an answer may
take so many bytes and so much time. There are no cookies, passwords or proxies.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_SECONDS = 60
"""For an address, from the first to the last byte."""
MOST_REDIRECTS = 5
TIMEOUT = urllib3.Timeout(connect=10, read=20)

_this_thread = threading.local()


class Fault(Exception):
    """Why an address gives nothing."""


def get(url: str, most: int) -> bytes:
    """Fetch what is at an address.

    Args:
        url: the address.
        most: how many bytes it may have.

    Returns:
        The bytes.

    Raises:
        Fault: it is not to be had, or not to be asked for.
        Exception: what urllib3 and others say to strange addresses and answers.

    Example:
        >>> try:
        ...     get("file:///etc/hosts", 100)
        ... except Fault as fault:
        ...     print(fault)
        expected an address with http or https
    """
    with urllib3.PoolManager(ca_certs=DEFAULT_CA_BUNDLE_PATH) as connections, _limited():
        connections.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        for _ in range(1 + MOST_REDIRECTS):
            if urlsplit(url).scheme.lower() not in ("http", "https"):
                raise Fault("expected an address with http or https")
            # Not by requests, which reads all that comes with a redirect, and unpacks it.
            answer = connections.request(
                "GET",
                url,
                headers={"Accept-Encoding": "identity", "User-Agent": "Zoo"},
                timeout=TIMEOUT,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            if not _this_thread.sockets:
                raise RuntimeError("this urllib3 connects in another way, without the checks here")
            with contextlib.closing(answer):
                if target := answer.get_redirect_location():
                    url = urljoin(url, target)
                    continue
                if answer.status != 200:
                    raise Fault(f"HTTP {answer.status} {answer.reason}")
                content = answer.read(most + 1, decode_content=False)
                if len(content) > most:
                    raise Fault(f"more than {most:,} bytes")
                if answer.length_remaining:
                    raise Fault("it broke off")
                return content
    raise Fault(f"more than {MOST_REDIRECTS} redirects")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet.

    Example:
        >>> [is_public(address) for address in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "fe80::1")]
        [True, False, False, False]
    """
    return ipaddress.ip_address(address).is_global


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Cut this thread's connections after a while.

    The time-outs of sockets start anew with each byte; a server may send one now and then.
    """
    sockets = _this_thread.sockets = []
    _this_thread.end = time.monotonic() + MOST_SECONDS

    def cut() -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(MOST_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for one in sockets:
            one.close()


class _Guarded(HTTPConnection):
    """A connection to a public address, and to what its name means now, not a moment ago."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        # A second handle, since the first one changes hands, with TLS and with the answer.
        _this_thread.sockets.append(connected.dup())
        late = time.monotonic() > _this_thread.end
        if late or not is_public(connected.getpeername()[0]):
            connected.close()
            raise Fault("too slow" if late else "not a public address")
        return connected


class _GuardedTLS(_Guarded, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS
