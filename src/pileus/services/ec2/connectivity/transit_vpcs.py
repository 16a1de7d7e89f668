"""VPCs attached to transit gateways, their own or those that others share with the account."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import neighbours
from .lives import enter, save
from .transit_attachments import VPC, Attachment, listing, of_kind
from .transit_gateways import TransitGateway, check_available, seen
from .transit_tables import arrived, left

DEFAULTS = {
    "DnsSupport": "enable",
    "SecurityGroupReferencingSupport": "enable",
    "Ipv6Support": "disable",
    "ApplianceModeSupport": "disable",
}

FILTERS = Filters(
    {
        "state": "state",
        "transit-gateway-attachment-id": "transit_gateway_attachment_id",
        "transit-gateway-id": "transit_gateway_id",
        "vpc-id": "resource_id",
    }
)


@ec2.operation
def create_transit_gateway_vpc_attachment(
    call: Call,
    transit_gateway_id: str,
    vpc_id: str,
    subnet_ids: list[str],
    options: Members = {},
    tag_specifications: list[Members] = [],
) -> Members:
    """Attach a VPC by one subnet in each zone. The owner of a shared gateway is asked first."""
    there, gateway = seen(call, transit_gateway_id)
    check_available(gateway)
    neighbours.vpc(call, vpc_id)
    check_subnets(call, vpc_id, subnet_ids)
    for one in Attachment.scan(call, vpc_id, index="by_resource"):
        if one.present and one.transit_gateway_id == transit_gateway_id:
            text = f"{transit_gateway_id} has non-deleted Transit Gateway Attachments with same VPC ID."
            raise Fault("DuplicateTransitGatewayAttachment", text)
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=transit_gateway_id,
        gateway_owner=gateway.owner,
        resource_type=VPC,
        resource_id=vpc_id,
        resource_owner=call.account,
        created=call.now,
        parties=[(gateway.owner, call.region), (call.account, call.region)],
        subnet_ids=[*dict.fromkeys(subnet_ids)],
        options=DEFAULTS | options,
        tags=specified(tag_specifications, "transit-gateway-attachment"),
    )
    asks = gateway.owner != call.account and gateway.options["AutoAcceptSharedAttachments"] != "enable"
    enter(call, made, "initiatingRequest" if asks else "pending")
    if not asks:
        accepted(there, gateway, made)
    return {"TransitGatewayVpcAttachment": shown(call, made)}


def accepted(call: Call, gateway: TransitGateway, attachment: Attachment) -> None:
    """The gateway's owner, at whom the call looks, takes an attachment on."""
    arrived(call, gateway, attachment)
    for subnet in attachment.subnet_ids:
        join(call, attachment, subnet)
    save(call, attachment)


def join(call: Call, attachment: Attachment, subnet: str) -> None:
    """The gateway gets an interface in a subnet."""
    owner = call.at(attachment.resource_owner)
    text = f"Network Interface for Transit Gateway Attachment {attachment.transit_gateway_attachment_id}"
    interface = neighbours.place(owner, subnet, [], text, kind="transit_gateway")
    attachment.interfaces = attachment.interfaces | {subnet: interface}


def leave(call: Call, attachment: Attachment, subnet: str) -> None:
    """The gateway's interface in a subnet goes."""
    neighbours.displace(call.at(attachment.resource_owner), attachment.interfaces.get(subnet, ""))
    attachment.interfaces = {where: what for where, what in attachment.interfaces.items() if where != subnet}


def check_subnets(call: Call, vpc_id: str, subnet_ids: list[str]) -> None:
    """Raise unless the subnets are the VPC's, each in a zone of its own."""
    zones: set[str] = set()
    for what in dict.fromkeys(subnet_ids):
        subnet = neighbours.subnet(call, what)
        if subnet.vpc_id != vpc_id:
            raise Fault("InvalidSubnetID.NotFound", f"The subnet ID '{what}' does not exist in {vpc_id}")
        if subnet.availability_zone in zones:
            raise Fault("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")
        zones.add(subnet.availability_zone)


@ec2.operation
def accept_transit_gateway_vpc_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Let another account's VPC onto a gateway of the account."""
    one = _asked(call, transit_gateway_attachment_id)
    enter(call, one, "pending")
    accepted(call, named(call, TransitGateway, one.transit_gateway_id), one)
    return {"TransitGatewayVpcAttachment": shown(call, one)}


@ec2.operation
def reject_transit_gateway_vpc_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Keep another account's VPC from a gateway of the account."""
    one = _asked(call, transit_gateway_attachment_id)
    enter(call, one, "rejecting")
    return {"TransitGatewayVpcAttachment": shown(call, one)}


def _asked(call: Call, what: str) -> Attachment:
    one = of_kind(call, what, (VPC,), ("pendingAcceptance",))
    if one.gateway_owner != call.account:
        raise Fault("OperationNotPermitted", f"Only the owner of {one.transit_gateway_id} can accept or reject {what}.")
    return one


@ec2.operation
def describe_transit_gateway_vpc_attachments(
    call: Call,
    transit_gateway_attachment_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The VPCs attached to the account's gateways, and its own VPCs attached to others'."""
    ids, member = transit_gateway_attachment_ids, "TransitGatewayVpcAttachments"
    return listing(call, (VPC,), FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Attachment) -> Members:
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "TransitGatewayId": one.transit_gateway_id,
        "VpcId": one.resource_id,
        "VpcOwnerId": one.resource_owner,
        "State": one.state,
        "SubnetIds": one.subnet_ids,
        "CreationTime": one.created,
        "Options": one.options,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def modify_transit_gateway_vpc_attachment(
    call: Call,
    transit_gateway_attachment_id: str,
    add_subnet_ids: list[str] = [],
    remove_subnet_ids: list[str] = [],
    options: Members = {},
) -> Members:
    """Change an attachment's subnets and options."""
    one = _own(call, transit_gateway_attachment_id, "available")
    for what in remove_subnet_ids:
        if what not in one.subnet_ids:
            raise Fault(
                "InvalidSubnetID.NotFound", f"{what} is not one of the subnets of {transit_gateway_attachment_id}"
            )
    subnets = [what for what in dict.fromkeys([*one.subnet_ids, *add_subnet_ids]) if what not in remove_subnet_ids]
    if not subnets:
        raise Fault("InsufficientSubnetsException", "An attachment must have at least one subnet.")
    check_subnets(call, one.resource_id, subnets)
    for what in set(subnets) - {*one.subnet_ids}:
        join(call, one, what)
    for what in {*one.subnet_ids} - set(subnets):
        leave(call, one, what)
    one.subnet_ids, one.options = subnets, one.options | options
    enter(call, one, "modifying")
    return {"TransitGatewayVpcAttachment": shown(call, one)}


@ec2.operation
def delete_transit_gateway_vpc_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Take a VPC off its gateway; routes to it drop what they match from then on."""
    one = of_kind(call, transit_gateway_attachment_id, (VPC,))
    if one.state in ("deleting", "deleted"):
        return {"TransitGatewayVpcAttachment": shown(call, one)}
    for above in Attachment.scan(call, one.transit_gateway_id, index="by_gateway"):
        if above.present and above.transport == transit_gateway_attachment_id:
            text = f"{transit_gateway_attachment_id} has non-deleted Transit Gateway Connect attachments."
            raise Fault("IncorrectState", text)
    detach(call, one)
    return {"TransitGatewayVpcAttachment": shown(call, one)}


def detach(call: Call, one: Attachment) -> None:
    left(call.at(one.gateway_owner), one)
    for subnet in one.subnet_ids:
        leave(call, one, subnet)
    enter(call, one, "deleting")


def _own(call: Call, what: str, state: str) -> Attachment:
    one = of_kind(call, what, (VPC,), (state,))
    if one.resource_owner != call.account:
        raise Fault("OperationNotPermitted", f"{what} belongs to another account.")
    return one
