"""Fetching what strangers have put at addresses that strangers wrote down.

Only http and https addresses of the public internet are asked, also after a redirect. An answer may
take a limited number of bytes and a limited time. There are no cookies, passwords or proxies.
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

from zoo.errors import DataError

MOST_SECONDS = 60  # the longest time that one address may take, from the first to the last byte
MOST_REDIRECTS = 5
TIMEOUT = urllib3.Timeout(connect=10, read=20)

_this_thread = threading.local()


def get(url: str, most: int) -> bytes:
    """Fetch the bytes at an address, at most `most` bytes.

    A DataError says in a few words why the address gives nothing, or must not be asked. urllib3 and
    others raise many other kinds of errors for strange addresses and answers.
    """
    with urllib3.PoolManager(ca_certs=DEFAULT_CA_BUNDLE_PATH) as connections, _limited_time():
        connections.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        for _ in range(1 + MOST_REDIRECTS):
            if urlsplit(url).scheme.lower() not in ("http", "https"):
                raise DataError("an address that is not http or https")
            # requests is not used here: it reads and unpacks everything that comes with a redirect.
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
                raise RuntimeError("this version of urllib3 connects without the checks below")
            with contextlib.closing(answer):
                if target := answer.get_redirect_location():
                    url = urljoin(url, target)
                    continue
                if answer.status != 200:
                    raise DataError(f"HTTP {answer.status} {answer.reason}")
                content = answer.read(most + 1, decode_content=False)
                if len(content) > most:
                    raise DataError(f"more than {most:,} bytes")
                if answer.length_remaining:
                    raise DataError("an answer that broke off")
                return content
    raise DataError(f"more than {MOST_REDIRECTS} redirects")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    return ipaddress.ip_address(address).is_global


@contextlib.contextmanager
def _limited_time() -> Iterator[None]:
    """Shut this thread's connections down after MOST_SECONDS.

    The time-outs of sockets start anew with each byte, and a server may send a byte now and then.
    """
    sockets = _this_thread.sockets = []
    _this_thread.end = time.monotonic() + MOST_SECONDS

    def shut_down() -> None:
        for connected in sockets:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(MOST_SECONDS, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for connected in sockets:
            connected.close()


class _Guarded(HTTPConnection):
    """A connection to a public address.

    The address is that of the connected socket: a name may mean another address than a moment ago.
    """

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        # The duplicate stays valid when TLS or the answer takes the first handle over.
        _this_thread.sockets.append(connected.dup())
        late = time.monotonic() > _this_thread.end
        if late or not is_public(connected.getpeername()[0]):
            connected.close()
            raise DataError("too slow" if late else "not a public address")
        return connected


class _GuardedTLS(_Guarded, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS
