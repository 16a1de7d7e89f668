"""DescribeInstances: how an instance is shown, and what one can filter by."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from pileus.kernel import Call
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, check_alone, size
from pileus.services.ec2.network import host_names, interface_making, interfaces
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.vpcs import at_home
from pileus.services.ec2.tags import shown_tags

from . import disks, lifetime, metadata_options, states
from .filtering import FILTERS
from .instances import TERMINATED, Instance, instances, state_of
from .types import table


@ec2.operation
def describe_instances(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Instances in their reservations: what was launched by one request."""
    check_alone("instancesSet", instance_ids, max_results)
    test = FILTERS.test(filters)
    if instance_ids:
        found = [one for one in instances(call, instance_ids) if test(seen(call, one))]
        return answer("Reservations", reservations(call, found), None)
    page = Instance.page(
        call,
        index="by_reservation",
        limit=size(max_results),
        token=next_token,
        where=lambda one: not filters or test(seen(call, one)),
        invalid=bad_token(),
    )
    return answer("Reservations", reservations(call, page.items), page.token)


def seen(call: Call, one: Instance) -> Members:
    """An instance as it is shown, and what is asked for by filters beside."""
    return shown(call, one) | {"_record": one, "_interfaces": _interfaces(call, one), "_owner": call.account}


def reservations(call: Call, found: Iterable[Instance]) -> list[Members]:
    found = sorted(found, key=lambda one: (one.reservation_id, one.launch_index))
    return [reservation(call, [*mates]) for _, mates in groupby(found, key=lambda one: one.reservation_id)]


def reservation(call: Call, mates: list[Instance]) -> Members:
    """What one request has launched."""
    view: Members = {
        "ReservationId": mates[0].reservation_id,
        "OwnerId": call.account,
        "Groups": [],
        "Instances": [shown(call, one) for one in mates],
    }
    return view | ({"RequesterId": mates[0].requester_id} if mates[0].requester_id else {})


def shown(call: Call, one: Instance) -> Members:
    ended = one.state == TERMINATED
    told = {
        "InstanceId": one.instance_id,
        "ImageId": one.image_id,
        "State": state_of(one),
        "InstanceType": one.instance_type,
        "KeyName": one.key_name or None,
        "AmiLaunchIndex": one.launch_index,
        "ProductCodes": one.product_codes,
        "LaunchTime": one.launched,
        "Placement": _placement(call, one),
        "Monitoring": lifetime.monitoring_of(call, one),
        "Architecture": one.architecture,
        "ClientToken": one.client_token,
        "EbsOptimized": one.ebs_optimized,
        "EnaSupport": one.ena,
        "Hypervisor": "xen",
        "RootDeviceName": one.root_device_name,
        "RootDeviceType": one.root_device_type,
        "BlockDeviceMappings": [] if ended else disks.shown(call, one),
        "IamInstanceProfile": one.profile or None,
        "InstanceLifecycle": one.market or None,
        "SpotInstanceRequestId": one.spot_request_id or None,
        "SriovNetSupport": one.sriov or None,
        "CpuOptions": one.cpu,
        "CapacityReservationSpecification": _capacity(one),
        "CapacityReservationId": one.capacity_reservation_id or None,
        "HibernationOptions": {"Configured": one.hibernates},
        "Licenses": [{"LicenseConfigurationArn": arn} for arn in one.licenses] or None,
        "MetadataOptions": metadata_options.shown(one),
        "EnclaveOptions": {"Enabled": one.enclaves},
        "MaintenanceOptions": one.maintenance,
        "NetworkPerformanceOptions": {"BandwidthWeighting": one.network_performance},
        "UsageOperationUpdateTime": one.created,
        "CurrentInstanceBootMode": "uefi" if _boots_uefi(one) else "legacy-bios",
        "Operator": {"Managed": False},
        "Tags": shown_tags(one.tags) or None,
    }
    told |= {"VirtualizationType": "hvm", **one.image} | states.view(one) | _network(call, one)
    return {name: value for name, value in told.items() if value is not None}


