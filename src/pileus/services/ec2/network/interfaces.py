"""Network interfaces: the records, and what others do with them. Their operations stand in the modules beside.

interface_making        created, described, deleted
interface_addresses     secondary addresses, IPv6, delegated prefixes
attachments             to instances
interface_attributes    groups, description, source/destination check
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2.faults import limit
from pileus.services.ec2.kinds import kind, named, new_id

from . import associations, changes, leases, limits, sharing, targets
from .life import Life
from .security_groups import GroupVpc, SecurityGroup, default_of
from .security_groups import life as group_life
from .subnets import Subnet, at_home
from .subnets import life as subnet_life
from .vpcs import Vpc
from .vpcs import life as vpc_life

ATTACHMENT = "eni-attach"


class PublicAddress(msgspec.Struct):
    """The public address behind which a private one stands."""

    public_ip: str
    ip_owner_id: str = "amazon"
    """The account whose Elastic IP address it is; `amazon` for one that came by itself."""
    allocation_id: str = ""
    association_id: str = ""


class PrivateAddress(msgspec.Struct):
    private_ip_address: str
    primary: bool = False
    association: PublicAddress | None = None


class Ipv6Address(msgspec.Struct):
    ipv6_address: str
    primary: bool = False


class Attachment(msgspec.Struct):
    attachment_id: str
    instance_id: str
    instance_owner_id: str
    device_index: int
    attach_time: float
    delete_on_termination: bool = False
    network_card_index: int = 0
    status: str = "attached"
    ena_srd: dict[str, Any] = {}
    """How ENA Express is set; here no packet is the faster for it."""
    ena_queues: int | None = None


@kind(
    "network-interface",
    "eni",
    missing=("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist"),
    malformed="InvalidNetworkInterfaceId.Malformed",
)
class NetworkInterface(
    Record,
    arn="network-interface/{network_interface_id}",
    cfn="AWS::EC2::NetworkInterface",
    indexes={
        "of_vpc": ("vpc_id",),
        "of_subnet": ("subnet_id",),
        "of_instance": ("instance_id", "device_index"),
    },
):
    network_interface_id: str
    owner_id: str
    subnet_id: str
    vpc_id: str
    availability_zone: str
    availability_zone_id: str
    mac_address: str
    private_ip_addresses: list[PrivateAddress] = []
    """The first is the primary one; none in a subnet of IPv6 alone."""
    ipv6_addresses: list[Ipv6Address] = []
    ipv4_prefixes: list[str] = []
    ipv6_prefixes: list[str] = []
    groups: list[str] = []
    """Ids of its security groups."""
    description: str = ""
    interface_type: str = "interface"
    requester_id: str = ""
    """Who manages it, where that is not the account itself: a service."""
    source_dest_check: bool = True
    attachment: Attachment | None = None
    connection_tracking: dict[str, int] = {}
    operator: str = ""
    """The service that manages it for the account."""
    public_name_type: str = "public-ipv4-dns-name"
    tags: dict[str, str] = {}

    @property
    def instance_id(self) -> str:
        return self.attachment.instance_id if self.attachment else ""

    @property
    def device_index(self) -> int:
        return self.attachment.device_index if self.attachment else 0

    @property
    def status(self) -> str:
        return "in-use" if self.attachment else "available"

    @property
    def private_ip_address(self) -> str:
        """The primary address."""
        return self.private_ip_addresses[0].private_ip_address if self.private_ip_addresses else ""

    @property
    def association(self) -> PublicAddress | None:
        """The primary address's public one."""
        return self.private_ip_addresses[0].association if self.private_ip_addresses else None


class Membership(Record, key=("group_id", "network_interface_id")):
    """An interface of a security group."""

    group_id: str
    network_interface_id: str


class Room(NamedTuple):
    """How many interfaces an instance can have, and how many IPv4 addresses and prefixes each of them."""

    instance_type: str
    interfaces: int
    addresses: int


ROOMS: list[Callable[[Call, str], Room]] = []

life = Life[NetworkInterface]()
"""What ends with one; what holds says what forbids that somebody deletes it."""


