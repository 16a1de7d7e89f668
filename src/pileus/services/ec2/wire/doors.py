"""Where the cloud's own API answers those inside VPCs: at addresses of the internet, and at interface endpoints.

S3 and DynamoDB have addresses of their own on the internet, those of their prefix lists, so that routes to gateway
endpoints can tell them apart. Everything else is behind one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pileus.engines.network import INTERNET, Networks
from pileus.kernel import Call
from pileus.services.ec2.network import public_ranges

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

PORTS = (80, 443)
ANYWHERE = "0.0.0.0"


class Doors:
    """The sockets of a cloud, by the hosts and networks that they are in (`cloud.engine(Doors)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._open: dict[str, list[Callable[[], None]]] = {}
        self._opening = asyncio.Lock()

    async def open(self, where: str) -> None:
        """Let the API answer there."""
        if self._cloud.listen is None:
            return
        async with self._opening:
            if where not in self._open:
                networks = self._cloud.engine(Networks)
                bound = [await networks.socket(where, (ANYWHERE, port)) for port in PORTS]
                self._open[where] = [self._cloud.listen(one) for one in bound]

    def shut(self, where: str) -> None:
        for close in self._open.pop(where, ()):
            close()

    def keep(self, prefix: str, wanted: set[str]) -> None:
        """Shut those whose names begin so, but are not wanted any more."""
        for where in [one for one in self._open if one.startswith(prefix) and one not in wanted]:
            self.shut(where)

    async def close(self) -> None:
        for where in list(self._open):
            self.shut(where)


async def opened(call: Call) -> None:
    """See to it that the API answers on the internet."""
    await call.cloud.engine(Doors).open(INTERNET)


def address(call: Call, labels: list[str]) -> str:
    """At which public address of the cloud a host name of AWS's is, by the labels before its suffix."""
    share = public_ranges.pool(call)
    for service, place in public_ranges.SERVICES.items():
        if any(label == service or label.startswith(f"{service}-fips") for label in labels):
            return str(share[place])
    return call.cloud.engine(Networks).api