def _boots_uefi(one: Instance) -> bool:
    kind = table().get(one.instance_type)
    return one.architecture == "arm64" or (
        one.image.get("BootMode", "").startswith("uefi") and bool(kind and kind.nitro)
    )


def _capacity(one: Instance) -> Members:
    return {"CapacityReservationPreference": "open"} | one.capacity if "CapacityReservationTarget" not in one.capacity \
        else one.capacity  # fmt: skip


def _placement(call: Call, one: Instance) -> Members:
    zone_id = next((zone.id for zone in zones(call.region) if zone.name == one.availability_zone), "")
    base = {"AvailabilityZone": one.availability_zone, "AvailabilityZoneId": zone_id, "GroupName": ""}
    return base | one.placement


def _interfaces(call: Call, one: Instance) -> list[Members]:
    """Its interfaces as DescribeNetworkInterfaces shows them."""
    found = interfaces.of_instance(call, one.instance_id)
    return [interface_making.shown(call, interface) for interface in found]


# What is shown of the network


def _network(call: Call, one: Instance) -> Members:
    """What an instance has of the network; nothing, once it is terminated."""
    found = [] if one.state == TERMINATED else [*interfaces.of_instance(call, one.instance_id)]
    views = [_interface(call, interface) for interface in found]
    empty = {"NetworkInterfaces": views, "SecurityGroups": [], "PrivateDnsName": "", "PublicDnsName": ""}
    if not views:
        return empty
    first, view = found[0], views[0]
    association = view.get("Association") or {}
    return empty | {
        "SubnetId": first.subnet_id,
        "VpcId": first.vpc_id,
        "PrivateIpAddress": first.private_ip_address or None,
        "PrivateDnsName": private_name(call, one, first),
        "PublicIpAddress": association.get("PublicIp"),
        "PublicDnsName": association.get("PublicDnsName", ""),
        "Ipv6Address": first.ipv6_addresses[0].ipv6_address if first.ipv6_addresses else None,
        "SecurityGroups": view["Groups"],
        "SourceDestCheck": first.source_dest_check,
        "PrivateDnsNameOptions": one.dns,
    }


def private_name(call: Call, one: Instance, interface: NetworkInterface) -> str:
    """The name that an instance has inside its VPC: by its address or by its id."""
    if not at_home(call, interface.vpc_id).enable_dns_support:
        return ""
    if one.dns.get("HostnameType") == "resource-name" or not interface.private_ip_address:
        return host_names.resource_name(call.region, one.instance_id)
    return host_names.private_name(call.region, interface.private_ip_address)


INSTANCE_MEMBERS = (
    "Association",
    "Attachment",
    "Description",
    "Groups",
    "Ipv6Addresses",
    "MacAddress",
    "NetworkInterfaceId",
    "OwnerId",
    "PrivateDnsName",
    "PrivateIpAddress",
    "PrivateIpAddresses",
    "SourceDestCheck",
    "Status",
    "SubnetId",
    "VpcId",
    "InterfaceType",
    "Ipv4Prefixes",
    "Ipv6Prefixes",
    "ConnectionTrackingConfiguration",
    "Operator",
)


def _interface(call: Call, interface: NetworkInterface) -> Members:
    """An interface as instances show it: less than it shows of itself."""
    whole = interface_making.shown(call, interface)
    view = {name: whole[name] for name in INSTANCE_MEMBERS if whole.get(name) is not None}
    view["Attachment"] = _less(whole["Attachment"], "InstanceId", "InstanceOwnerId")
    view["Association"] = _less(whole["Association"], *ELASTIC)
    view["PrivateIpAddresses"] = [
        address | {"Association": _less(address["Association"], *ELASTIC)} for address in whole["PrivateIpAddresses"]
    ]
    return view


ELASTIC = ("AllocationId", "AssociationId")


def _less(view: Members | None, *names: str) -> Members | None:
    return {name: value for name, value in view.items() if name not in names} if view else None
