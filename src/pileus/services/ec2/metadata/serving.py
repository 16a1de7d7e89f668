"""Sockets of the metadata service, one in each network that has instances. Who asks is known by where it asks from."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pileus.kernel import Call

from . import about
from .answers import REASONS, Answer, answer, refused

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.metadata")

ADDRESSES = ("169.254.169.254", "fd00:ec2::254")
PORT = 80
LONGEST_HEAD = 16 * 1024
PATIENCE = 10.0
"""Seconds that a request may take to arrive."""

Answering = Callable[[str, str, str, dict[str, str]], tuple[Answer, int]]
"""The answer to whoever asks from an address: method, path and headers; and how many hops it may go."""


class MetadataServers:
    """The sockets of a cloud, by the names of their networks (`cloud.engine(MetadataServers)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._servers: dict[str, list[asyncio.Server]] = {}

    def serves(self, network: str) -> bool:
        return network in self._servers

    async def serve(self, network: str, listeners: list[socket.socket], answering: Answering) -> None:
        """Answer at sockets that listen in a network."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await asyncio.wait_for(converse(reader, writer, answering), PATIENCE)
            except (TimeoutError, ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass  # who does not ask is not answered
            finally:
                writer.close()

        if network in self._servers:
            for listener in listeners:
                listener.close()
            return
        servers = self._servers[network] = []
        servers += [await asyncio.start_server(connected, sock=one, limit=LONGEST_HEAD) for one in listeners]

    def leave(self, network: str) -> None:
        for server in self._servers.pop(network, ()):
            server.close()

    async def close(self) -> None:
        for network in list(self._servers):
            self.leave(network)


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: Answering) -> None:
    """One request and its answer; the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }
    address = writer.get_extra_info("peername")[0]
    try:
        told, hops = answering(address, method, path, headers)
    except LookupError:
        told, hops = refused(404), 1
    limit(writer.get_extra_info("socket"), hops)
    writer.write(written(told, method))
    await writer.drain()


def limit(connection: socket.socket, hops: int) -> None:
    """Let the answer go no further than so many hops."""
    with contextlib.suppress(OSError):
        if connection.family == socket.AF_INET6:
            connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        else:
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)


def written(told: Answer, method: str) -> bytes:
    from email.utils import formatdate  # few calls start a machine

    fields = {
        "Date": formatdate(usegmt=True),
        "Server": "EC2ws",
        "Content-Length": str(len(told.body)),
        "Connection": "close",
        **told.fields,
    }
    reason = REASONS.get(told.status, "OK")
    head = f"HTTP/1.1 {told.status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n".encode("latin-1") + (b"" if method == "HEAD" else told.body)


async def serve(call: Call, vpc_id: str) -> None:
    """See to it that the metadata service answers in a VPC, whose network there must be already."""
    from pileus.engines.network import Networks

    servers = call.cloud.engine(MetadataServers)
    if servers.serves(vpc_id):
        return
    networks = call.cloud.engine(Networks)
    listeners = [await networks.socket(vpc_id, (address, PORT)) for address in ADDRESSES]
    await servers.serve(vpc_id, listeners, answering(call, vpc_id))


def answering(call: Call, vpc_id: str) -> Answering:
    """How those in a VPC are answered."""

    def found(address: str, method: str, path: str, headers: dict[str, str]) -> tuple[Answer, int]:
        now = call.cloud.call("ec2", account=call.account, region=call.region, endpoint=call.endpoint)
        with now.transaction():
            one = about.asking(now, vpc_id, address)
            if one is None:
                raise LookupError(f"nobody is at {address}")
            subject = about.subject_of(now, one)
            if ":" in address and subject.options["HttpProtocolIpv6"] != "enabled":
                raise LookupError("the instance asks by IPv4 only")
            return answer(now, subject, method, path, headers), subject.options["HttpPutResponseHopLimit"]

    return found
