"""The port that syslog messages come to, by TCP and by UDP: `pileus up --listen logs/syslog=514`.

RFC 5424 and the older RFC 3164; on a stream each message stands after its length, or ends with its line (RFC 6587).
Nobody signs them, so they belong to the default account and Region.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import defaultdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from pileus.kernel import Call
from pileus.kernel.cloud import Cloud

from . import logs
from .groups import Group
from .parts import DAY, Stream
from .putting import NEWEST, OLDEST, put_log_events
from .streams import create_log_stream
from .syslog import SyslogConfiguration

log = logging.getLogger("pileus.logs")

LONGEST = 256 * 1024
MODERN = re.compile(r"<\d{1,3}>\d{1,2} (?P<at>\S+) (?P<host>\S+) ")
OLDER = re.compile(r"<\d{1,3}>(?P<at>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) ")
COUNTED = re.compile(rb"(\d{1,7}) <")
UNKNOWN = "unknown"


class Message(NamedTuple):
    at: int
    """In milliseconds."""
    host: str
    text: str


def parsed(text: str, now: float) -> Message:
    """A message, at its own time if that can be, in the stream of its host."""
    instant = round(now * 1000)
    match = MODERN.match(text) or OLDER.match(text)
    if match is None:
        return Message(instant, UNKNOWN, text)
    with contextlib.suppress(ValueError):
        own = round(time_of(match["at"], now).timestamp() * 1000)
        instant = own if instant - OLDEST < own < instant + NEWEST else instant
    host = re.sub(r"[:*]", "_", match["host"])
    return Message(instant, host if host != "-" else UNKNOWN, text)


def time_of(text: str, now: float) -> datetime:
    if "T" in text:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    present = datetime.fromtimestamp(now, UTC)
    found = datetime.strptime(f"{present.year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    return found.replace(year=present.year - 1) if (found - present).days > 31 else found


def keep(cloud: Cloud, texts: list[str]) -> None:
    """Put messages into every group that takes some."""
    call = cloud.call("logs", "PutLogEvents")
    streams: dict[str, list[Message]] = defaultdict(list)
    for text in texts:
        message = parsed(text, call.now)
        streams[message.host].append(message)
    with cloud.store.attempt():
        for name in sorted({one.group for one in SyslogConfiguration.scan(call)}):
            if group := Group.get(call, name):
                for host, messages in streams.items():
                    put(call, group, host, sorted(messages))


def put(call: Call, group: Group, host: str, messages: list[Message]) -> None:
    if Stream.get(call, group.id, host) is None:
        create_log_stream(call, group, host)
    for _, day in groupby(messages, lambda one: one.at // DAY):  # a batch cannot span more than one
        put_log_events(call, group, host, [{"timestamp": one.at, "message": one.text} for one in day])


def framed(data: bytearray) -> list[str]:
    """Take the whole messages from what has come."""
    found: list[str] = []
    while data:
        if counted := COUNTED.match(data):
            start = counted.end() - 1
            end = start + int(counted[1])
            if len(data) < end:
                break
            message, rest = bytes(data[start:end]), end
        else:
            line, newline, _ = data.partition(b"\n")
            if not newline and len(data) < LONGEST:
                break
            message, rest = bytes(line[:LONGEST]), min(len(line) + len(newline), max(LONGEST, len(line) + 1))
        del data[:rest]
        if text := message.decode(errors="replace").strip("\r\n\0"):
            found.append(text)
    return found


class Session(asyncio.Protocol):
    """A connection."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._data = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._port.sessions.add(transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._port.take(framed(self._data))

    def connection_lost(self, error: Exception | None) -> None:
        self._port.sessions.discard(self._transport)
        self._data += b"\n"  # the last line may lack its end
        self._port.take(framed(self._data))


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, port: Port) -> None:
        self._port = port

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._port.take([data.decode(errors="replace").rstrip("\r\n\0")])


class Port:
    """The port, by both."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.sessions: set[Any] = set()
        self.server: asyncio.Server | None = None
        self.datagrams: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        assert self.server
        return int(self.server.sockets[0].getsockname()[1])

    def take(self, texts: list[str]) -> None:
        if texts:
            try:
                keep(self._cloud, texts)
            except Exception:
                log.exception("syslog messages could not be kept")

    async def close(self) -> None:
        if self.datagrams:
            self.datagrams.close()
        for session in list(self.sessions):
            session.close()
        if self.server:
            self.server.close()


@logs.listener(name="syslog")
async def listen(cloud: Cloud, host: str, port: int) -> Port:
    """Listen on a port of TCP and the same of UDP."""
    found, loop = Port(cloud), asyncio.get_running_loop()
    found.server = await loop.create_server(lambda: Session(found), host, port)
    found.datagrams, _ = await loop.create_datagram_endpoint(lambda: Datagrams(found), local_addr=(host, found.port))
    return found
