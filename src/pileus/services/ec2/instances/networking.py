"""The interfaces of an instance: what its launch asks for, and what becomes of them in its life.

An instance that was launched with a public address of Amazon's gives it back when it stops, and gets another one when
it is started; an Elastic IP address stays.
"""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Call, Fault
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network import addresses, interface_addresses, interfaces, security_groups, vpcs
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.subnets import Subnet, at_home, default_subnet, seen

from .hosts import zone_named
from .instances import Instance
from .specification import AT_INSTANCE
from .types import InstanceType, table


class Network(NamedTuple):
    """Where the interfaces of a launch are to be."""

    subnet: Subnet
    """That of the first one."""
    groups: list[str]
    """What the launch says for all of the instance."""
    specifications: list[Members]
    """One for each interface, in the order of devices."""
    tenancy: str
    """The VPC's."""

    @property
    def names(self) -> Members:
        """Options of names, as the subnet has them."""
        return {
            "HostnameType": "resource-name" if self.subnet.ipv6_native else self.subnet.hostname_type,
            "EnableResourceNameDnsARecord": self.subnet.resource_name_a_record,
            "EnableResourceNameDnsAAAARecord": self.subnet.resource_name_aaaa_record,
        }


def planned(call: Call, wanted: Members) -> Network:
    """Look up the subnets and groups of a launch."""
    vpcs.settled(call)
    given = wanted.get("NetworkInterfaces") or [{name: wanted[name] for name in AT_INSTANCE if name in wanted}]
    specifications = sorted((dict(one) for one in given), key=lambda one: one.get("DeviceIndex", 0))
    if specifications[0].get("DeviceIndex", 0) != 0:
        raise combination("The network interface with device index 0 is missing.")
    subnet = _subnet(call, specifications[0], wanted.get("Placement", {}))
    groups = _groups(call, subnet, wanted)
    for one in specifications:
        one.setdefault("SubnetId", subnet.subnet_id)
        there = _subnet(call, one, {})
        if there.availability_zone != subnet.availability_zone:
            text = "All network interfaces of an instance must be in the same Availability Zone."
            raise Fault("InvalidParameterCombination", text)
    vpc = vpcs.at_home(call, subnet.vpc_id)
    return Network(subnet, groups, specifications, vpc.instance_tenancy)


def _subnet(call: Call, specification: Members, place: Members) -> Subnet:
    zone = place.get("AvailabilityZone", "")
    if zone or place.get("AvailabilityZoneId"):
        zone = zone_named(call, zone, place.get("AvailabilityZoneId", ""))
    if interface_id := specification.get("NetworkInterfaceId"):
        return at_home(call, named(call, NetworkInterface, interface_id).subnet_id)
    if subnet_id := specification.get("SubnetId"):
        subnet = seen(call, subnet_id)
        if zone and subnet.availability_zone != zone:
            text = f"The subnet '{subnet_id}' is not in the Availability Zone '{zone}'."
            raise Fault("InvalidParameterValue", text)
        return subnet
    found = default_subnet(call, zone)
    if found:
        return found
    vpc = vpcs.default_vpc(call)
    if vpc is None:
        text = "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC."
        raise Fault("VPCIdNotSpecified", text)
    where = f" in the Availability Zone '{zone}'" if zone else ""
    raise Fault("MissingInput", f"No subnets found for the default VPC '{vpc.vpc_id}'{where}. Please specify a subnet.")


def _groups(call: Call, subnet: Subnet, wanted: Members) -> list[str]:
    groups = [*wanted.get("SecurityGroupIds", ())]
    for name in wanted.get("SecurityGroups", ()):
        if wanted.get("SubnetId"):
            raise combination("The parameter groupName cannot be used with the parameter subnet")
        groups.append(security_groups.by_name(call, vpcs.at_home(call, subnet.vpc_id), name).group_id)
    for group_id in groups:
        group = named(call, security_groups.SecurityGroup, group_id)
        if not interfaces.usable(call, group, subnet.vpc_id):
            text = f"Security group {group_id} and subnet {subnet.subnet_id} belong to different networks."
            raise Fault("InvalidParameter", text)
    return groups


