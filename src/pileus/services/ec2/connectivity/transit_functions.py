"""Network function attachments: a transit gateway at an endpoint service of Gateway Load Balancers, without a VPC.

The service's owner accepts one as it accepts an endpoint. Nothing stands behind such a service here: what is routed to
an attachment gets nowhere.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.network import zones
from pileus.services.ec2.tags import shown_tags, specified

from .endpoint_configurations import Connection, admits, named_service
from .endpoint_services import BALANCER, absent_service
from .lives import enter
from .transit_attachments import FUNCTION, Attachment, listing, of_kind
from .transit_gateways import available
from .transit_tables import arrived_associated, left

FILTERS = Filters(
    {
        "service-name": "resource_id",
        "state": "state",
        "transit-gateway-attachment-id": "transit_gateway_attachment_id",
        "transit-gateway-id": "transit_gateway_id",
    }
)


@ec2.operation
def create_transit_gateway_network_function_attachment(
    call: Call,
    transit_gateway_id: str,
    service_name: str,
    availability_zones: list[str] = [],
    availability_zone_ids: list[str] = [],
    tag_specifications: list[Members] = [],
) -> Members:
    """Attach a service, in some zones; a gateway has one attachment to a service."""
    gateway = available(call, transit_gateway_id)
    found = named_service(call, service_name)
    if found is None or not admits(call, *found) or found[1].type != BALANCER:
        raise absent_service(service_name)
    there, service = found
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.present and one.resource_id == service_name:
            text = f"{transit_gateway_id} has non-deleted network function attachments to {service_name}."
            raise Fault("DuplicateTransitGatewayAttachment", text)
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=transit_gateway_id,
        gateway_owner=gateway.owner,
        resource_type=FUNCTION,
        resource_id=service_name,
        resource_owner=call.account,
        created=call.now,
        parties=[(call.account, call.region)],
        zones=_zones(call, [], availability_zones, availability_zone_ids),
        tags=specified(tag_specifications, "transit-gateway-attachment"),
    )
    what = made.transit_gateway_attachment_id
    Connection(service.service_id, what, hex_id("vpce-con"), call.account, call.region, call.now).put(there)
    enter(call, made, "pendingAcceptance" if service.acceptance_required else "pending")
    arrived_associated(call, gateway, made)
    return {"TransitGatewayNetworkFunctionAttachment": shown(call, made)}


def _zones(call: Call, there: list[str], names: list[str], ids: list[str]) -> list[str]:
    """The names of zones, with those that are there already."""
    found = [*there, *(zones.zone(call, name).name for name in names), *(zones.zone(call, "", one).name for one in ids)]
    if not found:
        raise missing("AvailabilityZones", "AvailabilityZoneIds")
    return [*dict.fromkeys(found)]


@ec2.operation
def modify_transit_gateway_network_function_attachment(
    call: Call,
    transit_gateway_attachment_id: str,
    add_availability_zones: list[str] = [],
    add_availability_zone_ids: list[str] = [],
    remove_availability_zones: list[str] = [],
    remove_availability_zone_ids: list[str] = [],
) -> Members:
    """Change an attachment's zones, of which it keeps one at least."""
    one = of_kind(call, transit_gateway_attachment_id, (FUNCTION,), ("available",))
    wanted = _zones(call, one.zones, add_availability_zones, add_availability_zone_ids)
    removed = remove_availability_zones or remove_availability_zone_ids
    gone = _zones(call, [], remove_availability_zones, remove_availability_zone_ids) if removed else []
    one.zones = [name for name in wanted if name not in gone]
    if not one.zones:
        raise Fault("InvalidParameterValue", "An attachment must have at least one Availability Zone.")
    enter(call, one, "modifying")
    return {"TransitGatewayNetworkFunctionAttachment": shown(call, one)}


@ec2.operation
def describe_transit_gateway_network_function_attachments(
    call: Call,
    transit_gateway_attachment_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The attachments of services to the account's gateways."""
    ids, member = transit_gateway_attachment_ids, "TransitGatewayNetworkFunctionAttachments"
    return listing(call, (FUNCTION,), FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Attachment) -> Members:
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "TransitGatewayId": one.transit_gateway_id,
        "TransitGatewayOwnerId": one.gateway_owner,
        "ResourceOwnerId": one.resource_owner,
        "ResourceId": one.resource_id,
        "AvailabilityZones": one.zones,
        "AvailabilityZoneIds": [zones.zone(call, name).id for name in one.zones],
        "State": one.state,
        "CreationTime": one.created,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_transit_gateway_network_function_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Take a service off a gateway."""
    one = of_kind(call, transit_gateway_attachment_id, (FUNCTION,))
    if one.present:
        if found := named_service(call, one.resource_id):
            there, service = found
            if connection := Connection.get(there, service.service_id, transit_gateway_attachment_id):
                connection.delete(there)
        left(call, one)
        enter(call, one, "deleting")
    return {"TransitGatewayNetworkFunctionAttachment": shown(call, one)}
