"""The Telemetry API and the Logs API: what an environment logs, for extensions that have subscribed to it.

Developer Guide, "Accessing real-time telemetry data for extensions using the Telemetry API". Batches go to a server
that the extension runs in the environment, over HTTP (a JSON array) or TCP (a document a line). A batch that its server
does not take is offered again twice, and then dropped, which is told.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from .logs import stamp

PATHS = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}
TYPES = {"platform", "function", "extension"}
LIMITS = {"maxItems": (1000, 10_000), "maxBytes": (262_144, 1_048_576), "timeoutMs": (25, 30_000)}
DEFAULTS = {"maxItems": 10_000, "maxBytes": 262_144, "timeoutMs": 1000}
HOSTS = {"sandbox", "sandbox.localdomain", "localhost", "127.0.0.1"}
"""Names of the environment itself, to which alone telemetry is sent."""
TRIES = (0.0, 0.1, 0.5)
SECONDS = 2.0


class Invalid(Exception):
    """A subscription that cannot be."""


class Subscription:
    """What one extension is told, where, and in which portions."""

    def __init__(self, kind: str, name: str, types: set[str], buffering: dict[str, int], port: int, path: str) -> None:
        self.kind = kind
        self.name = name
        self.types = types
        self.buffering = buffering
        self.port = port
        self.path = path
        """Of the HTTP server; empty for TCP."""
        self._events: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    def of(cls, kind: str, name: str, body: bytes) -> Subscription:
        """The subscription that a request asks for."""
        try:
            given = json.loads(body)
            types, destination = set(given["types"]), given["destination"]
            protocol = destination["protocol"]
            buffering = DEFAULTS | given.get("buffering", {})
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(f"The request is not as it should be: {error}") from None
        if not types or not types <= TYPES:
            raise Invalid(f"types must be of {', '.join(sorted(TYPES))}")
        for member, (least, most) in LIMITS.items():
            value = buffering[member]
            if not isinstance(value, int) or not least <= value <= most:
                raise Invalid(f"buffering.{member} must be between {least} and {most}")
        return cls(kind, name, types, buffering, *place(protocol, destination))

    # What there is to tell

    def take(self, kind: str, at: float, record: Any) -> None:
        """An event; extensions do not get what they have not asked for."""
        if kind.partition(".")[0] not in self.types:
            return
        if self.kind == "Logs" and kind == "platform.runtimeDone":
            self._add(at, "platform.end", {"requestId": record["requestId"]})
        self._add(at, kind, record)

    def _add(self, at: float, kind: str, record: Any) -> None:
        event = json.dumps({"time": stamp(at), "type": kind, "record": record}).encode()
        self._events.append(event)
        self._bytes += len(event) + 1
        if len(self._events) >= self.buffering["maxItems"] or self._bytes >= self.buffering["maxBytes"]:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.buffering["timeoutMs"] / 1000, self.flush)

    def flush(self) -> None:
        """Send what there is; one batch after the other."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._events and (self._sending is None or self._sending.done()):
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._events:
            events, self._events, size, self._bytes = self._events, [], self._bytes, 0
            for pause in TRIES:
                await asyncio.sleep(pause)
                try:
                    await asyncio.wait_for(self._post(events) if self.path else self._write(events), SECONDS)
                except (OSError, EOFError, TimeoutError, ValueError):
                    continue
                break
            else:
                if "platform" in self.types:
                    dropped = {"droppedRecords": len(events), "droppedBytes": size, "reason": "Consumer unavailable"}
                    self._add(time.time(), "platform.logsDropped", dropped)
                return

    async def _post(self, events: list[bytes]) -> None:
        body = b"[" + b",".join(events) + b"]"
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: sandbox.localdomain:{self.port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            status = (await reader.readline()).split()
            if len(status) < 2 or not status[1].startswith(b"2"):
                raise ValueError(f"answered {status}")
        finally:
            writer.close()

    async def _write(self, events: list[bytes]) -> None:
        if self._writer is None:
            self._writer = (await asyncio.open_connection("127.0.0.1", self.port))[1]
        try:
            self._writer.write(b"".join(event + b"\n" for event in events))
            await self._writer.drain()
        except OSError:
            self._writer.close()
            self._writer = None
            raise

    def close(self) -> None:
        for ending in (self._timer, self._sending):
            if ending:
                ending.cancel()
        if self._writer:
            self._writer.close()


def place(protocol: str, destination: dict[str, Any]) -> tuple[int, str]:
    """The port, and for HTTP the path, that events go to."""
    if protocol == "TCP":
        port = destination.get("port")
        if not isinstance(port, int) or not 0 < port < 65536:
            raise Invalid("destination.port must be a port")
        return port, ""
    if protocol != "HTTP":
        raise Invalid("destination.protocol must be HTTP or TCP")
    where = urlsplit(str(destination.get("URI", "")))
    if where.scheme != "http" or where.hostname not in HOSTS:
        raise Invalid("destination.URI must be of http://sandbox.localdomain")
    return where.port or 80, where.path or "/"
