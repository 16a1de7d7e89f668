"""What DescribeInstances filters by: members of an instance as it is shown, and of its interfaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel.filters import Field, Filters, reader
from pileus.services.ec2.describing import Members, iso


def interface(path: str) -> Callable[[Members], Any]:
    """A member of the instance's interfaces, as they show themselves."""
    read = reader(path)
    return lambda seen: read(seen["_interfaces"])


def record(name: str) -> Callable[[Members], Any]:
    """A field of the record."""
    return lambda seen: getattr(seen["_record"], name) or None


def times(path: str) -> Callable[[Members], Any]:
    """Instants, as they are written."""
    read = reader(path)
    return lambda seen: [iso(at) for at in listed(read(seen))]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


ADDRESS = "PrivateIpAddresses"

OF_INTERFACES: dict[str, Field] = {
    "addresses.association.allocation-id": interface(f"{ADDRESS}.Association.AllocationId"),
    "addresses.association.association-id": interface(f"{ADDRESS}.Association.AssociationId"),
    "addresses.association.carrier-ip": interface(f"{ADDRESS}.Association.CarrierIp"),
    "addresses.association.customer-owned-ip": interface(f"{ADDRESS}.Association.CustomerOwnedIp"),
    "addresses.association.ip-owner-id": interface(f"{ADDRESS}.Association.IpOwnerId"),
    "addresses.association.public-dns-name": interface(f"{ADDRESS}.Association.PublicDnsName"),
    "addresses.association.public-ip": interface(f"{ADDRESS}.Association.PublicIp"),
    "addresses.primary": interface(f"{ADDRESS}.Primary"),
    "addresses.private-dns-name": interface(f"{ADDRESS}.PrivateDnsName"),
    "addresses.private-ip-address": interface(f"{ADDRESS}.PrivateIpAddress"),
    "association.allocation-id": interface("Association.AllocationId"),
    "association.association-id": interface("Association.AssociationId"),
    "association.carrier-ip": interface("Association.CarrierIp"),
    "association.customer-owned-ip": interface("Association.CustomerOwnedIp"),
    "association.ip-owner-id": interface("Association.IpOwnerId"),
    "association.public-dns-name": interface("Association.PublicDnsName"),
    "association.public-ip": interface("Association.PublicIp"),
    "attachment.attach-time": lambda seen: [
        iso(one["Attachment"]["AttachTime"]) for one in seen["_interfaces"] if one.get("Attachment")
    ],
    "attachment.attachment-id": interface("Attachment.AttachmentId"),
    "attachment.delete-on-termination": interface("Attachment.DeleteOnTermination"),
    "attachment.device-index": interface("Attachment.DeviceIndex"),
    "attachment.instance-id": interface("Attachment.InstanceId"),
    "attachment.instance-owner-id": interface("Attachment.InstanceOwnerId"),
    "attachment.network-card-index": interface("Attachment.NetworkCardIndex"),
    "attachment.status": interface("Attachment.Status"),
    "availability-zone": interface("AvailabilityZone"),
    "deny-all-igw-traffic": interface("DenyAllIgwTraffic"),
    "description": interface("Description"),
    "group-id": interface("Groups.GroupId"),
    "group-name": interface("Groups.GroupName"),
    "ipv4-prefixes.ipv4-prefix": interface("Ipv4Prefixes.Ipv4Prefix"),
    "ipv6-address": interface("Ipv6Addresses.Ipv6Address"),
    "ipv6-addresses.ipv6-address": interface("Ipv6Addresses.Ipv6Address"),
    "ipv6-addresses.is-primary-ipv6": interface("Ipv6Addresses.IsPrimaryIpv6"),
    "ipv6-native": interface("Ipv6Native"),
    "ipv6-prefixes.ipv6-prefix": interface("Ipv6Prefixes.Ipv6Prefix"),
    "mac-address": interface("MacAddress"),
    "network-interface-id": interface("NetworkInterfaceId"),
    "operator.managed": interface("Operator.Managed"),
    "operator.principal": interface("Operator.Principal"),
    "outpost-arn": interface("OutpostArn"),
    "owner-id": interface("OwnerId"),
    "private-dns-name": interface("PrivateDnsName"),
    "private-ip-address": interface("PrivateIpAddress"),
    "public-dns-name": interface("Association.PublicDnsName"),
    "requester-id": interface("RequesterId"),
    "requester-managed": interface("RequesterManaged"),
    "source-dest-check": interface("SourceDestCheck"),
    "status": interface("Status"),
    "subnet-id": interface("SubnetId"),
    "tag-key": interface("TagSet.Key"),
    "tag-value": interface("TagSet.Value"),
    "vpc-id": interface("VpcId"),
}

FIELDS: dict[str, Field] = {
    "affinity": "Placement.Affinity",
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "availability-zone-id": "Placement.AvailabilityZoneId",
    "block-device-mapping.attach-time": times("BlockDeviceMappings.Ebs.AttachTime"),
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "boot-mode": "BootMode",
    "capacity-reservation-id": "CapacityReservationId",
    "capacity-reservation-specification.capacity-reservation-preference": (
        "CapacityReservationSpecification.CapacityReservationPreference"
    ),
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id": (
        "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId"
    ),
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn": (
        "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationResourceGroupArn"
    ),
    "client-token": "ClientToken",
    "current-instance-boot-mode": "CurrentInstanceBootMode",
    "dns-name": "PublicDnsName",
    "ebs-optimized": "EbsOptimized",
    "ena-support": "EnaSupport",
    "enclave-options.enabled": "EnclaveOptions.Enabled",
    "hibernation-options.configured": "HibernationOptions.Configured",
    "host-id": "Placement.HostId",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "iam-instance-profile.id": "IamInstanceProfile.Id",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "kernel-id": "KernelId",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": times("LaunchTime"),
    "maintenance-options.auto-recovery": "MaintenanceOptions.AutoRecovery",
    "metadata-options.http-endpoint": "MetadataOptions.HttpEndpoint",
    "metadata-options.http-protocol-ipv4": "MetadataOptions.HttpEndpoint",
    "metadata-options.http-protocol-ipv6": "MetadataOptions.HttpProtocolIpv6",
    "metadata-options.http-put-response-hop-limit": "MetadataOptions.HttpPutResponseHopLimit",
    "metadata-options.http-tokens": "MetadataOptions.HttpTokens",
    "metadata-options.instance-metadata-tags": "MetadataOptions.InstanceMetadataTags",
    "metadata-options.state": "MetadataOptions.State",
    "monitoring-state": "Monitoring.State",
    "network-performance-options.bandwidth-weighting": "NetworkPerformanceOptions.BandwidthWeighting",
    "operator.managed": "Operator.Managed",
    "operator.principal": "Operator.Principal",
    "outpost-arn": "OutpostArn",
    "owner-id": "_owner",
    "placement-group-name": "Placement.GroupName",
    "placement-partition-number": "Placement.PartitionNumber",
    "platform": "Platform",
    "platform-details": "PlatformDetails",
    "private-dns-name": "PrivateDnsName",
    "private-dns-name-options.enable-resource-name-dns-a-record": "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (
        "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"
    ),
    "private-dns-name-options.hostname-type": "PrivateDnsNameOptions.HostnameType",
    "private-ip-address": "PrivateIpAddress",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "ramdisk-id": "RamdiskId",
    "reason": "StateTransitionReason",
    "requester-id": record("requester_id"),
    "reservation-id": record("reservation_id"),
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "SourceDestCheck",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "subnet-id": "SubnetId",
    "tenancy": "Placement.Tenancy",
    "tpm-support": "TpmSupport",
    "usage-operation": "UsageOperation",
    "usage-operation-update-time": times("UsageOperationUpdateTime"),
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}

FILTERS = Filters(
    FIELDS | {f"network-interface.{name}": field for name, field in OF_INTERFACES.items()},
    tags=lambda seen: seen["_record"].tags,
)
