"""Connections to HTTP servers that are kept between requests, and never reach an address inside."""

import select
import ssl
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from threading import Lock

from assets.channels.hosts import Resolver, is_loopback, is_public

Origin = tuple[str, str, int | None]
"""Scheme, host, port."""


class KeptConnections:
    """A few open connections, each used by one thread at a time.

    Args:
        timeout_s: For connecting, and for each write and read.
        count: Kept at most.
        resolve: What names stand for.
    """

    def __init__(self, timeout_s: float, count: int, resolve: Resolver) -> None:
        self._timeout_s, self._count, self._resolve = timeout_s, count, resolve
        self._idle: list[tuple[Origin, HTTPConnection]] = []
        self._checked: set[str] = set()
        self._lock = Lock()

    def take(self, origin: Origin) -> HTTPConnection:
        """A connection that is open: a kept one that the server hasn't closed meanwhile, or a new one.

        Raises:
            OSError: There's no connection to be had. Nothing was sent.
        """
        while (kept := self._kept(origin)) is not None:
            if _is_open(kept):
                return kept
            kept.close()
        scheme, host, port = origin
        self._check(host)
        made = (
            HTTPSConnection(host, port, timeout=self._timeout_s, context=_trust())
            if scheme == "https"
            else HTTPConnection(host, port, timeout=self._timeout_s)
        )
        made.connect()
        return made

    def give_back(self, origin: Origin, connection: HTTPConnection) -> None:
        """Keep a connection whose answer was read to its end; where it can't be used again, close it."""
        with self._lock:
            if connection.sock is not None and _is_open(connection):
                self._idle.append((origin, connection))
            surplus = self._idle[: -self._count]
            del self._idle[: -self._count]
        for _, old in surplus:
            old.close()

    def _kept(self, origin: Origin) -> HTTPConnection | None:
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place][0] == origin:
                    return self._idle.pop(place)[1]
        return None

    def _check(self, host: str) -> None:
        """What a provider's name resolves to is no secret door to something inside."""
        if host in self._checked or is_loopback(host):
            return
        addresses = self._resolve(host)
        if not addresses or not all(map(is_public, addresses)):
            raise ConnectionRefusedError("the name stands for an address that isn't public")
        self._checked.add(host)


def _is_open(connection: HTTPConnection) -> bool:
    """Whether a connection at rest is silent: anything to read is the server's farewell, or an answer to nothing."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


@cache
def _trust() -> ssl.SSLContext:
    """Certificates are read once: that takes longer than a request."""
    return ssl.create_default_context()
