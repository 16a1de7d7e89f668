"""NAT gateways: what lets a private subnet out, to the internet or to other networks.

Their states follow the cloud's clock. Left out: gateways that span the zones of a Region.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import MOMENT, Members, described
from pileus.services.ec2.faults import combination, invalid, limit
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import addresses, associations, changes, interface_addresses, interfaces, limits, targets
from .addresses import Address
from .interfaces import Attachment, NetworkInterface
from .internet_gateways import gateway_of
from .subnets import Subnet

PENDING, AVAILABLE, FAILED, DELETING, DELETED = "pending", "available", "failed", "deleting", "deleted"

READY, DELETION, REMEMBERED = MOMENT, MOMENT, 3600.0
"""How long a gateway takes to be made and to be deleted, and how long it is shown then, in seconds."""


class NatAddress(msgspec.Struct):
    """An address of a gateway."""

    private_ip: str
    is_primary: bool = False
    public_ip: str = ""
    allocation_id: str = ""
    association_id: str = ""
    status: str = "succeeded"


@kind(
    "natgateway",
    "nat",
    missing=("NatGatewayNotFound", "The Nat Gateway {} was not found"),
    malformed="NatGatewayMalformed",
)
class NatGateway(
    Record,
    arn="natgateway/{nat_gateway_id}",
    cfn="AWS::EC2::NatGateway",
    indexes={"of_vpc": ("vpc_id",), "of_subnet": ("subnet_id",), "in_zone": ("availability_zone",)},
):
    nat_gateway_id: str
    vpc_id: str
    subnet_id: str
    availability_zone: str
    connectivity_type: str
    create_time: float
    state: str = PENDING
    network_interface_id: str = ""
    addresses: list[NatAddress] = []
    delete_time: float = 0.0
    failure_code: str = ""
    failure_message: str = ""
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "nat-gateway-id": "nat_gateway_id",
        "state": "state",
        "subnet-id": "subnet_id",
        "vpc-id": "vpc_id",
    }
)


@targets.way("nat", "NatGatewayId")
def reached(call: Call, vpc_id: str, target: str) -> bool:
    found = NatGateway.get(call, target)
    return found is not None and found.state in (PENDING, AVAILABLE)


# Life


@ec2.operation
def create_nat_gateway(
    call: Call,
    subnet_id: str = "",
    allocation_id: str = "",
    connectivity_type: str = "public",
    private_ip_address: str = "",
    secondary_allocation_ids: list[str] = [],
    secondary_private_ip_addresses: list[str] = [],
    secondary_private_ip_address_count: int = 0,
    client_token: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a gateway in a subnet, with an Elastic IP address unless it is a private one."""
    if made := tokens.made_before(call, client_token):
        return {"NatGateway": shown(call, named(call, NatGateway, made)), "ClientToken": client_token}
    subnet = named(call, Subnet, subnet_id)
    tags = specified(tag_specifications, "natgateway")
    check(call, connectivity_type, allocation_id, secondary_allocation_ids, secondary_private_ip_address_count)
    there = NatGateway.scan(call, subnet.availability_zone, index="in_zone")
    if sum(one.state in (PENDING, AVAILABLE, DELETING) for one in there) >= limits.NAT_GATEWAYS:
        raise limit("NatGatewayLimit", "The maximum number of NAT Gateways has been reached.")
    gateway = NatGateway(
        nat_gateway_id=new_id(NatGateway),
        vpc_id=subnet.vpc_id,
        subnet_id=subnet_id,
        availability_zone=subnet.availability_zone,
        connectivity_type=connectivity_type,
        create_time=call.now,
        tags=tags,
    )
    add_interface(call, subnet, gateway, private_ip_address)
    if allocation_id:
        secondary_allocation_ids = [allocation_id, *secondary_allocation_ids]
    count = secondary_private_ip_address_count or max(0, len(secondary_allocation_ids) - 1)
    add_private(call, gateway, secondary_private_ip_addresses, count)
    for one, what in zip(gateway.addresses, secondary_allocation_ids, strict=False):
        one.allocation_id, one.public_ip = what, named(call, Address, what).public_ip
    gateway.put(call)
    tokens.remember(call, client_token, gateway.nat_gateway_id)
    nat_gateway_available.later(call, delay=READY, nat_gateway_id=gateway.nat_gateway_id)
    return {"NatGateway": shown(call, gateway), "ClientToken": client_token or None}


def check(call: Call, connectivity: str, allocation_id: str, secondary: list[str], count: int) -> None:
    """Raise what is wrong with the addresses that a gateway is to have."""
    if connectivity == "private":
        if allocation_id or secondary:
            raise combination("You cannot specify an AllocationId for a private NAT gateway.")
        return
    if not allocation_id:
        text = "The request must include the AllocationId parameter. Add the required parameter and retry the request."
        raise Fault("MissingParameter", text)
    if count:
        raise combination("SecondaryPrivateIpAddressCount can be specified for a private NAT gateway only.")
    for one in (allocation_id, *secondary):
        if named(call, Address, one).association_id:
            raise Fault("Resource.AlreadyAssociated", f"Elastic IP address [{one}] is already associated")