# Made and removed


def create(
    call: Call,
    subnet: Subnet,
    *,
    groups: list[str] | None,
    private_ip: str = "",
    description: str = "",
    tags: Mapping[str, str] = {},
    requester: str = "",
    interface_type: str = "interface",
) -> NetworkInterface:
    """A new interface in a subnet with a primary address and these groups, or the VPC's default one; None for none."""
    interface = NetworkInterface(
        network_interface_id=new_id(NetworkInterface),
        owner_id=call.account,
        subnet_id=subnet.subnet_id,
        vpc_id=subnet.vpc_id,
        availability_zone=subnet.availability_zone,
        availability_zone_id=subnet.availability_zone_id,
        mac_address=mac_address(),
        description=description,
        interface_type=interface_type,
        requester_id=requester,
        tags=dict(tags),
    )
    if groups is not None:
        join(call, interface, groups)
    if not subnet.ipv6_native:
        address = leases.take(call, subnet, interface.network_interface_id, private_ip)
        interface.private_ip_addresses = [PrivateAddress(address, primary=True)]
    if subnet.assign_ipv6_address_on_creation and subnet.ipv6_cidr_blocks and not requester:
        address = leases.take(call, subnet, interface.network_interface_id, version=6)
        interface.ipv6_addresses = [Ipv6Address(address)]
    interface.put(call)
    sharing.arrive(call, subnet.vpc_id)
    changes.changed(call, subnet.vpc_id)
    return interface


def mac_address() -> str:
    """An address that is administered locally, as all of EC2's are."""
    return ":".join(f"{one:02x}" for one in (0x02, *secrets.token_bytes(5)))


def join(call: Call, interface: NetworkInterface, groups: list[str]) -> None:
    """Give an interface these groups instead of those that it has; none stands for the VPC's default one."""
    wanted = checked_groups(call, interface, groups)
    for group_id in interface.groups:
        Membership(group_id, interface.network_interface_id).delete(call)
    for group_id in wanted:
        Membership(group_id, interface.network_interface_id).put(call)
    interface.groups = wanted


def checked_groups(call: Call, interface: NetworkInterface, groups: list[str]) -> list[str]:
    wanted = [*dict.fromkeys(groups)] or [default_of(call, interface.vpc_id).group_id]
    if len(wanted) > limits.GROUPS_OF_INTERFACE:
        text = "The maximum number of security groups per interface has been reached."
        raise limit("SecurityGroupsPerInterfaceLimit", text)
    for group_id in wanted:
        if not usable(call, named(call, SecurityGroup, group_id), interface.vpc_id):
            text = f"Security group {group_id} and subnet {interface.subnet_id} belong to different networks."
            raise Fault("InvalidParameter", text)
    return wanted


def usable(call: Call, group: SecurityGroup, vpc_id: str) -> bool:
    """Whether interfaces in a VPC may have a group."""
    return group.vpc_id == vpc_id or GroupVpc.get(call, group.group_id, vpc_id) is not None


def remove(call: Call, interface: NetworkInterface) -> None:
    """Remove an interface, whatever it is attached to; its addresses are free again."""
    life.end(call, interface)
    subnet = at_home(call, interface.subnet_id)
    for what in held(interface):
        leases.give_back(call, subnet, what)
    for group_id in interface.groups:
        Membership(group_id, interface.network_interface_id).delete(call)
    if interface.attachment:
        associations.dissolve(call, interface.attachment.attachment_id)
    interface.delete(call)
    changes.changed(call, interface.vpc_id)


def held(interface: NetworkInterface) -> list[str]:
    """All addresses and prefixes that an interface has of its subnet."""
    return [
        *(one.private_ip_address for one in interface.private_ip_addresses),
        *(one.ipv6_address for one in interface.ipv6_addresses),
        *interface.ipv4_prefixes,
        *interface.ipv6_prefixes,
    ]


# Attached


