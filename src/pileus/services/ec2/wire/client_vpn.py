"""The servers of Client VPN endpoints, made to look like the records of a VPC.

An endpoint is a host. Its first interface is on the internet, by a small network of its own; of the others there is one
in each subnet that it is associated with, under whose address its clients are known there. At a transit gateway it has
one that leads to that, where clients are known under their own addresses.
"""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

import msgspec

from pileus.engines.network import INTERNET, Group, Link, Network, Networks, Port, Route, Rule, Subnet
from pileus.engines.openvpn import OpenVpn, Passing, Server, Verdict, Way, unable
from pileus.kernel import Call, Fault, identity
from pileus.services.ec2.connectivity.client_vpn import ClientVpnEndpoint, by_certificate, certificates
from pileus.services.ec2.connectivity.client_vpn_connections import end_all
from pileus.services.ec2.connectivity.client_vpn_networks import (
    AuthorizationRule,
    ClientRoute,
    TargetNetwork,
    networks,
)
from pileus.services.ec2.connectivity.transit_attachments import Attachment
from pileus.services.ec2.network import subnets
from pileus.services.ec2.network.interfaces import NetworkInterface

from .client_vpn_gate import Door

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.ec2")

CLOUD = identity.service("pileus.amazonaws.com")
EDGE, HUB, INWARD = "edge", "hub", "inward"
"""Subnets and tables: towards the internet, towards a transit gateway, and what comes from there."""
INSIDE, ROUTER = "169.254.201.2", "169.254.201.1"
"""A server's own address towards the internet, and its next hop; nobody else sees either."""
INSIDE_HUB, ROUTER_HUB = "169.254.201.6", "169.254.201.5"
"""The same towards a transit gateway."""
MAC, MAC_HUB = "02:00:00:00:02:02", "02:00:00:00:02:06"
HUB_DEVICE = "eth1"
LOCAL = "local"


class ClientVpns:
    """The endpoints of a cloud that are on the wire, by VPC (`cloud.engine(ClientVpns)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.there: dict[str, set[str]] = {}
        self.edges: dict[str, Network] = {}

    async def leave(self, endpoint: str) -> None:
        """End an endpoint's server, and its way to the internet."""
        await self.cloud.engine(OpenVpn).end(endpoint)
        if self.edges.pop(endpoint, None):
            await self.cloud.engine(Networks).remove(endpoint)
        await self.cloud.engine(Networks).release(host(endpoint))

    async def close(self) -> None:
        """Nothing is held that the engines do not hold."""


def host(endpoint: str) -> str:
    """The host that an endpoint's server is."""
    return f"{endpoint}-server"


def usable(one: ClientVpnEndpoint) -> bool:
    return one.state == "available" and by_certificate(one) and not unable()


async def serve(call: Call, vpc_id: str, network: Network) -> None:
    """See to it that the endpoints of a VPC answer that can, and no other."""
    there = {port.host for port in network.ports}
    found = (one for one in ClientVpnEndpoint.scan(call) if one.vpc_id == vpc_id and not one.attachment)
    wanted = [one for one in found if usable(one) and host(one.client_vpn_endpoint_id) in there]
    await keep(call, vpc_id, {one.client_vpn_endpoint_id for one in wanted})
    for one in wanted:
        engine, name = call.cloud.engine(ClientVpns), one.client_vpn_endpoint_id
        if engine.edges.get(name) != (edge := edge_of(one)):
            await call.cloud.engine(Networks).apply(edge)
            engine.edges[name] = edge
        await run(call, one)


async def keep(call: Call, vpc_id: str, wanted: set[str]) -> None:
    """End the servers of a VPC that are not wanted any more."""
    there = call.cloud.engine(ClientVpns).there
    for gone in there.pop(vpc_id, set()) - wanted:
        await leave(call, gone)
    if wanted:
        there[vpc_id] = wanted


async def leave(call: Call, endpoint: str) -> None:
    """An endpoint is of no use any more."""
    await call.cloud.engine(ClientVpns).leave(endpoint)
    with call.transaction():
        end_all(call, endpoint)


async def run(call: Call, one: ClientVpnEndpoint) -> None:
    """Let an endpoint's server run as its records say. Nobody else is kept waiting by one that cannot."""
    name = one.client_vpn_endpoint_id
    try:
        made = await server(call, one)
        anew = await call.cloud.engine(OpenVpn).run(made, Door(call, name), passing(call, one))
    except (Fault, OSError) as error:
        log.error("the Client VPN endpoint %s does not work: %s", name, error)
        return
    if anew:
        with call.transaction():
            end_all(call, name)


def edge_of(one: ClientVpnEndpoint) -> Network:
    """How an endpoint is on the internet: under its public address, by the port of its server alone."""
    name = one.client_vpn_endpoint_id
    return Network(
        name=name,
        subnets={EDGE: between(ROUTER, EDGE)},
        tables={EDGE: (Route("0.0.0.0/0", link=name), Route(f"{INSIDE}/32", local=True))},
        groups={EDGE: Group(inbound=(Rule(one.transport, (one.port, one.port), prefixes=("0.0.0.0/0",)),))},
        ports=(Port(name, EDGE, MAC, (INSIDE,), host(name), groups=(EDGE,)),),
        links=(Link(name, INTERNET, EDGE, ours=(INSIDE,), public={INSIDE: one.public_ip}),),
    )


