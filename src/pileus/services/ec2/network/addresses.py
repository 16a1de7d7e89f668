"""Elastic IP addresses: public addresses that an account keeps, and what they stand before.

An interface's private address has one public address at most: an Elastic one, or one that came by itself when an
instance was launched (`auto_assign`), which goes when an Elastic one comes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid, missing
from pileus.services.ec2.kinds import all_named, kind, kind_of, named
from pileus.services.ec2.tags import shown_tags

from . import associations, changes, public_ranges, sharing
from .interfaces import NetworkInterface, PrivateAddress, PublicAddress, of_instance
from .interfaces import life as interface_life
from .internet_gateways import InternetGateway, gateway_of
from .internet_gateways import life as gateway_life
from .life import Life

PREFIX = "eipassoc"

AMAZON = "amazon"
"""Amazon's own pool."""


class Transfer(msgspec.Struct):
    """An offer of an address to another account."""

    account: str
    expires: float


@kind(
    "elastic-ip",
    "eipalloc",
    missing=("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    malformed="InvalidParameterValue",
)
class Address(
    Record,
    arn="elastic-ip/{allocation_id}",
    cfn="AWS::EC2::EIP",
    indexes={"by_ip": ("public_ip",), "of_interface": ("network_interface_id",)},
):
    allocation_id: str
    public_ip: str
    network_border_group: str
    public_ipv4_pool: str = AMAZON
    association_id: str = ""
    network_interface_id: str = ""
    network_interface_owner_id: str = ""
    private_ip_address: str = ""
    ptr_record: str = ""
    customer_owned_ip: str = ""
    """An address of the premises of an Outpost, in the place of a public one."""
    customer_owned_pool: str = ""
    service_managed: str = ""
    """Which service keeps it, if one does: `rnat`, `nlb`, …"""
    transfer: Transfer | None = None
    tags: dict[str, str] = {}


life = Life[Address]()


class Mapped(Record, key=("vpc_id", "public_ip")):
    """A public address that stands before a private one in a VPC, of whichever kind."""

    vpc_id: str
    public_ip: str
    network_interface_id: str
    private_ip_address: str
    subnet_id: str = ""
    outward: bool = False
    """Whether nobody comes in by it, as by a NAT gateway's."""


FILTERS = Filters(
    {
        "allocation-id": "AllocationId",
        "association-id": "AssociationId",
        "domain": "Domain",
        "instance-id": "InstanceId",
        "network-border-group": "NetworkBorderGroup",
        "network-interface-id": "NetworkInterfaceId",
        "network-interface-owner-id": "NetworkInterfaceOwnerId",
        "private-ip-address": "PrivateIpAddress",
        "public-ip": "PublicIp",
        "service-managed": "ServiceManaged",
    },
    tags=lambda one: {tag["Key"]: tag["Value"] for tag in one["Tags"] or ()},
)


# Told of


@ec2.operation
def describe_addresses(
    call: Call,
    allocation_ids: list[str] = [],
    public_ips: list[str] = [],
    filters: list[dict[str, Any]] = [],
) -> Members:
    """An account's Elastic IP addresses."""
    if allocation_ids:
        found = all_named(call, Address, allocation_ids)
    elif public_ips:
        found = [of_ip(call, one) for one in dict.fromkeys(public_ips)]
    else:
        found = [*Address.scan(call)]
    return {"Addresses": FILTERS.select([shown(call, one) for one in found], filters)}


def of_ip(call: Call, public_ip: str) -> Address:
    """The Elastic IP address of that number."""
    found = Address.first(call, public_ip, index="by_ip")
    if found is None:
        raise Fault("InvalidAddress.NotFound", f"Address '{public_ip}' not found.")
    return found


def chosen(call: Call, allocation_id: str, public_ip: str) -> Address:
    if allocation_id and public_ip:
        raise combination("You may specify public IP or allocation id, but not both in the same call")
    if not allocation_id and not public_ip:
        raise missing("AllocationId", "PublicIp")
    return named(call, Address, allocation_id) if allocation_id else of_ip(call, public_ip)


def shown(call: Call, one: Address) -> Members:
    told: Members = {
        "AllocationId": one.allocation_id,
        "PublicIp": one.public_ip or None,
        "Domain": "vpc",
        "PublicIpv4Pool": None if one.customer_owned_ip else one.public_ipv4_pool,
        "CustomerOwnedIp": one.customer_owned_ip or None,
        "CustomerOwnedIpv4Pool": one.customer_owned_pool or None,
        "NetworkBorderGroup": one.network_border_group,
        "ServiceManaged": one.service_managed or None,
        "Tags": shown_tags(one.tags) or None,
    }
    if one.association_id:
        interface = NetworkInterface.get(call.at(account=one.network_interface_owner_id), one.network_interface_id)
        told |= {
            "AssociationId": one.association_id,
            "NetworkInterfaceId": one.network_interface_id,
            "NetworkInterfaceOwnerId": one.network_interface_owner_id,
            "PrivateIpAddress": one.private_ip_address,
            "InstanceId": (interface.instance_id if interface else "") or None,
            "SubnetId": interface.subnet_id if interface else None,
        }
    return told


# Associated


@ec2.operation
def associate_address(
    call: Call,
    allocation_id: str = "",
    public_ip: str = "",
    instance_id: str = "",
    network_interface_id: str = "",
    private_ip_address: str = "",
    allow_reassociation: bool = True,
) -> Members:
    """Let an address stand before an interface's private one, by default its primary one."""
    one = chosen(call, allocation_id, public_ip)
    if one.customer_owned_ip:
        raise Unfinished("Pileus has no premises whose addresses could stand before an interface.")
    interface = target(call, instance_id, network_interface_id)
    private = private_of(interface, private_ip_address)
    if gateway_of(sharing.home(call, interface.vpc_id), interface.vpc_id) is None:
        text = f"Network {interface.vpc_id} is not attached to any internet gateway"
        raise Fault("Gateway.NotAttached", text)
    same = one.network_interface_id == interface.network_interface_id
    if one.association_id and same and one.private_ip_address == private.private_ip_address:
        return {"AssociationId": one.association_id}
    if one.association_id and not allow_reassociation:
        what = one.allocation_id
        text = f"resource {what} is already associated with associate-id {one.association_id}"
        raise Fault("Resource.AlreadyAssociated", text)
    return {"AssociationId": associate(call, one, interface.network_interface_id, private.private_ip_address)}


def target(call: Call, instance_id: str, network_interface_id: str) -> NetworkInterface:
    """The interface that a request means: an instance's only one, if it names the instance."""
    if network_interface_id:
        return named(call, NetworkInterface, network_interface_id)
    if not instance_id:
        raise missing("InstanceId", "NetworkInterfaceId")
    found = [*of_instance(call, instance_id)]
    if not found:
        kind_there = kind_of(instance_id)
        if kind_there is None or kind_there.record.get(call, instance_id) is None:
            raise Fault("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        text = f"The pending instance '{instance_id}' is not in a valid state for this operation."
        raise Fault("InvalidInstanceID", text)
    if len(found) > 1:
        raise Fault(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{instance_id}'. Please specify an interface ID for "
            "the operation instead.",
        )
    return found[0]


def private_of(interface: NetworkInterface, private_ip: str) -> PrivateAddress:
    found = interface.private_ip_addresses
    if not private_ip and found:
        return found[0]
    for one in found:
        if one.private_ip_address == private_ip:
            return one
    text = f"Invalid value '{private_ip}' for PrivateIpAddress. Address is not assigned to the interface."
    raise Fault("InvalidParameterValue", text)


def associate(call: Call, one: Address, network_interface_id: str, private_ip: str) -> str:
    """Let an Elastic IP address stand before a private one, in the place of what stood there; the association."""
    if one.association_id:
        dissolve(call, one)
    interface = named(call, NetworkInterface, network_interface_id)
    private = private_of(interface, private_ip)
    if there := private.association:
        if there.allocation_id:
            dissolve(call, named(call, Address, there.allocation_id))
        else:
            auto_release(call, interface)
        interface = named(call, NetworkInterface, network_interface_id)
        private = private_of(interface, private_ip)
    one.association_id = associations.associate(call, PREFIX, one.allocation_id)
    one.network_interface_id = network_interface_id
    one.network_interface_owner_id = interface.owner_id
    one.private_ip_address = private.private_ip_address
    one.put(call)
    private.association = PublicAddress(one.public_ip, call.account, one.allocation_id, one.association_id)
    put_mapped(call, interface, private)
    return one.association_id


def put_mapped(call: Call, interface: NetworkInterface, private: PrivateAddress) -> None:
    assert private.association
    public_ip, private_ip = private.association.public_ip, private.private_ip_address
    there = sharing.home(call, interface.vpc_id)
    Mapped(
        vpc_id=interface.vpc_id,
        public_ip=public_ip,
        network_interface_id=interface.network_interface_id,
        private_ip_address=private_ip,
        subnet_id=interface.subnet_id,
        outward=interface.interface_type == "nat_gateway",
    ).put(there)
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def unmap(call: Call, interface: NetworkInterface, private: PrivateAddress) -> None:
    """Take the public address away before a private one."""
    assert private.association
    there = sharing.home(call, interface.vpc_id)
    Mapped(interface.vpc_id, private.association.public_ip, "", "").delete(there)
    private.association = None
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def dissolve(call: Call, one: Address) -> None:
    """Let an Elastic IP address stand before nothing."""
    interface = NetworkInterface.get(call, one.network_interface_id)
    if interface:
        unmap(call, interface, private_of(interface, one.private_ip_address))
    associations.dissolve(call, one.association_id)
    one.association_id = one.network_interface_id = one.network_interface_owner_id = one.private_ip_address = ""
    one.put(call)


@ec2.operation
def disassociate_address(call: Call, association_id: str = "", public_ip: str = "") -> None:
    """Let an address stand before nothing."""
    if association_id:
        one = named(call, Address, associations.holder(call, association_id, PREFIX))
    else:
        one = chosen(call, "", public_ip)
        if not one.association_id:
            raise invalid(f"Address {public_ip} is not associated.")
    interface = NetworkInterface.get(call, one.network_interface_id)
    if interface and interface.requester_id:
        text = "You do not have permission to access the specified resource."
        raise Fault("AuthFailure", text)
    dissolve(call, one)


# Public addresses that come by themselves


def auto_assign(call: Call, interface: NetworkInterface) -> str:
    """Give an interface's primary address a public one of Amazon's pool, as launching in a public subnet does."""
    private = private_of(interface, "")
    if private.association:
        return private.association.public_ip
    private.association = PublicAddress(public_ranges.take_address(call))
    put_mapped(call, interface, private)
    return private.association.public_ip


def auto_release(call: Call, interface: NetworkInterface) -> None:
    """Take back the public address that came by itself, as stopping an instance does."""
    for private in interface.private_ip_addresses:
        if private.association and not private.association.allocation_id:
            public_ranges.give_back(call, private.association.public_ip)
            unmap(call, interface, private)


@interface_life.ends_with
def leave(call: Call, interface: NetworkInterface) -> None:
    """An interface that is removed leaves its Elastic IP addresses, and gives the others back."""
    for one in [*Address.scan(call, interface.network_interface_id, index="of_interface")]:
        dissolve(call, one)
    for private in interface.private_ip_addresses:
        if private.association and private.association.allocation_id:
            private.association = None
    auto_release(call, interface)


@gateway_life.holds
def needs_gateway(call: Call, gateway: InternetGateway) -> bool:
    """Whether something in its VPC has a public address."""
    return Mapped.first(call, gateway.vpc_id) is not None
