"""How network interfaces come and go, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import Members, check_alone, described
from pileus.services.ec2.faults import combination, invalid
from pileus.services.ec2.kinds import named
from pileus.services.ec2.tags import shown_tags, specified

from . import host_names, interface_addresses, visibility
from .interfaces import Attachment, NetworkInterface, PublicAddress, create, life, remove
from .security_groups import SecurityGroup
from .subnets import seen
from .vpcs import Vpc, at_home

FILTERS = Filters(
    {
        "association.allocation-id": "private_ip_addresses.association.allocation_id",
        "association.association-id": "private_ip_addresses.association.association_id",
        "addresses.association.owner-id": "private_ip_addresses.association.ip_owner_id",
        "addresses.association.public-ip": "private_ip_addresses.association.public_ip",
        "addresses.primary": "private_ip_addresses.primary",
        "addresses.private-ip-address": "private_ip_addresses.private_ip_address",
        "association.ip-owner-id": "private_ip_addresses.association.ip_owner_id",
        "association.public-ip": "private_ip_addresses.association.public_ip",
        "association.public-dns-name": lambda one: [
            host_names.public_name(one.availability_zone[:-1], address.association.public_ip)
            for address in one.private_ip_addresses
            if address.association
        ],
        "attachment.attach-time": "attachment.attach_time",
        "attachment.attachment-id": "attachment.attachment_id",
        "attachment.delete-on-termination": "attachment.delete_on_termination",
        "attachment.device-index": "attachment.device_index",
        "attachment.instance-id": "attachment.instance_id",
        "attachment.instance-owner-id": "attachment.instance_owner_id",
        "attachment.status": "attachment.status",
        "availability-zone": "availability_zone",
        "availability-zone-id": "availability_zone_id",
        "description": "description",
        "group-id": "groups",
        "ipv6-addresses.ipv6-address": "ipv6_addresses.ipv6_address",
        "interface-type": "interface_type",
        "mac-address": "mac_address",
        "network-interface-id": "network_interface_id",
        "operator.managed": lambda one: bool(one.operator),
        "operator.principal": lambda one: one.operator or None,
        "owner-id": "owner_id",
        "private-dns-name": lambda one: [
            host_names.private_name(one.availability_zone[:-1], address.private_ip_address)
            for address in one.private_ip_addresses
        ],
        "private-ip-address": "private_ip_addresses.private_ip_address",
        "requester-id": lambda one: one.requester_id or None,
        "requester-managed": lambda one: bool(one.requester_id),
        "source-dest-check": "source_dest_check",
        "status": "status",
        "subnet-id": "subnet_id",
        "vpc-id": "vpc_id",
    }
)


@ec2.operation
def create_network_interface(
    call: Call,
    subnet_id: str,
    description: str = "",
    groups: list[str] = [],
    private_ip_address: str = "",
    private_ip_addresses: list[dict[str, Any]] = [],
    secondary_private_ip_address_count: int = 0,
    ipv6_addresses: list[dict[str, Any]] = [],
    ipv6_address_count: int = 0,
    ipv4_prefixes: list[dict[str, Any]] = [],
    ipv4_prefix_count: int = 0,
    ipv6_prefixes: list[dict[str, Any]] = [],
    ipv6_prefix_count: int = 0,
    enable_primary_ipv6: bool = False,
    interface_type: str = "interface",
    connection_tracking_specification: dict[str, int] = {},
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
    operator: dict[str, str] = {},
) -> Members:
    """Make an interface with its addresses."""
    if made := tokens.made_before(call, client_token):
        return {"NetworkInterface": shown(call, named(call, NetworkInterface, made)), "ClientToken": client_token}
    subnet = seen(call, subnet_id)
    tags = specified(tag_specifications, "network-interface")
    primary, secondary = interface_addresses.asked(private_ip_address, private_ip_addresses)
    if secondary and secondary_private_ip_address_count:
        raise combination("Only one of secondary addresses and their count may be specified.")
    interface = create(
        call,
        subnet,
        groups=groups,
        private_ip=primary,
        description=description,
        tags=tags,
        interface_type=interface_type,
    )
    interface.connection_tracking = connection_tracking_specification
    interface.operator = operator.get("Principal", "")
    six = [one.get("Ipv6Address", "") for one in ipv6_addresses]
    if six or ipv6_address_count:
        interface_addresses.drop_ipv6(call, subnet, interface)
    interface_addresses.add_ipv4(call, subnet, interface, secondary, secondary_private_ip_address_count)
    interface_addresses.add_ipv6(call, subnet, interface, six, ipv6_address_count)
    four = [one["Ipv4Prefix"] for one in ipv4_prefixes if "Ipv4Prefix" in one]
    interface_addresses.add_prefixes(call, subnet, interface, four, ipv4_prefix_count, 4)
    six = [one["Ipv6Prefix"] for one in ipv6_prefixes if "Ipv6Prefix" in one]
    interface_addresses.add_prefixes(call, subnet, interface, six, ipv6_prefix_count, 6)
    if enable_primary_ipv6:
        interface_addresses.make_primary_ipv6(interface)
    interface.put(call)
    tokens.remember(call, client_token, interface.network_interface_id)
    shown_new = shown(call, interface) | {"Status": "pending"}
    return {"NetworkInterface": shown_new, "ClientToken": client_token or None}


@ec2.operation
def describe_network_interfaces(
    call: Call,
    network_interface_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
    include_managed_resources: bool | None = None,
) -> Members:
    """An account's network interfaces; those that services manage for it if it wants to see them."""
    check_alone("networkInterfaceIds", network_interface_ids, max_results)
    hides = not network_interface_ids and visibility.hidden(call, include_managed_resources)
    return described(
        call,
        NetworkInterface,
        Visible(FILTERS) if hides else FILTERS,
        "NetworkInterfaces",
        shown,
        network_interface_ids,
        filters,
        max_results,
        next_token,
    )


