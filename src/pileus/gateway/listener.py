"""A listening socket that tells TLS, HTTP/2 and HTTP/1 apart by a connection's first bytes.

The bytes are looked at, not taken (MSG_PEEK), so that the protocol chosen reads them itself, at no cost afterwards.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from math import inf

from .exchange import log

BACKLOG = 4096
AT_ONCE = 64
"""Connections accepted before other work gets its turn."""
REST_SECONDS = 0.5
"""Pause after the process ran out of file descriptors."""

TLS_HANDSHAKE = b"\x16"
"""The record type that every TLS connection begins with (RFC 8446, 5.1)."""
PREFACE = b"PRI"
"""No HTTP/1 method begins like the preface of HTTP/2 (RFC 9113, 3.4)."""


class Listener:
    """One bound socket. `greet` is handed each connection with its first bytes, once there are any."""

    def __init__(self, bound: socket.socket, greet: Callable[[socket.socket, bytes], None], patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = bound
        self._greet = greet
        self._patience = patience
        self._silent: dict[socket.socket, float] = {}
        """Connections that have not sent a byte, and until when they may take their time."""
        self._loop.add_reader(bound, self._accept)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def silent(self) -> int:
        return len(self._silent)

    def sweep(self, now: float) -> None:
        """Drop those who connected and never spoke."""
        for connection in [connection for connection, expires in self._silent.items() if expires <= now]:
            self._forget(connection)
            connection.close()

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self.sweep(inf)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                self._rest(error)
                return
            connection.setblocking(False)
            if not self._peek(connection):
                self._await_word(connection)

    def _rest(self, error: OSError) -> None:
        log.error("cannot accept connections: %s", error)
        self._loop.remove_reader(self._socket)
        self._loop.call_later(REST_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    def _peek(self, connection: socket.socket) -> bool:
        """Whether the connection's fate is decided."""
        try:
            first = connection.recv(len(PREFACE), socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            first = b""
        if first:
            self._greet(connection, first)
        else:
            connection.close()
        return True

    def _spoken(self, connection: socket.socket) -> None:
        self._forget(connection)
        if not self._peek(connection):
            self._await_word(connection)

    def _await_word(self, connection: socket.socket) -> None:
        self._silent[connection] = self._loop.time() + self._patience
        self._loop.add_reader(connection, self._spoken, connection)

    def _forget(self, connection: socket.socket) -> None:
        del self._silent[connection]
        self._loop.remove_reader(connection)


async def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of the host, all on one port; OSError as it comes if one is taken."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            bound.append(_listening(family, (address[0], port, *address[2:])))
        except OSError as error:
            missing = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # a machine without IPv6 is no error
                break
        else:
            port = bound[0].getsockname()[1]
    else:
        if bound:
            return bound
    for listening in bound:
        listening.close()
    raise missing or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening
