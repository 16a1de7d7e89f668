"""Route tables of transit gateways: which attachments route by one, and which tell it their routes.

An association or a propagation takes effect at once: only the answers speak of `associating`. The routes themselves are
in `transit_routes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, selected
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.tags import shown_tags, specified

from .lives import USUAL, enter, save
from .lives import Life as States
from .transit_attachments import Attachment, reference, rewire
from .transit_attachments import parts as attachment_parts
from .transit_gateways import TransitGateway, available

MOST = 20
"""Tables of one gateway ("Quotas for your transit gateways")."""


@kind(
    "transit-gateway-route-table",
    "tgw-rtb",
    missing=("InvalidRouteTableID.NotFound", "Transit Gateway Route Table {} was deleted or does not exist."),
)
class TransitGatewayRouteTable(
    Record,
    arn="transit-gateway-route-table/{transit_gateway_route_table_id}",
    cfn="AWS::EC2::TransitGatewayRouteTable",
    indexes={"by_gateway": ("transit_gateway_id",)},
):
    """A route table of a transit gateway."""

    life: ClassVar[States] = USUAL
    transit_gateway_route_table_id: str
    transit_gateway_id: str
    default_association: bool
    default_propagation: bool
    created: float
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


parts = Life[TransitGatewayRouteTable]()
"""What ends with one."""


class Association(Record, key=("table", "attachment")):
    """An attachment that routes by a table."""

    table: str
    attachment: str


class Propagation(Record, key=("table", "attachment"), indexes={"by_attachment": ("attachment",)}):
    """An attachment whose routes a table learns."""

    table: str
    attachment: str
    announcement: str = ""
    """By which of the peer's announcements, for a peering."""


FILTERS = Filters(
    {
        "default-association-route-table": "default_association",
        "default-propagation-route-table": "default_propagation",
        "state": "state",
        "transit-gateway-id": "transit_gateway_id",
        "transit-gateway-route-table-id": "transit_gateway_route_table_id",
    }
)

