"""Transit gateways, as routers of their own: attachments are their links, route tables say what goes where."""

from __future__ import annotations

from collections.abc import Iterator

from pileus.engines.network import Link, Network, Route
from pileus.kernel import Call
from pileus.services.ec2.connectivity import transit_routes
from pileus.services.ec2.connectivity.lines import line
from pileus.services.ec2.connectivity.transit_attachments import DIRECT, VPC, WIRED, Attachment
from pileus.services.ec2.connectivity.transit_gateways import TransitGateway
from pileus.services.ec2.connectivity.transit_tables import TransitGatewayRouteTable

PEERING = "peering"


def network(call: Call, transit_gateway_id: str) -> Network | None:
    """A transit gateway's network, seen from its owner's account; None if it is not there any more."""
    if TransitGateway.get(call, transit_gateway_id) is None:
        return None
    tables = TransitGatewayRouteTable.scan(call, transit_gateway_id, index="by_gateway")
    return Network(
        name=transit_gateway_id,
        tables={
            one.transit_gateway_route_table_id: tuple(routes(call, one.transit_gateway_route_table_id))
            for one in tables
        },
        links=tuple(links(call, transit_gateway_id)),
    )


def vpcs(call: Call, like: Attachment) -> Iterator[Attachment]:
    """The attachments of VPCs to the gateway of an attachment."""
    return (one for one in ends(call, like) if one.resource_type == VPC)


def ends(call: Call, like: Attachment) -> Iterator[Attachment]:
    """The attachments, to the gateway of an attachment, of what has a network of its own."""
    for one in Attachment.scan(call, like.transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type in (*WIRED, DIRECT):
            yield one


def links(call: Call, transit_gateway_id: str) -> Iterator[Link]:
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.usable and one.resource_type in WIRED:
            yield Link(one.transit_gateway_attachment_id, one.resource_id, one.table)
        elif one.usable and one.resource_type == DIRECT and (cable := line(call, one)):
            yield Link(cable.name, cable.network, one.table)
        elif one.usable and one.resource_type == PEERING and one.peer:
            yield Link(one.transit_gateway_attachment_id, one.peer["TransitGatewayId"], one.table)


def routes(call: Call, table_id: str) -> Iterator[Route]:
    for one in transit_routes.effective(call, table_id):
        yield Route(one.destination, link=link_of(call, one.attachments[0]) if one.attachments else "")


def link_of(call: Call, one: Attachment) -> str:
    """What the link of an attachment is called: after the line, where it is one of another service's."""
    cable = line(call, one) if one.resource_type == DIRECT else None
    return cable.name if cable else one.transit_gateway_attachment_id