@interfaces.room_of
def room(call: Call, instance_id: str) -> interfaces.Room:
    """What the type of an instance lets it have."""
    kind = table().get(named(call, Instance, instance_id).instance_type)
    assert kind, f"{instance_id} is of a type that there is not"
    return interfaces.Room(kind.name, *kind.interfaces)


def check_type(kind: InstanceType, network: Network) -> None:
    """Raise what EC2 says where a type cannot have that many interfaces or addresses."""
    most, most_addresses = kind.interfaces
    if len(network.specifications) > most:
        text = f"Interface count {len(network.specifications)} exceeds the limit for {kind.name}"
        raise Fault("AttachmentLimitExceeded", text)
    for one in network.specifications:
        count = 1 + one.get("SecondaryPrivateIpAddressCount", 0)
        count = max(count, len(one.get("PrivateIpAddresses", ())))
        if count > most_addresses:
            text = f"Number of private addresses will exceed limit: {most_addresses} for {kind.name}."
            raise Fault("PrivateIpAddressLimitExceeded", text)


def made(call: Call, one: Instance, network: Network, tags: dict[str, str]) -> None:
    """Make the interfaces of a new instance, or take those that there are, and attach them."""
    for place, specification in enumerate(network.specifications):
        index = specification.get("DeviceIndex", place)
        if interface_id := specification.get("NetworkInterfaceId"):
            interface = named(call, NetworkInterface, interface_id)
            ends = specification.get("DeleteOnTermination", False)
        else:
            interface = _made(call, specification, network.groups, tags)
            ends = specification.get("DeleteOnTermination", True)
            subnet = network.subnet
            wanted = specification.get("AssociatePublicIpAddress", subnet.map_public_ip_on_launch and index == 0)
            if wanted and interface.private_ip_addresses:
                one.public = True
                addresses.auto_assign(call, interface)
        card = specification.get("NetworkCardIndex", 0)
        interfaces.attach(call, interface, one.instance_id, index, ends, card)


def _made(call: Call, specification: Members, groups: list[str], tags: dict[str, str]) -> NetworkInterface:
    subnet = seen(call, specification["SubnetId"])
    primary, secondary = interface_addresses.asked(
        specification.get("PrivateIpAddress", ""), specification.get("PrivateIpAddresses", [])
    )
    interface = interfaces.create(
        call,
        subnet,
        groups=specification.get("Groups") or groups,
        private_ip=primary,
        description=specification.get("Description", ""),
        tags=tags,
        interface_type=specification.get("InterfaceType", "interface"),
    )
    interface.connection_tracking = specification.get("ConnectionTrackingSpecification", {})
    six = [one.get("Ipv6Address", "") for one in specification.get("Ipv6Addresses", ())]
    more = specification.get("Ipv6AddressCount", 0)
    if six or more:
        interface_addresses.drop_ipv6(call, subnet, interface)
    count = specification.get("SecondaryPrivateIpAddressCount", 0)
    interface_addresses.add_ipv4(call, subnet, interface, secondary, count)
    interface_addresses.add_ipv6(call, subnet, interface, six, more)
    for version in (4, 6):
        given = [one[f"Ipv{version}Prefix"] for one in specification.get(f"Ipv{version}Prefixes", ())]
        number = specification.get(f"Ipv{version}PrefixCount", 0)
        interface_addresses.add_prefixes(call, subnet, interface, given, number, version)
    if specification.get("PrimaryIpv6"):
        interface_addresses.make_primary_ipv6(interface)
    return interface.put(call)


# Public addresses that come by themselves


def rests(call: Call, one: Instance) -> None:
    """An instance has stopped."""
    for interface in [*interfaces.of_instance(call, one.instance_id)]:
        addresses.auto_release(call, interface)


def returns(call: Call, one: Instance) -> None:
    """An instance is started again."""
    if one.public and (interface := first(call, one)):
        addresses.auto_assign(call, interface)


def leaves(call: Call, one: Instance) -> None:
    """An instance has ended: its interfaces end with it, or are free."""
    for interface in [*interfaces.of_instance(call, one.instance_id)]:
        addresses.auto_release(call, interface)
        if interface.attachment and interface.attachment.delete_on_termination:
            interfaces.remove(call, interface)
        else:
            interfaces.detach(call, interface)


def first(call: Call, one: Instance) -> NetworkInterface | None:
    return next(iter(interfaces.of_instance(call, one.instance_id)), None)