OF_ATTACHMENTS = Filters(
    {
        "resource-id": "ResourceId",
        "resource-type": "ResourceType",
        "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    },
    tags=None,
)


@ec2.operation
def create_transit_gateway_route_table(
    call: Call, transit_gateway_id: str, tag_specifications: list[Members] = []
) -> Members:
    """Make a route table of a gateway."""
    available(call, transit_gateway_id)
    if len([*TransitGatewayRouteTable.scan(call, transit_gateway_id, index="by_gateway")]) >= MOST:
        text = f"{transit_gateway_id} has reached the maximum number of route tables ({MOST})."
        raise Fault("TransitGatewayRouteTableLimitExceeded", text)
    made = _make(call, transit_gateway_id, specified(tag_specifications, "transit-gateway-route-table"))
    return {"TransitGatewayRouteTable": shown(call, made)}


def _make(
    call: Call, gateway: str, tags: dict[str, str], association: bool = False, propagation: bool = False
) -> TransitGatewayRouteTable:
    made = TransitGatewayRouteTable(
        transit_gateway_route_table_id=new_id(TransitGatewayRouteTable),
        transit_gateway_id=gateway,
        default_association=association,
        default_propagation=propagation,
        created=call.now,
        tags=tags,
    )
    enter(call, made, "pending")
    return made


def make_default(call: Call, gateway: TransitGateway) -> None:
    """Give a new gateway its default route table: one for both roles."""
    roles = [role for role in ("Association", "Propagation") if _on(gateway, role)]
    if roles:
        made = _make(call, gateway.transit_gateway_id, {}, "Association" in roles, "Propagation" in roles)
        for role in roles:
            gateway.options[f"{role}DefaultRouteTableId"] = made.transit_gateway_route_table_id


def _on(gateway: TransitGateway, role: str) -> bool:
    return bool(gateway.options[f"DefaultRouteTable{role}"] == "enable")


@ec2.operation
def describe_transit_gateway_route_tables(
    call: Call,
    transit_gateway_route_table_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The route tables of the account's gateways."""
    ids, member = transit_gateway_route_table_ids, "TransitGatewayRouteTables"
    return described(call, TransitGatewayRouteTable, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, table: TransitGatewayRouteTable) -> Members:
    return {
        "TransitGatewayRouteTableId": table.transit_gateway_route_table_id,
        "TransitGatewayId": table.transit_gateway_id,
        "State": table.state,
        "DefaultAssociationRouteTable": table.default_association,
        "DefaultPropagationRouteTable": table.default_propagation,
        "CreationTime": table.created,
        "Tags": shown_tags(table.tags),
    }


@ec2.operation
def delete_transit_gateway_route_table(call: Call, transit_gateway_route_table_id: str) -> Members:
    """Delete a table by which nothing routes and which is no default."""
    found = named(call, TransitGatewayRouteTable, transit_gateway_route_table_id)
    gateway = TransitGateway.get(call, found.transit_gateway_id)
    roles = ("Association", "Propagation")
    if gateway and transit_gateway_route_table_id in [
        gateway.options.get(f"{role}DefaultRouteTableId") for role in roles
    ]:
        text = f"Cannot delete a default route table of {gateway.transit_gateway_id}."
        raise Fault("IncorrectState", text)
    if [*Association.scan(call, transit_gateway_route_table_id, limit=1)]:
        raise Fault("IncorrectState", f"{transit_gateway_route_table_id} has associated attachments.")
    if found.state not in ("deleting", "deleted"):
        drop(call, found)
    return {"TransitGatewayRouteTable": shown(call, found)}


def drop(call: Call, found: TransitGatewayRouteTable) -> None:
    """Delete a table and what hangs on it."""
    parts.end(call, found)
    for one in [*Propagation.scan(call, found.transit_gateway_route_table_id)]:
        one.delete(call)
    enter(call, found, "deleting")


def table(call: Call, transit_gateway_route_table_id: str) -> TransitGatewayRouteTable:
    """A table of the account that is not deleted."""
    found = named(call, TransitGatewayRouteTable, transit_gateway_route_table_id)
    if found.state in ("deleting", "deleted"):
        raise Fault("IncorrectState", f"{transit_gateway_route_table_id} is in invalid state")
    return found


# Associations


@ec2.operation
def associate_transit_gateway_route_table(
    call: Call, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
) -> Members:
    """Let an attachment route by a table; it routes by one only."""
    found, attachment = _both(call, transit_gateway_route_table_id, transit_gateway_attachment_id)
    if attachment.table:
        text = f"Transit Gateway Attachment {transit_gateway_attachment_id} is already associated to a route table."
        raise Fault("Resource.AlreadyAssociated", text)
    associate(call, found, attachment)
    return {"Association": _association(found, attachment, "associating")}


def associate(call: Call, found: TransitGatewayRouteTable, attachment: Attachment) -> None:
    attachment.table = found.transit_gateway_route_table_id
    save(call, attachment)
    Association(table=attachment.table, attachment=attachment.transit_gateway_attachment_id).put(call)
    rewire(call, found.transit_gateway_id)


@ec2.operation
def disassociate_transit_gateway_route_table(
    call: Call, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
) -> Members:
    """An attachment routes by no table."""
    found = table(call, transit_gateway_route_table_id)
    attachment = named(call, Attachment, transit_gateway_attachment_id)
    if attachment.table != transit_gateway_route_table_id:
        text = f"Association {transit_gateway_attachment_id} does not exist in {transit_gateway_route_table_id}."
        raise Fault("InvalidAssociation.NotFound", text)
    disassociate(call, attachment)
    return {"Association": _association(found, attachment, "disassociating")}


def disassociate(call: Call, attachment: Attachment) -> None:
    if one := Association.get(call, attachment.table, attachment.transit_gateway_attachment_id):
        one.delete(call)
    attachment.table = ""
    save(call, attachment)
    rewire(call, attachment.transit_gateway_id)


@ec2.operation
def get_transit_gateway_route_table_associations(
    call: Call,
    transit_gateway_route_table_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The attachments that route by a table."""
    table(call, transit_gateway_route_table_id)
    found = [
        reference(attachment) | {"State": "associated"}
        for one in Association.scan(call, transit_gateway_route_table_id)
        if (attachment := Attachment.get(call, one.attachment))
    ]
    return selected(call, "Associations", OF_ATTACHMENTS, found, filters, max_results, next_token)


def _association(found: TransitGatewayRouteTable, attachment: Attachment, state: str) -> Members:
    return reference(attachment) | {
        "TransitGatewayRouteTableId": found.transit_gateway_route_table_id,
        "State": state,
    }


# Propagations


@ec2.operation
def enable_transit_gateway_route_table_propagation(
    call: Call,
    transit_gateway_route_table_id: str,
    transit_gateway_attachment_id: str = "",
    transit_gateway_route_table_announcement_id: str = "",
) -> Members:
    """Let a table learn the routes of an attachment, or what a peer announces."""
    announcement = transit_gateway_route_table_announcement_id
    transit_gateway_attachment_id = _attachment(call, transit_gateway_attachment_id, announcement)
    found, attachment = _both(call, transit_gateway_route_table_id, transit_gateway_attachment_id)
    if Propagation.get(call, transit_gateway_route_table_id, transit_gateway_attachment_id):
        text = f"Propagation of {transit_gateway_attachment_id} to {transit_gateway_route_table_id} already exists."
        raise Fault("TransitGatewayRouteTablePropagation.Duplicate", text)
    if attachment.resource_type == "peering" and not announcement:
        text = "Peering attachments do not support propagation, but by an announcement."
        raise Fault("OperationNotPermitted", text)
    propagate(call, found, attachment, announcement)
    return {"Propagation": _propagation(found, attachment, "enabled", announcement)}


def _attachment(call: Call, attachment_id: str, announcement: str) -> str:
    """The attachment that a request names itself, or by an announcement."""
    if not announcement:
        return attachment_id
    if attachment_id:
        raise combination("Specify a transit gateway attachment or an announcement, not both.")
    [peering] = {finder(call, announcement) for finder in ANNOUNCED}
    return peering


ANNOUNCED: list[Callable[[Call, str], str]] = []


def announced(finder: Callable[[Call, str], str]) -> Callable[[Call, str], str]:
    """Declare what knows the peering of an announcement."""
    ANNOUNCED.append(finder)
    return finder


def propagate(call: Call, found: TransitGatewayRouteTable, attachment: Attachment, announcement: str = "") -> None:
    what = attachment.transit_gateway_attachment_id
    Propagation(found.transit_gateway_route_table_id, what, announcement).put(call)
    rewire(call, found.transit_gateway_id)


@ec2.operation
def disable_transit_gateway_route_table_propagation(
    call: Call,
    transit_gateway_route_table_id: str,
    transit_gateway_attachment_id: str = "",
    transit_gateway_route_table_announcement_id: str = "",
) -> Members:
    """A table forgets the routes of an attachment."""
    found = table(call, transit_gateway_route_table_id)
    announcement = transit_gateway_route_table_announcement_id
    transit_gateway_attachment_id = _attachment(call, transit_gateway_attachment_id, announcement)
    if not transit_gateway_attachment_id:
        raise missing("TransitGatewayAttachmentId")
    attachment = named(call, Attachment, transit_gateway_attachment_id)
    one = Propagation.get(call, transit_gateway_route_table_id, transit_gateway_attachment_id)
    if one is None:
        text = f"Propagation of {transit_gateway_attachment_id} to {transit_gateway_route_table_id} does not exist."
        raise Fault("TransitGatewayRouteTablePropagation.NotFound", text)
    one.delete(call)
    rewire(call, found.transit_gateway_id)
    return {"Propagation": _propagation(found, attachment, "disabled", one.announcement)}


@ec2.operation
def get_transit_gateway_route_table_propagations(
    call: Call,
    transit_gateway_route_table_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The attachments whose routes a table learns."""
    table(call, transit_gateway_route_table_id)
    found = [
        reference(attachment) | {"State": "enabled", "TransitGatewayRouteTableAnnouncementId": one.announcement or None}
        for one in Propagation.scan(call, transit_gateway_route_table_id)
        if (attachment := Attachment.get(call, one.attachment))
    ]
    member = "TransitGatewayRouteTablePropagations"
    return selected(call, member, OF_ATTACHMENTS, found, filters, max_results, next_token)


@ec2.operation
def get_transit_gateway_attachment_propagations(
    call: Call,
    transit_gateway_attachment_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The tables that learn an attachment's routes."""
    named(call, Attachment, transit_gateway_attachment_id)
    fits = Filters({"transit-gateway-route-table-id": "TransitGatewayRouteTableId"}, tags=None)
    found = [
        {"TransitGatewayRouteTableId": one.table, "State": "enabled"}
        for one in Propagation.scan(call, transit_gateway_attachment_id, index="by_attachment")
    ]
    member = "TransitGatewayAttachmentPropagations"
    return selected(call, member, fits, found, filters, max_results, next_token)


def _propagation(found: TransitGatewayRouteTable, attachment: Attachment, state: str, announcement: str) -> Members:
    return reference(attachment) | {
        "TransitGatewayRouteTableId": found.transit_gateway_route_table_id,
        "TransitGatewayRouteTableAnnouncementId": announcement or None,
        "State": state,
    }


def _both(call: Call, table_id: str, attachment_id: str) -> tuple[TransitGatewayRouteTable, Attachment]:
    """A table and an attachment of the same gateway, which can be brought together."""
    found = table(call, table_id)
    if not attachment_id:
        raise missing("TransitGatewayAttachmentId")
    attachment = named(call, Attachment, attachment_id)
    if attachment.transit_gateway_id != found.transit_gateway_id:
        text = f"{attachment_id} and {table_id} are not of the same transit gateway."
        raise Fault("InvalidParameterValue", text)
    if not attachment.usable:
        raise Fault("IncorrectState", f"{attachment_id} is in invalid state")
    return found, attachment


# What becomes of an attachment


def arrived(call: Call, gateway: TransitGateway, attachment: Attachment) -> None:
    """A new attachment is brought together with the default tables of its gateway, which is the account's."""
    for role, bring in (("Association", associate), ("Propagation", propagate)):
        default = gateway.options.get(f"{role}DefaultRouteTableId")
        if _on(gateway, role) and default and (found := TransitGatewayRouteTable.get(call, default)):
            bring(call, found, attachment)


def arrived_associated(call: Call, gateway: TransitGateway, one: Attachment) -> None:
    """What has no routes to tell is associated with the default table only."""
    quiet = msgspec.structs.replace(gateway, options=gateway.options | {"DefaultRouteTablePropagation": "disable"})
    arrived(call, quiet, one)


def left(call: Call, attachment: Attachment) -> None:
    """An attachment goes: nothing routes by it or learns from it any more."""
    attachment_parts.end(call, attachment)
    if attachment.table:
        disassociate(call, attachment)
    for one in [*Propagation.scan(call, attachment.transit_gateway_attachment_id, index="by_attachment")]:
        one.delete(call)
