"""From the records of a VPC to what its router is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from pileus.engines.network import INTERNET, Link, Network, Port, Route, Subnet
from pileus.kernel import Call
from pileus.services.ec2.connectivity import endpoints, flow_logs, peering
from pileus.services.ec2.connectivity.transit_attachments import VPC, Attachment
from pileus.services.ec2.connectivity.vpn_gateways import VpnGateway
from pileus.services.ec2.instances.instances import PENDING, RUNNING, SHUTTING_DOWN, STOPPING, Instance
from pileus.services.ec2.network import (
    interfaces,
    internet_gateways,
    public_access,
    route_tables,
    sharing,
    subnets,
    targets,
)
from pileus.services.ec2.network.addresses import Mapped
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.internet_gateways import EgressOnlyInternetGateway
from pileus.services.ec2.network.nat_gateways import AVAILABLE, NatGateway
from pileus.services.ec2.network.public_access import INWARD, OFF
from pileus.services.ec2.network.vpcs import Vpc

from . import client_vpn, filtering, hubs, mirroring

ALIVE = (PENDING, RUNNING, STOPPING, SHUTTING_DOWN)
"""States of instances whose interfaces are up."""
NAT, TRANSIT = "nat_gateway", "transit_gateway"
DOORS = "gateway-endpoints"
"""The subnet, which no VPC has, of the ports that stand for gateway endpoints."""
BEHIND = "169.254.200"
METADATA = ("169.254.169.254", "fd00:ec2::254")
RESOLVERS = ("169.254.169.253", "fd00:ec2::253")
GATEWAY, RESOLVER = 1, 2
"""Which addresses of a subnet, and of a VPC, the router and the name server have."""


def network(call: Call, vpc_id: str) -> Network | None:
    """A VPC's network; None if nothing is in it that sends or receives."""
    vpc = Vpc.get(call, vpc_id)
    everybody = [*sharing.accounts(call, vpc_id)]
    found = [one for there in everybody for one in interfaces.of_vpc(there, vpc_id) if up(there, one)] if vpc else []
    if vpc is None or not found:
        return None
    group_ids = sorted({group_id for one in found for group_id in one.groups})
    around = [*subnets.of_vpc(call, vpc_id)]
    doors = [*gateways(call, vpc_id)]
    tables = sorted(
        {table_of(call, one) for one in around}
        | {(one.route_table_id, "") for one in route_tables.of_vpc(call, vpc_id)}
    )
    hosts = client_vpn.hosts(call, vpc_id)
    return Network(
        name=vpc_id,
        prefixes=tuple(vpc.ranges()),
        local=(*METADATA, *resolvers(vpc)),
        subnets={
            **{one.subnet_id: subnet(call, one) for one in around},
            DOORS: Subnet((f"{BEHIND}.0/24",), (f"{BEHIND}.1",), DOORS),
        },
        tables={
            DOORS: tuple(Route(block, local=True) for block in vpc.ranges()),
            **{hubs.zoned(name, zone): tuple(routes(call, vpc_id, name, zone)) for name, zone in tables},
        },
        borders={name: filtering.border(call, name) for name in sorted({one.network_acl_id for one in around})},
        groups=filtering.groups(everybody, group_ids),
        sets=filtering.sets(everybody, group_ids),
        ports=(*(port(one, *hosts.get(one.network_interface_id, ())) for one in found), *doors),
        links=tuple(links(call, vpc)),
        mirrors=tuple(mirroring.mirrors(call, found)),
        recorded=recorded(call, vpc_id, around, found),
    )


def recorded(call: Call, vpc_id: str, around: Iterable[subnets.Subnet], found: Iterable[NetworkInterface]) -> bool:
    """Whether there is a flow log of a VPC, or of anything in it."""
    named = (vpc_id, *(one.subnet_id for one in around), *(one.network_interface_id for one in found))
    return any(flow_logs.logs_of(call, what) for what in named)


