"""Servers that are asked by HTTPS and waited for: one short question, one short answer, over connections that are kept.

For what is so much a part of a computation that nothing goes on without it, such as a key that somebody else has.
`pileus.kernel.web` is for everything else.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

KEPT = 8
"""Idle connections that are kept to one server."""
MOST_BYTES = 1024 * 1024
GRUDGE, SHORT = 10.0, 0.25
"""How many seconds it is remembered that a server was late, and how long it is waited for until then."""
LOCAL = re.compile(r"port-(\d{1,5})\.localhost")


class Unreachable(Exception):
    """There is nobody at the address."""


class Late(Exception):
    """There was no answer in time."""


class Untrusted(Exception):
    """The server speaks no TLS, or is not who it should be."""


class Garbled(Exception):
    """The answer is not HTTP."""


class Https:
    """An engine of the cloud. It trusts whom the machine trusts (`SSL_CERT_FILE`), and the cloud's own authority."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._idle: dict[str, list[http.client.HTTPConnection]] = {}
        self._late: dict[str, float] = {}
        """When servers were last late, by the machine's own clock."""
        self._lock = threading.Lock()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._cloud.authority:
            context.load_verify_locations(cadata=self._cloud.authority())
        return context

    def post(
        self, name: str, path: str, headers: Mapping[str, str], body: bytes, *, seconds: float
    ) -> tuple[int, bytes]:
        """Status and body of what a server answers. One that was late a moment ago is not waited for as long again."""
        if self._late.get(name, -GRUDGE) + GRUDGE > time.monotonic():
            seconds = min(seconds, SHORT)
        try:
            return self._post(name, path, headers, body, seconds)
        except Late:
            self._late[name] = time.monotonic()
            raise

    def _post(self, name: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> tuple[int, bytes]:
        while True:
            kept = self._take(name)
            connection = kept or self._connect(name, seconds)
            connection.sock.settimeout(seconds)
            try:
                connection.request("POST", path, body, dict(headers))
                answer = connection.getresponse()
                status, found = answer.status, answer.read(MOST_BYTES)
            except TimeoutError:
                connection.close()
                raise Late(f"{name} did not answer in {seconds:g} seconds") from None
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept is not None and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                    continue  # it had been closed while nobody used it
                if isinstance(error, OSError):
                    raise Unreachable(f"{name}: {error}") from None
                raise Garbled(f"{name}: {error}") from None
            if not answer.will_close and answer.isclosed():
                self._give_back(name, connection)
            else:
                connection.close()
            return status, found

    def _take(self, name: str) -> http.client.HTTPConnection | None:
        with self._lock:
            idle = self._idle.get(name)
            return idle.pop() if idle else None

    def _give_back(self, name: str, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(name, [])
            if len(idle) < KEPT:
                idle.append(connection)
                return
        connection.close()

    def _connect(self, name: str, seconds: float) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(name, timeout=seconds)
        plain: socket.socket | None = None
        try:
            plain = socket.create_connection(address(name), timeout=seconds)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sock = self._trust.wrap_socket(plain, server_hostname=name)
        except (ssl.SSLError, TimeoutError, OSError) as error:
            if plain is not None:
                plain.close()
            if isinstance(error, ssl.SSLError):
                raise Untrusted(f"{name}: {error}") from None
            if isinstance(error, TimeoutError):
                raise Late(f"{name} did not answer in {seconds:g} seconds") from None
            raise Unreachable(f"{name}: {error}") from None
        return connection

    async def close(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()


def address(name: str) -> tuple[str, int]:
    """Where a name's server listens: at its port 443; `port-9443.localhost` is port 9443 of this machine."""
    if found := LOCAL.fullmatch(name.lower()):
        return "127.0.0.1", int(found[1])
    return name, 443