def between(router: str, table: str) -> Subnet:
    """A range of two addresses."""
    return Subnet((str(ip_network(f"{router}/30", strict=False)),), (router,), table)


# Endpoints at transit gateways


def network(call: Call, endpoint: str) -> Network | None:
    """The network of an endpoint at a transit gateway: its edge, with a cable to the gateway."""
    one = ClientVpnEndpoint.get(call, endpoint)
    if one is None or not one.attachment or not usable(one):
        return None
    edge, port = edge_of(one), f"{endpoint}-hub"
    attachment = Attachment.get(call, one.attachment)
    hub = [Link(one.attachment, one.transit_gateway_id, INWARD)] if attachment and attachment.usable else []
    return msgspec.structs.replace(
        edge,
        subnets=edge.subnets | {HUB: between(ROUTER_HUB, HUB)},
        tables=edge.tables
        | {
            HUB: tuple(Route("0.0.0.0/0", link=link.name) for link in hub),
            INWARD: (Route(one.client_cidr_block, port=port),),
        },
        ports=(*edge.ports, Port(port, HUB, MAC_HUB, (INSIDE_HUB,), host(endpoint), HUB_DEVICE, checked=False)),
        links=(*edge.links, *hub),
    )


async def serve_at_hub(call: Call, endpoint: str) -> None:
    """See to it that an endpoint at a transit gateway answers, whose network is there."""
    if one := ClientVpnEndpoint.get(call, endpoint):
        await run(call, one)


# Servers


async def server(call: Call, one: ClientVpnEndpoint) -> Server:
    """An endpoint's server, with the certificates that ACM has for it."""
    own, *roots = certificates(one)
    mine = await exported(call, own)
    theirs = [await exported(call, arn) for arn in roots or [own]]
    return Server(
        name=one.client_vpn_endpoint_id,
        host=host(one.client_vpn_endpoint_id),
        protocol=one.transport,
        port=one.port,
        pool=one.client_cidr_block,
        authority="\n".join(found.get("CertificateChain") or found["Certificate"] for found in theirs),
        certificate=mine["Certificate"] + mine.get("CertificateChain", ""),
        key=mine["PrivateKey"],
    )


async def exported(call: Call, arn: str) -> dict[str, str]:
    """A certificate of ACM's with its chain and its key, as AWS's services have them."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    password = secrets.token_hex(16).encode()
    acm = call.aws("acm", principal=CLOUD)
    found = acm.export_certificate(certificate_arn=arn, passphrase=password)
    found = await found if inspect.isawaitable(found) else found
    key = load_pem_private_key(found["PrivateKey"].encode(), password)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {**found, "PrivateKey": plain.decode()}


# Packets


def passing(call: Call, one: ClientVpnEndpoint) -> Passing:
    """Where the packets of an endpoint's clients go."""
    name = one.client_vpn_endpoint_id
    there = {target.subnet_id: target for target in networks(call, name)}
    return Passing(
        port=(one.transport, one.port),
        ways=tuple(ways(call, name, there)),
        verdicts=tuple(verdicts(call, name)),
        own=dict(addresses(call, there)),
    )


def ways(call: Call, endpoint: str, there: dict[str, TargetNetwork]) -> Iterator[Way]:
    """Of several routes to the same addresses one is taken."""
    chosen = {route.destination: route.subnet_id for route in ClientRoute.scan(call, endpoint)}
    for block, where in chosen.items():
        if where == LOCAL:
            yield Way(block)
        elif not where:
            yield Way(block, HUB_DEVICE, ROUTER_HUB)
        elif (target := there.get(where)) and (subnet := subnets.Subnet.get(call, where)):
            yield Way(block, target.device, str(ip_network(subnet.cidr_block)[1]))


def verdicts(call: Call, endpoint: str) -> Iterator[Verdict]:
    """The most specific rule counts. Nobody who comes by a certificate is in a group."""
    everybody: dict[str, bool] = {}
    for rule in AuthorizationRule.scan(call, endpoint):
        everybody[rule.destination] = everybody.get(rule.destination, False) or not rule.group
    for block, allow in everybody.items():
        yield Verdict(block, allow)


def addresses(call: Call, there: dict[str, TargetNetwork]) -> Iterator[tuple[str, str]]:
    for target in there.values():
        if found := NetworkInterface.get(call, target.interface):
            yield target.device, found.private_ip_address


def hosts(call: Call, vpc_id: str) -> dict[str, tuple[str, str]]:
    """The hosts and devices of the interfaces that endpoints have in a VPC."""
    return {one.interface: (host(one.endpoint), one.device) for one in TargetNetwork.scan(call, vpc_id, index="of_vpc")}
