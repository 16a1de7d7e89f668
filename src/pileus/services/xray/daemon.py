"""The daemon's UDP port: `pileus up --listen xray=2000` takes what SDKs send to 127.0.0.1:2000.

A datagram is a line that says its format, and behind it a segment document (Developer Guide, "Sending segment documents
to the X-Ray daemon"). Nobody signs it, so it belongs to the default account and Region.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from pileus.kernel.cloud import Cloud

from . import xray
from .segments import Refused, keep

log = logging.getLogger("pileus.xray")


class Daemon(asyncio.DatagramProtocol):
    """Keeps each segment that comes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        assert self._transport
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        header, _, document = data.partition(b"\n")
        try:
            known = json.loads(header) == {"format": "json", "version": 1}
        except ValueError:
            known = False
        if not known or not document:
            log.warning("a datagram that is no segment came from %s", address)
            return
        try:
            with self._cloud.store.attempt():
                keep(self._cloud.call("xray", "PutTraceSegments"), document.decode(errors="replace"))
        except Refused as why:
            log.warning("a segment from %s was refused: %s", address, why)

    async def close(self) -> None:
        if self._transport:
            self._transport.close()


@xray.listener
async def listen(cloud: Cloud, host: str, port: int) -> Daemon:
    """Listen on a UDP port."""
    daemon = Daemon(cloud)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: daemon, local_addr=(host, port))
    return daemon
