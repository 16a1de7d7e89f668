"""Announcements of route tables between peered transit gateways, where their peering routes dynamically.

What a table has of its own is told to the peer, whose tables may learn it by the announcement; what one gateway has
been told it does not tell on. Both sides have the announcement, as outgoing and as incoming.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .lives import USUAL, Life, enter
from .transit_attachments import PEERING, Attachment, of_kind, rewire
from .transit_attachments import parts as attachment_parts
from .transit_tables import TransitGatewayRouteTable, announced, table
from .transit_tables import parts as table_parts

OUTGOING, INCOMING = "outgoing", "incoming"
ENDING = ("deleting", "deleted")


@kind(
    "transit-gateway-route-table-announcement",
    "tgw-rtb-announcement",
    missing=(
        "InvalidTransitGatewayRouteTableAnnouncementId.NotFound",
        "Transit Gateway Route Table Announcement {} was deleted or does not exist.",
    ),
)
class Announcement(
    Record,
    arn="transit-gateway-route-table-announcement/{transit_gateway_route_table_announcement_id}",
    table="ec2.TransitGatewayRouteTableAnnouncement",
    indexes={"by_peering": ("peering",)},
):
    """That a table of one gateway is told to its peer."""

    life: ClassVar[Life] = USUAL
    transit_gateway_route_table_announcement_id: str
    table: str
    transit_gateway_id: str
    """The gateway on whose side the record is."""
    peering: str
    peer: dict[str, str]
    direction: str
    created: float
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    def entered(self, call: Call, state: str) -> None:
        rewire(call, self.transit_gateway_id)


FILTERS = Filters(
    {
        "announcement-direction": "direction",
        "peering-attachment-id": "peering",
        "state": "state",
        "transit-gateway-id": "transit_gateway_id",
        "transit-gateway-route-table-announcement-id": "transit_gateway_route_table_announcement_id",
        "transit-gateway-route-table-id": "table",
    }
)


@ec2.operation
def create_transit_gateway_route_table_announcement(
    call: Call,
    transit_gateway_route_table_id: str,
    peering_attachment_id: str,
    tag_specifications: list[Members] = [],
) -> Members:
    """Tell a peer of the routes of a table."""
    found = table(call, transit_gateway_route_table_id)
    peering = of_kind(call, peering_attachment_id, (PEERING,), ("available",))
    if peering.transit_gateway_id != found.transit_gateway_id:
        text = f"{peering_attachment_id} and {transit_gateway_route_table_id} are not of the same transit gateway."
        raise Fault("InvalidParameterValue", text)
    if peering.options.get("DynamicRouting") != "enable":
        raise Fault("UnsupportedOperation", f"Dynamic routing is disabled for {peering_attachment_id}.")
    if any(one.direction == OUTGOING and one.state not in ENDING for one in of_peering(call, peering_attachment_id)):
        text = f"{peering_attachment_id} already has a route table announcement."
        raise Fault("TransitGatewayRouteTableAnnouncement.Duplicate", text)
    made = Announcement(
        transit_gateway_route_table_announcement_id=new_id(Announcement),
        table=transit_gateway_route_table_id,
        transit_gateway_id=found.transit_gateway_id,
        peering=peering_attachment_id,
        peer=peering.peer,
        direction=OUTGOING,
        created=call.now,
        tags=specified(tag_specifications, "transit-gateway-route-table-announcement"),
    )
    mine = {"TransitGatewayId": found.transit_gateway_id, "OwnerId": call.account, "Region": call.region}
    theirs = msgspec.structs.replace(
        made, transit_gateway_id=peering.peer["TransitGatewayId"], peer=mine, direction=INCOMING, tags={}
    )
    enter(call, made, "pending")
    enter(_peer(call, made), theirs, "pending")
    return {"TransitGatewayRouteTableAnnouncement": shown(call, made)}


def of_peering(call: Call, peering: str) -> list[Announcement]:
    return [*Announcement.scan(call, peering, index="by_peering")]


def _peer(call: Call, one: Announcement) -> Call:
    """A call that looks at the other side."""
    return call.at(one.peer["OwnerId"], one.peer["Region"])


@ec2.operation
def describe_transit_gateway_route_table_announcements(
    call: Call,
    transit_gateway_route_table_announcement_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What the account's gateways tell, and are told."""
    ids, member = transit_gateway_route_table_announcement_ids, "TransitGatewayRouteTableAnnouncements"
    return described(call, Announcement, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Announcement) -> Members:
    return {
        "TransitGatewayRouteTableAnnouncementId": one.transit_gateway_route_table_announcement_id,
        "TransitGatewayId": one.transit_gateway_id,
        "PeerTransitGatewayId": one.peer["TransitGatewayId"],
        "PeeringAttachmentId": one.peering,
        "AnnouncementDirection": one.direction,
        "TransitGatewayRouteTableId": one.table,
        "State": one.state,
        "CreationTime": one.created,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_transit_gateway_route_table_announcement(
    call: Call, transit_gateway_route_table_announcement_id: str
) -> Members:
    """Tell a peer no longer; it forgets what it was told."""
    one = named(call, Announcement, transit_gateway_route_table_announcement_id)
    if one.direction == INCOMING:
        text = f"{transit_gateway_route_table_announcement_id} is an announcement of the peer."
        raise Fault("OperationNotPermitted", text)
    end(call, one)
    return {"TransitGatewayRouteTableAnnouncement": shown(call, one)}


def end(call: Call, one: Announcement) -> None:
    there = _peer(call, one)
    other = Announcement.get(there, one.transit_gateway_route_table_announcement_id)
    for at, side in ((call, one), (there, other)):
        if side and side.state not in ENDING:
            enter(at, side, "deleting")
            rewire(at, side.transit_gateway_id)


@attachment_parts.ends_with
def peering_gone(call: Call, attachment: Attachment) -> None:
    for one in of_peering(call, attachment.transit_gateway_attachment_id):
        end(call, one)


@table_parts.ends_with
def table_gone(call: Call, found: TransitGatewayRouteTable) -> None:
    for one in [*Announcement.scan(call)]:
        if one.table == found.transit_gateway_route_table_id and one.direction == OUTGOING:
            end(call, one)


@announced
def peering_of(call: Call, announcement_id: str) -> str:
    """The peering by which an announcement of the peer comes."""
    one = named(call, Announcement, announcement_id)
    if one.direction == OUTGOING:
        raise Fault("InvalidParameterValue", f"{announcement_id} is not an announcement of a peer.")
    return one.peering


def incoming(call: Call, announcement_id: str) -> tuple[Announcement, Call] | None:
    """What the account's gateway is told by an announcement, and a call that looks at who tells it."""
    one = Announcement.get(call, announcement_id)
    return (one, _peer(call, one)) if one and one.direction == INCOMING and one.state == "available" else None