def resolvers(vpc: Vpc) -> tuple[str, ...]:
    """Where a VPC's name server answers; nowhere if DNS support is off."""
    if not vpc.enable_dns_support:
        return ()
    own = [str(ip_network(one)[RESOLVER]) for one in vpc.ranges() if "." in one]
    return (*RESOLVERS, *own)


# Ports


def up(call: Call, one: NetworkInterface) -> bool:
    """Whether an interface sends and receives: its instance runs, or it belongs to something of AWS's.

    What belongs to a service has a host of its own, which is called after the interface: there the service can listen.
    """
    if one.attachment is None:
        return False
    if one.instance_id:
        instance = Instance.get(call.at(account=one.attachment.instance_owner_id), one.instance_id)
        return instance is not None and instance.state in ALIVE
    if one.interface_type == NAT:
        there = NatGateway.scan(call, one.subnet_id, index="of_subnet")
        return any(nat.network_interface_id == one.network_interface_id and nat.state == AVAILABLE for nat in there)
    return one.interface_type != TRANSIT  # which is a link of the router's own


def port(one: NetworkInterface, host: str = "", device: str = "") -> Port:
    """The port of an interface: its instance's, or its own host's, unless it is one of several that a service has."""
    nat = one.interface_type == NAT
    return Port(
        name=one.network_interface_id,
        subnet=one.subnet_id,
        mac=one.mac_address,
        addresses=(
            *(each.private_ip_address for each in one.private_ip_addresses),
            *(each.ipv6_address for each in one.ipv6_addresses),
        ),
        host=host or one.instance_id or one.network_interface_id,
        device=device or f"eth{one.device_index if one.instance_id else 0}",
        delegated=(*one.ipv4_prefixes, *one.ipv6_prefixes),
        groups=None if nat else tuple(one.groups),
        checked=one.source_dest_check and not nat,
        translates=nat,
    )


def gateways(call: Call, vpc_id: str) -> Iterator[Port]:
    """Ports that stand for gateway endpoints: behind each one is the service, under its own addresses."""
    found = (one for one in endpoints.VpcEndpoint.scan(call, vpc_id, index="of_vpc") if one.usable)
    for place, one in enumerate((one for one in found if one.prefix_list_id), start=2):
        yield Port(
            name=one.vpc_endpoint_id,
            subnet=DOORS,
            mac=f"02:00:00:01:00:{place:02x}",
            addresses=(f"{BEHIND}.{place}",),
            host=one.vpc_endpoint_id,
            checked=False,
            serves=filtering.blocks(call, one.prefix_list_id),
        )


# Subnets and routes


def subnet(call: Call, one: subnets.Subnet) -> Subnet:
    return Subnet(
        prefixes=tuple(one.ranges()),
        gateways=tuple(str(ip_network(block)[GATEWAY]) for block in one.ranges() if "." in block),
        table=hubs.zoned(*table_of(call, one)),
        border=one.network_acl_id,
    )


def table_of(call: Call, one: subnets.Subnet) -> tuple[str, str]:
    """A subnet's table, and for which zone; that matters where something is attached zone by zone."""
    zone = one.availability_zone if next(attachments(call, one.vpc_id), None) else ""
    return route_tables.table_of(call, one).route_table_id, zone


def routes(call: Call, vpc_id: str, route_table_id: str, zone: str) -> Iterator[Route]:
    for one in route_tables.routes(call, route_table_id):
        blocks = filtering.blocks(call, one.destination) if one.destination.startswith("pl-") else (one.destination,)
        for block in blocks:
            yield route(call, vpc_id, block, one.target, zone)


def route(call: Call, vpc_id: str, block: str, target: str, zone: str) -> Route:
    """To where a target is; what leads nowhere is dropped."""
    if target == targets.LOCAL:
        return Route(block, local=True)
    if not targets.active(call, vpc_id, target):
        return Route(block)
    match target.rpartition("-")[0]:
        case "eni":
            return Route(block, port=target)
        case "nat":
            found = NatGateway.get(call, target)
            return Route(block, port=found.network_interface_id if found else "")
        case "vpce":
            return Route(block, port=target)
        case "tgw":
            return Route(block, link=door_to(call, vpc_id, target, zone))
    return Route(block, link=target)


