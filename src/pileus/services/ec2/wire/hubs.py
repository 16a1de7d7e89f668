"""Transit gateways, as routers of their own: attachments are their links, route tables say what goes where.

An attachment of a VPC is one link for each zone in which it has a subnet, its door there. Packets stay in the zone that
they come from, if the attachment that they go to has a door in it (Transit Gateways, "How transit gateways work").
"""

from __future__ import annotations

from collections.abc import Iterator

from pileus.engines.network import Link, Network, Route
from pileus.kernel import Call
from pileus.services.ec2.connectivity import transit_nat, transit_routes
from pileus.services.ec2.connectivity.transit_attachments import VPC, Attachment
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
    for one in Attachment.scan(call, like.transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type == VPC:
            yield one


def entrances(call: Call, transit_gateway_id: str) -> Iterator[tuple[Attachment, str]]:
    """The attachments that can be used, with each zone by which packets come in; a peering has none."""
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type == VPC:
            yield from ((one, door.availability_zone) for door in doors(call, one))
        elif one.usable and one.resource_type == PEERING and one.peer:
            yield one, ""


def doors(call: Call, one: Attachment) -> list[Subnet]:
    """The subnets by which a transit gateway enters a VPC, one in a zone."""
    there = call.at(account=one.resource_owner)
    return [door for what in one.subnet_ids if (door := Subnet.get(there, what))]


def zoned(name: str, zone: str) -> str:
    """What a table is called for a zone, or an attachment's link there."""
    return f"{name}/{zone}" if zone else name


def _link(call: Call, one: Attachment, zone: str) -> Link:
    to = one.resource_id if one.resource_type == VPC else one.peer["TransitGatewayId"]
    table = zoned(one.table, zone) if one.table else ""
    translated = tuple(transit_nat.translated(call, one.transit_gateway_attachment_id))
    return Link(zoned(one.transit_gateway_attachment_id, zone), to, table, translated=translated)


def routes(call: Call, table_id: str, zone: str) -> Iterator[Route]:
    """What a table says to packets that come from a zone."""
    for one in transit_routes.effective(call, table_id):
        yield Route(one.destination, link=_exit(call, one.attachments[0], zone) if one.attachments else "")


def _exit(call: Call, one: Attachment, zone: str) -> str:
    """The link by which packets from a zone leave: of the same zone, if there is one."""
    zones = [door.availability_zone for door in doors(call, one)] if one.resource_type == VPC else []
    return zoned(one.transit_gateway_attachment_id, zone if zone in zones else zones[0] if zones else "")