class Visible(Filters):
    """Filters that see nothing of what services manage."""

    def __init__(self, fits: Filters) -> None:
        self.fits = fits

    def test(self, filters: Iterable[Mapping[str, Any]]) -> Callable[[Any], bool]:
        test = self.fits.test(filters)
        return lambda one: not one.operator and test(one)


def shown(call: Call, one: NetworkInterface) -> Members:
    vpc = at_home(call, one.vpc_id)
    first = next(iter(one.ipv6_addresses), None)
    return {
        "NetworkInterfaceId": one.network_interface_id,
        "OwnerId": one.owner_id,
        "SubnetId": one.subnet_id,
        "VpcId": one.vpc_id,
        "AvailabilityZone": one.availability_zone,
        "AvailabilityZoneId": one.availability_zone_id,
        "MacAddress": one.mac_address,
        "Description": one.description,
        "InterfaceType": one.interface_type,
        "RequesterId": one.requester_id or None,
        "RequesterManaged": bool(one.requester_id),
        "SourceDestCheck": one.source_dest_check,
        "Status": one.status,
        "Groups": shown_groups(call, one),
        "Attachment": shown_attachment(one.attachment),
        "Association": shown_association(call, vpc, one.association),
        "PrivateIpAddress": one.private_ip_address or None,
        "PrivateDnsName": private_name(call, vpc, one.private_ip_address),
        "PrivateIpAddresses": [
            {
                "PrivateIpAddress": address.private_ip_address,
                "Primary": address.primary,
                "PrivateDnsName": private_name(call, vpc, address.private_ip_address),
                "Association": shown_association(call, vpc, address.association),
            }
            for address in one.private_ip_addresses
        ],
        "Ipv6Address": first.ipv6_address if first else None,
        "Ipv6Addresses": [
            {"Ipv6Address": six.ipv6_address, "IsPrimaryIpv6": six.primary} for six in one.ipv6_addresses
        ],
        "Ipv6Native": None if one.private_ip_addresses else True,
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in one.ipv4_prefixes] or None,
        "Ipv6Prefixes": [{"Ipv6Prefix": prefix} for prefix in one.ipv6_prefixes] or None,
        "ConnectionTrackingConfiguration": one.connection_tracking or None,
        "Operator": {"Managed": bool(one.operator), "Principal": one.operator or None},
        "PublicIpDnsNameOptions": shown_public_names(call, vpc, one),
        "TagSet": shown_tags(one.tags),
    }


def shown_groups(call: Call, one: NetworkInterface) -> list[Members]:
    return [
        {"GroupId": group_id, "GroupName": named(call, SecurityGroup, group_id).group_name} for group_id in one.groups
    ]


def shown_attachment(one: Attachment | None) -> Members | None:
    if one is None:
        return None
    return {
        "AttachmentId": one.attachment_id,
        "InstanceId": one.instance_id or None,
        "InstanceOwnerId": one.instance_owner_id,
        "DeviceIndex": one.device_index,
        "NetworkCardIndex": one.network_card_index,
        "AttachTime": one.attach_time,
        "DeleteOnTermination": one.delete_on_termination,
        "Status": one.status,
        "EnaSrdSpecification": one.ena_srd or None,
        "EnaQueueCount": one.ena_queues,
    }


def shown_association(call: Call, vpc: Vpc, one: PublicAddress | None) -> Members | None:
    if one is None:
        return None
    named_so = vpc.enable_dns_hostnames and vpc.enable_dns_support
    return {
        "PublicIp": one.public_ip,
        "PublicDnsName": host_names.public_name(call.region, one.public_ip) if named_so else "",
        "IpOwnerId": one.ip_owner_id,
        "AllocationId": one.allocation_id or None,
        "AssociationId": one.association_id or None,
    }


def shown_public_names(call: Call, vpc: Vpc, one: NetworkInterface) -> Members:
    public = shown_association(call, vpc, one.association)
    name = public["PublicDnsName"] if public else ""
    return {"DnsHostnameType": one.public_name_type, "PublicIpv4DnsName": name or None}


@ec2.operation
def modify_public_ip_dns_name_options(call: Call, network_interface_id: str, hostname_type: str) -> Members:
    """Say which addresses the public name of an interface is to have; those of IPv6 it has to have itself."""
    interface = named(call, NetworkInterface, network_interface_id)
    if hostname_type != "public-ipv4-dns-name" and not interface.ipv6_addresses:
        raise invalid(f"The network interface {network_interface_id} has no IPv6 address.")
    interface.public_name_type = hostname_type
    interface.put(call)
    return {"Successful": True}


def private_name(call: Call, vpc: Vpc, address: str) -> str | None:
    """The name of a private address, which it has where the VPC gives names."""
    if not address or not (vpc.enable_dns_hostnames and vpc.enable_dns_support):
        return None
    return host_names.private_name(call.region, address)


@ec2.operation
def delete_network_interface(call: Call, network_interface_id: str) -> None:
    """Delete an interface that is attached to nothing."""
    interface = named(call, NetworkInterface, network_interface_id)
    if interface.attachment:
        raise invalid(f"Network interface '{network_interface_id}' is currently in use.")
    if life.held(call, interface):
        raise invalid(f"Network interface '{network_interface_id}' is currently in use.")
    remove(call, interface)