def door_to(call: Call, vpc_id: str, transit_gateway_id: str, zone: str) -> str:
    """The link by which a zone of a VPC reaches a transit gateway; none without a subnet of the attachment there."""
    for one in attachments(call, vpc_id):
        zones = [door.availability_zone for door in hubs.doors(call, one)]
        if one.transit_gateway_id == transit_gateway_id and zone in zones:
            return hubs.zoned(one.transit_gateway_attachment_id, zone)
    return ""


def attachments(call: Call, vpc_id: str) -> Iterator[Attachment]:
    """A VPC's attachments to transit gateways, as far as traffic passes."""
    for one in Attachment.scan(call, vpc_id, index="by_resource"):
        if one.resource_type == VPC and one.usable:
            yield one


# Links


def links(call: Call, vpc: Vpc) -> Iterator[Link]:
    if gateway := internet_gateways.gateway_of(call, vpc.vpc_id):
        public = {one.private_ip_address: one.public_ip for one in Mapped.scan(call, vpc.vpc_id) if open_to(call, one)}
        table = table_of_gateway(call, gateway.internet_gateway_id)
        yield Link(gateway.internet_gateway_id, INTERNET, table, public=public, ours=(*public, *six(call, vpc, OFF)))
    for one in EgressOnlyInternetGateway.scan(call, vpc.vpc_id, index="of_vpc"):
        yield Link(one.egress_only_internet_gateway_id, INTERNET, ours=six(call, vpc, OFF, INWARD), outward=True)
    for connection, other in peering.peers(call, vpc.vpc_id):
        there = Vpc.get(call.at(other["OwnerId"], other["Region"]), other["VpcId"])
        theirs = tuple(there.ranges()) if there else ()
        yield Link(connection.vpc_peering_connection_id, other["VpcId"], ours=tuple(vpc.ranges()), theirs=theirs)
    for attached in attachments(call, vpc.vpc_id):
        for door in hubs.doors(call, attached):
            yield Link(
                name=hubs.zoned(attached.transit_gateway_attachment_id, door.availability_zone),
                to=attached.transit_gateway_id,
                table=hubs.zoned(*table_of(call, door)),
                door=door.subnet_id,
            )
    if virtual := VpnGateway.first(call, vpc.vpc_id, index="of_vpc"):
        table = table_of_gateway(call, virtual.vpn_gateway_id)
        yield Link(virtual.vpn_gateway_id, virtual.vpn_gateway_id, table, ours=tuple(vpc.ranges()))


def open_to(call: Call, one: Mapped) -> bool:
    """Whether Block Public Access lets a public address be used: where it blocks what comes in, a NAT gateway's may."""
    mode = public_access.blocked(call, one.vpc_id, one.subnet_id)
    return mode == OFF or (mode == INWARD and one.outward)


def six(call: Call, vpc: Vpc, *modes: str) -> tuple[str, ...]:
    """The IPv6 addresses of a VPC that may speak through a gateway which these modes of blocking leave open."""
    if public_access.blocked(call, vpc.vpc_id) == OFF:
        return tuple(one for one in vpc.ranges() if ":" in one)
    around = subnets.of_vpc(call, vpc.vpc_id)
    open_ones = (one for one in around if public_access.blocked(call, vpc.vpc_id, one.subnet_id) in modes)
    return tuple(block for one in open_ones for block in one.ranges() if ":" in block)


def table_of_gateway(call: Call, gateway_id: str) -> str:
    """The table that routes what comes in by a gateway, if it has one."""
    found = route_tables.Association.first(call, gateway_id, index="of_target")
    return found.route_table_id if found else ""
