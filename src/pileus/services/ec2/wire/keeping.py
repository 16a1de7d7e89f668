"""Networks made to look like the records: after each change, and after each start of the cloud.

Each account has one keeper in each Region, from the first time that something is in one of its VPCs. It looks at what
has changed since it last looked, so a hundred changes at once are one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pileus.engines.network import Network, Networks
from pileus.kernel import Call
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import peering
from pileus.services.ec2.connectivity.transit_attachments import DIRECT, VPC, Attachment
from pileus.services.ec2.connectivity.vpn_record import VpnConnection
from pileus.services.ec2.instances import machines, states
from pileus.services.ec2.instances.instances import Instance
from pileus.services.ec2.metadata.serving import MetadataServers
from pileus.services.ec2.metadata.serving import serve as serve_metadata
from pileus.services.ec2.network import changes, interfaces, sharing
from pileus.services.ec2.network.changes import Wiring
from pileus.services.ec2.network.vpcs import Vpc

from . import client_vpn, doors, flow_delivery, hubs, lines, plans, tunnelling, vpns
from .resolving import NameServers

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.ec2")

PATIENCE = 10
"""Seconds that are waited for the wire."""
VPN, VGW, CONCENTRATOR, TGW, CLIENTS = "vpn-", "vgw-", "vcn-", "tgw-", "cvpn-endpoint-"
"""How the ids of what else has a network begin."""


def what(call: Call) -> tuple[str, str, str]:
    """What keepers wait for."""
    return "ec2.wiring", call.account, call.region


def possible(call: Call) -> bool:
    return call.cloud.folder is not None and not Networks.available()


@changes.hears
def changed(call: Call, vpc_id: str) -> None:
    """See to it that the change reaches the wire."""
    if possible(call):
        everybody = sharing.accounts(call, vpc_id)
        inhabited = any(interfaces.NetworkInterface.first(there, vpc_id, index="of_vpc") for there in everybody)
        if inhabited or (vpc_id.startswith((VPN, VGW, CONCENTRATOR, TGW, CLIENTS)) and network_of(call, vpc_id)):
            keep.begin(call)
        call.wake(what(call))


@states.follows
def moved(call: Call, one: Instance, state: str) -> None:
    """An instance's interfaces come and go with it."""
    for vpc_id in {interface.vpc_id for interface in interfaces.of_instance(call, one.instance_id)}:
        changes.changed(call, vpc_id)


@ec2.forget
def forgotten(call: Call) -> None:
    """The records of an account are no more."""
    call.wake(what(call))


@ec2.watch
async def keep(call: Call) -> None:
    """Keep the networks of an account's VPCs in a Region as the records say."""
    engine = machines.networks(call) if possible(call) else None
    if engine is None:
        await call.wait(what(call))
        return
    keeper = Keeper(call, engine)
    try:
        while True:
            if not await keeper.looked():
                await call.wait(what(call))
    finally:
        keeper.leave()


class Keeper:
    """What one account's networks in a Region are, as far as it has been seen to."""

    def __init__(self, call: Call, engine: Networks) -> None:
        self._call = call
        self._engine = engine
        self._seen: dict[str, int] = {}
        """The number of the change of each VPC that has been dealt with."""
        self._there: set[str] = set()
        """VPCs that have networks."""
        self._ending: asyncio.Future[None] | None = None

    async def looked(self) -> bool:
        """Deal with what has changed; whether anything had."""
        now = self._now()
        wirings = {one.vpc_id: one.number for one in Wiring.scan(now)}
        stale = {name for name, number in wirings.items() if self._seen.get(name) != number}
        gone = self._seen.keys() - wirings.keys()
        if not stale and not gone:
            return False
        with now.cloud.runner.working():
            wanted = planned(now, stale | gone)
            failed = await self._apply([one for one in wanted.values() if one])
            await self._remove([name for name, one in wanted.items() if one is None])
            self._there |= {name for name in stale if wanted[name]}
            with now.transaction():
                for vpc_id, one in wanted.items():
                    if vpc_id in stale and one and one.recorded:
                        flow_delivery.begin(now, vpc_id)
            for name, one in wanted.items():
                if one and name not in failed and (name in stale or name.startswith(VPN)):
                    await self._serve(now, name, one)
            with now.transaction():
                for name in wanted:
                    if name.startswith(VGW):
                        lines.answer(now, name)
        self._seen = {name: wirings[name] for name in wirings if name in stale or name in self._seen}
        now.cloud.engine(Wired).numbers.update(self._seen)
        for vpc_id in stale | gone:
            now.wake(("ec2.wired", vpc_id))
        return True

    async def _apply(self, networks: list[Network]) -> set[str]:
        """Make networks; one that cannot be made keeps no other one waiting. Which ones cannot."""
        failed = set()
        try:
            await self._engine.apply(*networks)
        except Exception:
            for one in networks:
                try:
                    await self._engine.apply(one)
                except Exception:
                    failed.add(one.name)
                    log.exception("the network of %s cannot be made as its records say", one.name)
        return failed

    async def _serve(self, now: Call, vpc_id: str, network: Network) -> None:
        """Offer what AWS offers to those in a VPC; or the tunnels of a VPN connection."""
        if vpc_id.startswith(VPN):
            await tunnelling.serve(now, vpc_id)
        if vpc_id.startswith(CLIENTS):
            await client_vpn.serve_at_hub(now, vpc_id)
        if not vpc_id.startswith("vpc-"):
            return
        await doors.opened(now)
        await doors.at_endpoints(now, vpc_id, network)
        await serve_metadata(now, vpc_id)
        await client_vpn.serve(now, vpc_id, network)
        if vpc := Vpc.get(now, vpc_id):
            await now.cloud.engine(NameServers).serve(now, vpc)

    async def _remove(self, names: list[str]) -> None:
        for name in names:
            self._call.cloud.engine(MetadataServers).leave(name)
            self._call.cloud.engine(NameServers).leave(name)
            self._call.cloud.engine(doors.Doors).keep(name, set())
            await client_vpn.keep(self._now(), name, set())
            if name.startswith(VPN):
                await tunnelling.leave(self._call, name)
            if name.startswith(CLIENTS):
                await client_vpn.leave(self._now(), name)
        await self._engine.remove(*names)
        self._there -= set(names)

    def _now(self) -> Call:
        return self._call.cloud.call("ec2", account=self._call.account, region=self._call.region)

    def leave(self) -> None:
        """The keeper ends: because the cloud does, or for another to begin, or because the account was forgotten."""
        asyncio.get_running_loop().call_later(0.1, self._look_back)

    def _look_back(self) -> None:
        """Remove the networks of what is no more, now that whoever ended the keeper has done with it."""
        if not self._engine.closed:
            gone = [name for name in self._there if network_of(self._now(), name) is None]
            self._ending = asyncio.ensure_future(self._remove(gone))