def attach(
    call: Call,
    interface: NetworkInterface,
    instance_id: str,
    device_index: int,
    delete_on_termination: bool = False,
    network_card_index: int = 0,
) -> Attachment:
    """Attach an interface that is free to an instance, as its device of that number."""
    if interface.attachment:
        text = f"Interface: [{interface.network_interface_id}] in use."
        raise Fault("InvalidNetworkInterface.InUse", text)
    attachment = Attachment(
        attachment_id=associations.associate(call, ATTACHMENT, interface.network_interface_id),
        instance_id=instance_id,
        instance_owner_id=call.account,
        device_index=device_index,
        attach_time=call.now,
        delete_on_termination=delete_on_termination,
        network_card_index=network_card_index,
    )
    interface.attachment = attachment
    interface.put(call)
    changes.changed(call, interface.vpc_id)
    return attachment


def room_of(find: Callable[[Call, str], Room]) -> Callable[[Call, str], Room]:
    """Declare what tells how much an instance has room for."""
    ROOMS.append(find)
    return find


def check_interfaces(call: Call, instance_id: str) -> None:
    """Raise where an instance can have no more interfaces."""
    for room in (find(call, instance_id) for find in ROOMS):
        count = len([*of_instance(call, instance_id)]) + 1
        if count > room.interfaces:
            text = f"Interface count {count} exceeds the limit for {room.instance_type}"
            raise limit("AttachmentLimit", text)


def check_addresses(call: Call, instance_id: str, interface: NetworkInterface) -> None:
    """Raise where an instance's interface cannot have as many addresses as this one has."""
    count = len(interface.private_ip_addresses) + len(interface.ipv4_prefixes)
    for room in (find(call, instance_id) for find in ROOMS if instance_id):
        if count > room.addresses:
            text = f"Number of private addresses will exceed limit: {room.addresses} for {room.instance_type}."
            raise limit("PrivateIpAddressLimit", text)


def detach(call: Call, interface: NetworkInterface) -> None:
    """Detach an interface from its instance; it remains with its addresses."""
    if interface.attachment is None:
        return
    associations.dissolve(call, interface.attachment.attachment_id)
    interface.attachment = None
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def of_instance(call: Call, instance_id: str) -> Iterable[NetworkInterface]:
    """The interfaces of an instance in the order of their devices."""
    return NetworkInterface.scan(call, instance_id, index="of_instance")


def of_subnet(call: Call, subnet_id: str) -> Iterable[NetworkInterface]:
    return NetworkInterface.scan(call, subnet_id, index="of_subnet")


def of_vpc(call: Call, vpc_id: str) -> Iterable[NetworkInterface]:
    return NetworkInterface.scan(call, vpc_id, index="of_vpc")


def at_address(call: Call, subnet_id: str, address: str) -> NetworkInterface | None:
    """The interface that has an address of a subnet, or the prefix that the address belongs to."""
    lease = leases.holding(sharing.home(call, subnet_id), subnet_id, address)
    return NetworkInterface.get(call, lease.network_interface_id) if lease else None


# What depends on interfaces


@subnet_life.holds
def holds_subnet(call: Call, subnet: Subnet) -> bool:
    """Whoever has an address of it."""
    return leases.Lease.first(call, subnet.subnet_id) is not None


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return NetworkInterface.first(call, vpc.vpc_id, index="of_vpc") is not None


@group_life.holds
def holds_group(call: Call, group: SecurityGroup) -> bool:
    return Membership.first(call, group.group_id) is not None


def shown_target(call: Call, target: str) -> dict[str, Any]:
    """A route to an interface shows the instance too that it belongs to."""
    found = NetworkInterface.get(call, target)
    shown = {"NetworkInterfaceId": target}
    if found and found.attachment and found.instance_id:
        shown |= {"InstanceId": found.instance_id, "InstanceOwnerId": found.attachment.instance_owner_id}
    return shown


@targets.way("eni", "NetworkInterfaceId", shown=shown_target)
def reached(call: Call, vpc_id: str, target: str) -> bool:
    """A route to an interface that belongs to nothing leads nowhere."""
    found = NetworkInterface.get(call, target)
    return found is not None and found.attachment is not None
