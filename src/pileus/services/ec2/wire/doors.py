"""Where the cloud's own API answers those inside VPCs: at addresses of the internet, and at interface endpoints.

S3 and DynamoDB have addresses of their own on the internet, those of their prefix lists, so that routes to gateway
endpoints can tell them apart. Everything else is behind one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pileus.engines.network import INTERNET, Network, Networks
from pileus.kernel import Call
from pileus.kernel.call import Passage
from pileus.services.ec2.connectivity.endpoints import VpcEndpoint
from pileus.services.ec2.network import public_ranges

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

PORTS = (80, 443)
ANYWHERE = "0.0.0.0"
NOTHING = '{"Version":"2012-10-17","Statement":[]}'
"""A policy that lets nothing through."""


class Doors:
    """The sockets of a cloud, by the hosts and networks that they are in (`cloud.engine(Doors)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._open: dict[str, list[Callable[[], None]]] = {}
        self._of: dict[str, set[str]] = {}
        """The hosts of endpoints, by VPC."""
        self._opening = asyncio.Lock()

    async def open(self, where: str, passage: Callable[[], Passage | None] = lambda: None) -> None:
        """Let the API answer there, to calls that have come by a passage."""
        if self._cloud.listen is None:
            return
        async with self._opening:
            if where not in self._open:
                networks = self._cloud.engine(Networks)
                bound = [await networks.socket(where, (ANYWHERE, port)) for port in PORTS]
                self._open[where] = [self._cloud.listen(one, passage) for one in bound]

    def shut(self, where: str) -> None:
        for close in self._open.pop(where, ()):
            close()

    def keep(self, vpc_id: str, wanted: set[str]) -> None:
        """Shut those of a VPC that are not wanted any more."""
        for where in self._of.get(vpc_id, set()) - wanted:
            self.shut(where)
        self._of[vpc_id] = wanted

    async def close(self) -> None:
        for where in list(self._open):
            self.shut(where)


async def opened(call: Call) -> None:
    """See to it that the API answers on the internet."""
    await call.cloud.engine(Doors).open(INTERNET)


async def at_endpoints(call: Call, vpc_id: str, network: Network) -> None:
    """See to it that the API answers at the endpoints of a VPC, as far as its network has them, and at no other."""
    wired = {port.host for port in network.ports}
    there = [one for one in VpcEndpoint.scan(call, vpc_id, index="of_vpc") if one.usable and not one.service_id]
    hosts = {host: one for one in there for host in hosts_of(one) if host in wired}
    call.cloud.engine(Doors).keep(vpc_id, {*hosts})
    for host, one in hosts.items():
        await call.cloud.engine(Doors).open(host, passage(call, one))


def hosts_of(one: VpcEndpoint) -> list[str]:
    """Where an endpoint is: at its interfaces, or for a gateway endpoint behind the routes that lead to it."""
    return [one.vpc_endpoint_id] if one.prefix_list_id else [*one.interfaces.values()]


def passage(call: Call, one: VpcEndpoint) -> Callable[[], Passage | None]:
    """By what calls come that come to an endpoint."""
    account, region, endpoint_id, cloud = call.account, call.region, one.vpc_endpoint_id, call.cloud

    def present() -> Passage:
        now = VpcEndpoint.get(cloud.call("ec2", account=account, region=region), endpoint_id)
        return Passage(endpoint_id, now.vpc_id, now.policy) if now else Passage(endpoint_id, "", NOTHING)

    return present


def address(call: Call, labels: list[str]) -> str:
    """At which public address of the cloud a host name of AWS's is, by the labels before its suffix."""
    share = public_ranges.pool(call)
    for service, place in public_ranges.SERVICES.items():
        if any(label == service or label.startswith(f"{service}-fips") for label in labels):
            return str(share[place])
    return call.cloud.engine(Networks).api