def planned(call: Call, names: set[str]) -> dict[str, Network | None]:
    """These networks, and those that look different because of them: their peers, their hubs, and what is at those."""
    found = {name: network_of(call, name) for name in names}
    for name in names:
        for _, other in peering.peers(call, name):
            there = call.at(other["OwnerId"], other["Region"])
            if other["VpcId"] not in found and (peer := plans.network(there, other["VpcId"])):
                found[other["VpcId"]] = peer
        for one in Attachment.scan(call, name, index="by_resource"):
            if one.transit_gateway_id not in found:
                found[one.transit_gateway_id] = hub(call, one)
                found |= neighbours(call, one, found)
        for near in beside(call, name):
            if near not in found:
                found[near] = network_of(call, near)
    return found


def network_of(call: Call, name: str) -> Network | None:
    """The network of a VPC, a transit gateway, or of what belongs to VPN connections; None if it has none."""
    of = {
        VPN: vpns.network,
        VGW: vpns.gateway,
        CONCENTRATOR: vpns.concentrator,
        CLIENTS: client_vpn.network,
        TGW: at_hub,
    }
    return next((find for start, find in of.items() if name.startswith(start)), plans.network)(call, name)


def at_hub(call: Call, transit_gateway_id: str) -> Network | None:
    """The network of a transit gateway, as far as something is attached to it."""
    there = next((one for one in Attachment.scan(call, transit_gateway_id, index="by_gateway") if one.usable), None)
    return hub(call, there) if there else None


def beside(call: Call, name: str) -> Iterator[str]:
    """The gateway or concentrator of VPN connections that a change is about, and those connections."""
    hub = name
    if name.startswith(VPN):
        one = VpnConnection.get(call, name)
        hub = (one.vpn_gateway_id or one.vpn_concentrator_id) if one else ""
    elif name.startswith("vpc-"):
        gateway = vpns.of_vpc(call, name)
        hub = gateway.vpn_gateway_id if gateway else ""
    if hub:
        yield hub
        yield from (other.vpn_connection_id for other in vpns.of_hub(call, hub))


def neighbours(call: Call, one: Attachment, found: Mapping[str, object]) -> dict[str, Network]:
    """The networks of other VPCs at the same transit gateway: their groups may name those of this one."""
    others = [vpc for vpc in hubs.vpcs(call.at(account=one.gateway_owner), one) if vpc.resource_id not in found]
    made = ((vpc.resource_id, plans.network(call.at(account=vpc.resource_owner), vpc.resource_id)) for vpc in others)
    return {name: network for name, network in made if network}


def hub(call: Call, one: Attachment) -> Network | None:
    """The network of the gateway that something is attached to; None if nothing that is attached to it has one."""
    there = call.at(account=one.gateway_owner)
    network = hubs.network(there, one.transit_gateway_id)
    if network is None or not any(alive(call.at(account=each.resource_owner), each) for each in hubs.ends(there, one)):
        return None
    return network


def alive(call: Call, one: Attachment) -> bool:
    """Whether anything in an attached VPC sends or receives, or anything else that is attached does."""
    if one.resource_type == DIRECT:
        return True
    if one.resource_type != VPC:
        return network_of(call, one.resource_id) is not None
    return any(plans.up(call, interface) for interface in interfaces.of_vpc(call, one.resource_id))


class Wired:
    """How far keepers are: the number of the last change of each VPC that is on the wire (`cloud.engine(Wired)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self.numbers: dict[str, int] = {}

    async def close(self) -> None:
        """Nothing is held."""


async def wired(call: Call, vpc_id: str) -> None:
    """Wait until a VPC's network is as its records say now; but not for ever."""
    there = Wiring.get(call, vpc_id)
    for _ in range(PATIENCE):
        if there is None or not possible(call) or call.cloud.engine(Wired).numbers.get(vpc_id, 0) >= there.number:
            return
        await call.wait(("ec2.wired", vpc_id), seconds=1.0)
