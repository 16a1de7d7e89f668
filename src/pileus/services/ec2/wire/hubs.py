"""Transit gateways, as routers of their own: attachments are their links, route tables say what goes where.

An attachment of a VPC is one link for each zone in which it has a subnet, its door there. Packets stay in the zone that
they come from, if the attachment that they go to has a door in it (Transit Gateways, "How transit gateways work").
"""

from __future__ import annotations

from collections.abc import Iterator

from pileus.engines.network import Link, Network, Route
from pileus.kernel import Call
from pileus.services.ec2.connectivity import transit_nat, transit_routes
from pileus.services.ec2.connectivity.lines import line
from pileus.services.ec2.connectivity.transit_attachments import DIRECT, VPC, WIRED, Attachment
from pileus.services.ec2.connectivity.transit_gateways import TransitGateway
from pileus.services.ec2.network.subnets import Subnet

PEERING = "peering"


def network(call: Call, transit_gateway_id: str) -> Network | None:
    """A transit gateway's network, seen from its owner's account; None if it is not there any more."""
    if TransitGateway.get(call, transit_gateway_id) is None:
        return None
    ends = [*entrances(call, transit_gateway_id)]
    tables = sorted({(one.table, zone) for one, zone in ends if one.table})
    return Network(
        name=transit_gateway_id,
        tables={zoned(table, zone): tuple(routes(call, table, zone)) for table, zone in tables},
        links=tuple(_link(call, one, zone) for one, zone in ends),
    )


def vpcs(call: Call, like: Attachment) -> Iterator[Attachment]:
    """The attachments of VPCs to the gateway of an attachment."""
    return (one for one in ends(call, like) if one.resource_type == VPC)


def ends(call: Call, like: Attachment) -> Iterator[Attachment]:
    """The attachments, to the gateway of an attachment, of what has a network of its own."""
    for one in Attachment.scan(call, like.transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type in (*WIRED, DIRECT):
            yield one


def entrances(call: Call, transit_gateway_id: str) -> Iterator[tuple[Attachment, str]]:
    """The attachments that can be used, with each zone by which packets come in; what is no VPC has none."""
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type == VPC:
            yield from ((one, door.availability_zone) for door in doors(call, one))
        elif one.usable and _wired(call, one):
            yield one, ""


def _wired(call: Call, one: Attachment) -> bool:
    """Whether what is attached, and is no VPC, has a network at the other end."""
    if one.resource_type == DIRECT:
        return line(call, one) is not None
    return one.resource_type in WIRED or (one.resource_type == PEERING and bool(one.peer))


def doors(call: Call, one: Attachment) -> list[Subnet]:
    """The subnets by which a transit gateway enters a VPC, one in a zone."""
    there = call.at(account=one.resource_owner)
    return [door for what in one.subnet_ids if (door := Subnet.get(there, what))]


def zoned(name: str, zone: str) -> str:
    """What a table is called for a zone, or an attachment's link there."""
    return f"{name}/{zone}" if zone else name


def _link(call: Call, one: Attachment, zone: str) -> Link:
    table = zoned(one.table, zone) if one.table else ""
    translated = tuple(transit_nat.translated(call, one.transit_gateway_attachment_id))
    return Link(zoned(link_of(call, one), zone), _other(call, one), table, translated=translated)


def _other(call: Call, one: Attachment) -> str:
    """The network at the other end of an attachment."""
    if one.resource_type == PEERING:
        return one.peer["TransitGatewayId"]
    cable = line(call, one) if one.resource_type == DIRECT else None
    return cable.network if cable else one.resource_id


def routes(call: Call, table_id: str, zone: str) -> Iterator[Route]:
    """What a table says to packets that come from a zone."""
    for one in transit_routes.effective(call, table_id):
        yield Route(one.destination, link=_exit(call, one.attachments[0], zone) if one.attachments else "")


def _exit(call: Call, one: Attachment, zone: str) -> str:
    """The link by which packets from a zone leave: of the same zone, if there is one."""
    zones = [door.availability_zone for door in doors(call, one)] if one.resource_type == VPC else []
    return zoned(link_of(call, one), zone if zone in zones else zones[0] if zones else "")


def link_of(call: Call, one: Attachment) -> str:
    """What the link of an attachment is called: after the line, where it is one of another service's."""
    cable = line(call, one) if one.resource_type == DIRECT else None
    return cable.name if cable else one.transit_gateway_attachment_id