def add_interface(call: Call, subnet: Subnet, gateway: NatGateway, private_ip: str) -> None:
    """The interface by which a gateway stands in its subnet; it has no security group."""
    interface = interfaces.create(
        call,
        subnet,
        groups=None,
        private_ip=private_ip,
        description=f"Interface for NAT Gateway {gateway.nat_gateway_id}",
        requester="amazon-nat-gateway",
        interface_type="nat_gateway",
    )
    interface.source_dest_check = False
    interface.attachment = Attachment(
        attachment_id=associations.associate(call, "ela-attach", interface.network_interface_id),
        instance_id="",
        instance_owner_id="amazon-aws",
        device_index=1,
        attach_time=call.now,
    )
    interface.put(call)
    gateway.network_interface_id = interface.network_interface_id
    gateway.addresses = [NatAddress(interface.private_ip_address, is_primary=True)]


def add_private(call: Call, gateway: NatGateway, wanted: list[str], count: int) -> list[NatAddress]:
    """Give a gateway further private addresses: the wanted ones, or so many."""
    if len(gateway.addresses) + (len(wanted) or count) > 8:
        raise limit("PrivateIpAddressLimit", "The maximum number of private IP addresses has been reached.")
    interface = named(call, NetworkInterface, gateway.network_interface_id)
    subnet = named(call, Subnet, gateway.subnet_id)
    added = [NatAddress(one) for one in interface_addresses.add_ipv4(call, subnet, interface, wanted, count)]
    interface.put(call)
    gateway.addresses += added
    return added


@ec2.task
def nat_gateway_available(call: Call, nat_gateway_id: str) -> None:
    """Let a gateway begin its work, or fail where its VPC has no way to the internet."""
    gateway = NatGateway.get(call, nat_gateway_id)
    if gateway is None or gateway.state != PENDING:
        return
    if gateway.connectivity_type == "public" and gateway_of(call, gateway.vpc_id) is None:
        gateway.failure_code = "Gateway.NotAttached"
        gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
        leave(call, gateway, FAILED)
        return
    for one in gateway.addresses:
        if one.allocation_id:
            found = named(call, Address, one.allocation_id)
            one.association_id = addresses.associate(call, found, gateway.network_interface_id, one.private_ip)
    gateway.state = AVAILABLE
    gateway.put(call)
    changes.changed(call, gateway.vpc_id)


