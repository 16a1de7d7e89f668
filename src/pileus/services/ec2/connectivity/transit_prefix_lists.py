"""Prefix lists in the route tables of transit gateways: one route for all blocks of a list."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged

from . import neighbours
from .transit_attachments import Attachment, reference, rewire
from .transit_routes import PrefixListReference, target
from .transit_tables import TransitGatewayRouteTable, table


@ec2.operation
def create_transit_gateway_prefix_list_reference(
    call: Call,
    transit_gateway_route_table_id: str,
    prefix_list_id: str,
    transit_gateway_attachment_id: str = "",
    blackhole: bool = False,
) -> Members:
    """Route all blocks of a prefix list to an attachment, or drop what goes there."""
    found = table(call, transit_gateway_route_table_id)
    neighbours.prefix_list_blocks(call, prefix_list_id)
    if PrefixListReference.get(call, transit_gateway_route_table_id, prefix_list_id):
        text = f"A reference to {prefix_list_id} already exists in {transit_gateway_route_table_id}."
        raise Fault("PrefixListReference.Duplicate", text)
    return _refer(call, found, prefix_list_id, transit_gateway_attachment_id, blackhole)


@ec2.operation
def modify_transit_gateway_prefix_list_reference(
    call: Call,
    transit_gateway_route_table_id: str,
    prefix_list_id: str,
    transit_gateway_attachment_id: str = "",
    blackhole: bool = False,
) -> Members:
    """Route the blocks of a prefix list elsewhere."""
    found = table(call, transit_gateway_route_table_id)
    _reference(call, transit_gateway_route_table_id, prefix_list_id)
    return _refer(call, found, prefix_list_id, transit_gateway_attachment_id, blackhole)


def _refer(call: Call, found: TransitGatewayRouteTable, prefix_list: str, attachment: str, blackhole: bool) -> Members:
    target(call, found, attachment, blackhole)
    table_id = found.transit_gateway_route_table_id
    made = PrefixListReference(table=table_id, prefix_list_id=prefix_list, attachment=attachment).put(call)
    rewire(call, found.transit_gateway_id)
    return {"TransitGatewayPrefixListReference": _referring(call, made)}


@ec2.operation
def delete_transit_gateway_prefix_list_reference(
    call: Call, transit_gateway_route_table_id: str, prefix_list_id: str
) -> Members:
    """A table no longer routes the blocks of a prefix list."""
    found = table(call, transit_gateway_route_table_id)
    one = _reference(call, transit_gateway_route_table_id, prefix_list_id)
    one.delete(call)
    rewire(call, found.transit_gateway_id)
    return {"TransitGatewayPrefixListReference": _referring(call, one) | {"State": "deleting"}}


def _reference(call: Call, table_id: str, prefix_list: str) -> PrefixListReference:
    if found := PrefixListReference.get(call, table_id, prefix_list):
        return found
    text = f"Prefix list reference {prefix_list} does not exist in {table_id}."
    raise Fault("InvalidPrefixListReference.NotFound", text)


REFERENCE_FILTERS = Filters(
    {
        "attachment.resource-id": "TransitGatewayAttachment.ResourceId",
        "attachment.resource-type": "TransitGatewayAttachment.ResourceType",
        "attachment.transit-gateway-attachment-id": "TransitGatewayAttachment.TransitGatewayAttachmentId",
        "is-blackhole": "Blackhole",
        "prefix-list-id": "PrefixListId",
        "prefix-list-owner-id": "PrefixListOwnerId",
        "state": "State",
    },
    tags=None,
)


@ec2.operation
def get_transit_gateway_prefix_list_references(
    call: Call,
    transit_gateway_route_table_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The prefix lists by which a table routes."""
    table(call, transit_gateway_route_table_id)
    found = [_referring(call, one) for one in PrefixListReference.scan(call, transit_gateway_route_table_id)]
    chosen = REFERENCE_FILTERS.select(found, filters)
    return paged(call, "TransitGatewayPrefixListReferences", chosen, max_results, next_token)


def _referring(call: Call, one: PrefixListReference) -> Members:
    attachment = Attachment.get(call, one.attachment) if one.attachment else None
    return {
        "TransitGatewayRouteTableId": one.table,
        "PrefixListId": one.prefix_list_id,
        "PrefixListOwnerId": neighbours.prefix_list_owner(call, one.prefix_list_id),
        "State": "available",
        "Blackhole": not one.attachment,
        "TransitGatewayAttachment": reference(attachment) if attachment else None,
    }