@ec2.operation
def describe_nat_gateways(
    call: Call,
    nat_gateway_ids: list[str] = [],
    filter: list[dict[str, Any]] = [],  # noqa: A002
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's NAT gateways, those among them that were deleted within the hour."""
    return described(call, NatGateway, FILTERS, "NatGateways", shown, nat_gateway_ids, filter, max_results, next_token)


def shown(call: Call, gateway: NatGateway) -> Members:
    return {
        "NatGatewayId": gateway.nat_gateway_id,
        "VpcId": gateway.vpc_id,
        "SubnetId": gateway.subnet_id,
        "ConnectivityType": gateway.connectivity_type,
        "AvailabilityMode": "zonal",
        "State": gateway.state,
        "CreateTime": gateway.create_time,
        "DeleteTime": gateway.delete_time or None,
        "FailureCode": gateway.failure_code or None,
        "FailureMessage": gateway.failure_message or None,
        "NatGatewayAddresses": [shown_address(gateway, one) for one in gateway.addresses],
        "Tags": shown_tags(gateway.tags),
    }


def shown_address(gateway: NatGateway, one: NatAddress) -> Members:
    return {
        "NetworkInterfaceId": gateway.network_interface_id,
        "PrivateIp": one.private_ip,
        "PublicIp": one.public_ip or None,
        "AllocationId": one.allocation_id or None,
        "AssociationId": one.association_id or None,
        "IsPrimary": one.is_primary,
        "Status": one.status,
    }


@ec2.operation
def delete_nat_gateway(call: Call, nat_gateway_id: str) -> Members:
    """Delete a gateway; routes to it lead nowhere from now on, and its addresses are free when it is gone."""
    gateway = named(call, NatGateway, nat_gateway_id)
    if gateway.state in (PENDING, AVAILABLE, FAILED):
        gateway.state, gateway.delete_time = DELETING, call.now
        gateway.put(call)
        nat_gateway_deleted.later(call, delay=DELETION, nat_gateway_id=nat_gateway_id)
        changes.changed(call, gateway.vpc_id)
    return {"NatGatewayId": nat_gateway_id}


@ec2.task
def nat_gateway_deleted(call: Call, nat_gateway_id: str) -> None:
    """Give back what a gateway had."""
    gateway = NatGateway.get(call, nat_gateway_id)
    if gateway is not None and gateway.state == DELETING:
        leave(call, gateway, DELETED)


def leave(call: Call, gateway: NatGateway, state: str) -> None:
    """Let a gateway end; it is shown for an hour."""
    if interface := NetworkInterface.get(call, gateway.network_interface_id):
        interfaces.remove(call, interface)
    gateway.state = state
    gateway.put(call)
    nat_gateway_forgotten.later(call, delay=REMEMBERED, nat_gateway_id=gateway.nat_gateway_id)
    changes.changed(call, gateway.vpc_id)


@ec2.task
def nat_gateway_forgotten(call: Call, nat_gateway_id: str) -> None:
    """Show a gateway no more that has ended."""
    gateway = NatGateway.get(call, nat_gateway_id)
    if gateway is not None and gateway.state in (DELETED, FAILED):
        gateway.delete(call)


# Addresses


def usable(call: Call, nat_gateway_id: str, connectivity: str) -> NatGateway:
    gateway = named(call, NatGateway, nat_gateway_id)
    if gateway.state != AVAILABLE:
        text = f"The NAT gateway {nat_gateway_id} is not in a valid state for this operation."
        raise Fault("IncorrectState", text)
    if gateway.connectivity_type != connectivity:
        raise invalid(f"The NAT gateway {nat_gateway_id} is not a {connectivity} NAT gateway.")
    return gateway


def answer(gateway: NatGateway, found: list[NatAddress], status: str) -> Members:
    told = [shown_address(gateway, one) | {"Status": status} for one in found]
    return {"NatGatewayId": gateway.nat_gateway_id, "NatGatewayAddresses": told}


@ec2.operation
def assign_private_nat_gateway_address(
    call: Call, nat_gateway_id: str, private_ip_addresses: list[str] = [], private_ip_address_count: int = 0
) -> Members:
    """Give a private gateway further addresses."""
    gateway = usable(call, nat_gateway_id, "private")
    added = add_private(call, gateway, private_ip_addresses, private_ip_address_count)
    gateway.put(call)
    changes.changed(call, gateway.vpc_id)
    return answer(gateway, added, "assigning")


@ec2.operation
def unassign_private_nat_gateway_address(call: Call, nat_gateway_id: str, private_ip_addresses: list[str]) -> Members:
    """Take addresses from a private gateway, but not its primary one. Nothing is drained first."""
    gateway = usable(call, nat_gateway_id, "private")
    gone = [one for one in gateway.addresses if one.private_ip in private_ip_addresses]
    drop(call, gateway, gone, private_ip_addresses)
    return answer(gateway, gone, "unassigning")


def drop(call: Call, gateway: NatGateway, gone: list[NatAddress], wanted: list[str]) -> None:
    if len(gone) < len(wanted):
        raise invalid(f"Some of the addresses are not those of the NAT gateway {gateway.nat_gateway_id}: {wanted}")
    if any(one.is_primary for one in gone):
        raise Fault("OperationNotPermitted", "The primary address of a NAT gateway cannot be removed.")
    interface = named(call, NetworkInterface, gateway.network_interface_id)
    interface_addresses.release(call, interface, [one.private_ip for one in gone])
    gateway.addresses = [one for one in gateway.addresses if one not in gone]
    gateway.put(call)


@ec2.operation
def associate_nat_gateway_address(
    call: Call, nat_gateway_id: str, allocation_ids: list[str], private_ip_addresses: list[str] = []
) -> Members:
    """Give a public gateway further Elastic IP addresses, each with a private one."""
    gateway = usable(call, nat_gateway_id, "public")
    check(call, "public", allocation_ids[0], allocation_ids[1:], 0)
    if private_ip_addresses and len(private_ip_addresses) != len(allocation_ids):
        raise combination("The number of private IP addresses must be that of the allocation IDs.")
    added = add_private(call, gateway, private_ip_addresses, len(allocation_ids))
    for one, what in zip(added, allocation_ids, strict=True):
        found = named(call, Address, what)
        one.allocation_id, one.public_ip = what, found.public_ip
        one.association_id = addresses.associate(call, found, gateway.network_interface_id, one.private_ip)
    gateway.put(call)
    changes.changed(call, gateway.vpc_id)
    return answer(gateway, added, "associating")


@ec2.operation
def disassociate_nat_gateway_address(call: Call, nat_gateway_id: str, association_ids: list[str]) -> Members:
    """Take Elastic IP addresses from a public gateway, with their private ones. Nothing is drained first."""
    gateway = usable(call, nat_gateway_id, "public")
    gone = [one for one in gateway.addresses if one.association_id in association_ids]
    if any(one.is_primary for one in gone):
        raise Fault("OperationNotPermitted", "The primary address of a NAT gateway cannot be removed.")
    for one in gone:
        addresses.dissolve(call, named(call, Address, one.allocation_id))
    drop(call, gateway, gone, association_ids)
    return answer(gateway, gone, "disassociating")
