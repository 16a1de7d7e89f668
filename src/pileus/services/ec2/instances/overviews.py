"""Further views of instances: as template data, by their images, by where they are in the network; and spot scores."""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, iso, paged
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.network import interfaces
from pileus.services.ec2.storage import allowing, attachments
from pileus.services.ec2.storage.images import image
from pileus.services.ec2.tags import shown_tags

from . import states
from .describing_types import efa
from .instances import RUNNING, Instance, alive, instance, instances, state_of, wrong_state
from .placement_groups import placement_group
from .requirements import fitting
from .types import table

TOPOLOGY = Filters(
    {
        "availability-zone": "availability_zone",
        "instance-type": "instance_type",
        "zone-id": lambda one: _zone_id(one.availability_zone),
    },
    tags=None,
)
IMAGES = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "instance-id": "InstanceId",
        "image-allowed": "ImageMetadata.ImageAllowed",
        "instance-state-name": "State.Name",
        "instance-type": "InstanceType",
        "launch-time": lambda shown: iso(shown["LaunchTime"]),
        "owner-alias": "ImageMetadata.ImageOwnerAlias",
        "owner-id": "OwnerId",
        "zone-id": "ZoneId",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)


def _zone_id(name: str) -> str:
    return next((zone.id for zone in zones(name[:-1]) if zone.name == name), "")


@ec2.operation
def get_launch_template_data(call: Call, instance_id: str) -> Members:
    """An instance as the data of a template that would launch one like it."""
    one = alive(call, instance_id)
    told = {
        "ImageId": one.image_id,
        "InstanceType": one.instance_type,
        "KeyName": one.key_name or None,
        "EbsOptimized": one.ebs_optimized,
        "UserData": one.user_data or None,
        "IamInstanceProfile": {"Arn": one.profile["Arn"]} if one.profile else None,
        "BlockDeviceMappings": _devices(call, one),
        "NetworkInterfaces": _interfaces(call, one),
        "Monitoring": {"Enabled": one.monitoring},
        "Placement": {"AvailabilityZone": one.availability_zone, "GroupName": ""} | one.placement,
        "DisableApiTermination": one.termination_protected,
        "DisableApiStop": one.stop_protected,
        "InstanceInitiatedShutdownBehavior": one.at_shutdown,
        "TagSpecifications": _tags(one),
        "CreditSpecification": {"CpuCredits": one.credits} if one.credits else None,
        "CpuOptions": one.cpu,
        "CapacityReservationSpecification": one.capacity or None,
        "HibernationOptions": {"Configured": one.hibernates},
        "MetadataOptions": one.metadata,
        "EnclaveOptions": {"Enabled": one.enclaves},
        "PrivateDnsNameOptions": one.dns,
        "MaintenanceOptions": {"AutoRecovery": one.maintenance.get("AutoRecovery", "default")},
    }
    return {"LaunchTemplateData": {name: value for name, value in told.items() if value is not None}}


def _devices(call: Call, one: Instance) -> list[Members]:
    views = []
    for volume in attachments.of_instance(call, one.instance_id):
        attachment = volume.attached_to(one.instance_id)
        assert attachment
        ebs = {
            "Encrypted": bool(volume.seal.key),
            "DeleteOnTermination": attachment.delete_on_termination,
            "SnapshotId": volume.snapshot_id or None,
            "VolumeSize": volume.size,
            "VolumeType": volume.volume_type,
            "Iops": volume.iops or None,
            "Throughput": volume.throughput or None,
        }
        views.append({"DeviceName": attachment.device, "Ebs": {k: v for k, v in ebs.items() if v is not None}})
    return views


def _interfaces(call: Call, one: Instance) -> list[Members]:
    return [
        {
            "AssociatePublicIpAddress": found.association is not None,
            "DeleteOnTermination": bool(found.attachment and found.attachment.delete_on_termination),
            "Description": found.description,
            "DeviceIndex": found.device_index,
            "Groups": found.groups,
            "InterfaceType": found.interface_type,
            "SubnetId": found.subnet_id,
        }
        for found in interfaces.of_instance(call, one.instance_id)
    ]


def _tags(one: Instance) -> list[Members] | None:
    own = {key: value for key, value in one.tags.items() if not key.startswith("aws:")}
    return [{"ResourceType": "instance", "Tags": shown_tags(own)}] if own else None


@ec2.operation
def describe_instance_topology(
    call: Call,
    instance_ids: list[str] = [],
    group_names: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Where instances of the types that can tell are in the network: those of a cluster below one node."""
    test = TOPOLOGY.test(filters)
    for name in group_names:
        placement_group(call, name)

    def wanted(one: Instance) -> bool:
        kind = table().get(one.instance_type)
        in_group = not group_names or one.placement.get("GroupName") in group_names
        return one.state == RUNNING and bool(kind and efa(kind)) and in_group and test(one)

    if instance_ids:
        found = [_place(one) for one in instances(call, instance_ids) if wanted(one)]
        return answer("Instances", found, None)
    page = Instance.page(call, limit=max_results or 20, token=next_token, where=wanted, invalid=bad_token())
    return answer("Instances", [*map(_place, page.items)], page.token)


def nodes(zone: str, group: str) -> list[str]:
    """The nodes of the network above what is placed together, the outermost first."""
    above = (zone, f"{zone}/{group[-1]}", f"{zone}/{group}")
    return [f"nn-{hashlib.blake2b(text.encode(), digest_size=9).hexdigest()[:17]}" for text in above]


def _place(one: Instance) -> Members:
    view = {
        "InstanceId": one.instance_id,
        "InstanceType": one.instance_type,
        "NetworkNodes": nodes(one.availability_zone, one.placement.get("GroupId", one.instance_id)),
        "AvailabilityZone": one.availability_zone,
        "ZoneId": _zone_id(one.availability_zone),
    }
    name = one.placement.get("GroupName")
    return view | ({"GroupName": name} if name else {})


@ec2.operation
def describe_instance_image_metadata(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The images that instances were launched from."""
    test = IMAGES.test(filters)
    if instance_ids:
        shown = [_with_image(call, one) for one in instances(call, instance_ids)]
        return answer("InstanceImageMetadata", [*filter(test, shown)], None)
    page = Instance.page(
        call,
        limit=max_results or 1000,
        token=next_token,
        where=lambda one: test(_with_image(call, one)),
        invalid=bad_token(),
    )
    return answer("InstanceImageMetadata", [_with_image(call, one) for one in page.items], page.token)


def _with_image(call: Call, one: Instance) -> Members:
    try:
        found = image(call, one.image_id)
    except Fault:  # it is no more
        metadata: Members = {"ImageId": one.image_id}
    else:
        metadata = {
            "ImageId": found.image_id,
            "Name": found.name,
            "OwnerId": found.owner,
            "State": found.state,
            "CreationDate": iso(found.created),
            "IsPublic": found.public,
            "ImageAllowed": allowing.allows(call, found),
        }
        metadata |= {"ImageOwnerAlias": found.alias} if found.alias else {}
    return {
        "InstanceId": one.instance_id,
        "InstanceType": one.instance_type,
        "LaunchTime": one.launched,
        "AvailabilityZone": one.availability_zone,
        "ZoneId": _zone_id(one.availability_zone),
        "State": state_of(one),
        "OwnerId": call.account,
        "Tags": shown_tags(one.tags),
        "ImageMetadata": metadata,
    }


@ec2.operation
def get_spot_placement_scores(
    call: Call,
    target_capacity: int,
    instance_types: list[str] = [],
    target_capacity_unit_type: str = "units",
    single_availability_zone: bool = False,
    region_names: list[str] = [],
    instance_requirements_with_metadata: Members = {},
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """How likely a spot request is fulfilled: the more kinds of types are taken, the likelier; from 1 to 10."""
    if bool(instance_types) == bool(instance_requirements_with_metadata):
        raise combination("Either InstanceTypes or InstanceRequirementsWithMetadata must be specified, but not both.")
    if target_capacity < 1:
        raise missing("TargetCapacity")
    scores: list[Members] = []
    for region in region_names or [call.region]:
        there = call.at(region=region)
        wanted = instance_requirements_with_metadata
        names = instance_types or [
            one.name
            for one in fitting(there, wanted.get("InstanceRequirements", {}), wanted.get("ArchitectureTypes", ()))
        ]
        kinds = [kind for name in names if (kind := table().get(name)) and kind.offered(there)]
        size = {"vcpu": 4, "memory-mib": 16384}.get(target_capacity_unit_type, 1)
        score = max(1, min(9, 2 * len(kinds) + 1 - (target_capacity // size).bit_length() // 3)) if kinds else 1
        places = [zone.id for zone in zones(region)] if single_availability_zone else [""]
        scores += [{"Region": region, "Score": score} | ({"AvailabilityZoneId": one} if one else {}) for one in places]
    ordered = sorted(scores, key=lambda one: -one["Score"])[:10]
    return paged(call, "SpotPlacementScores", ordered, max_results, next_token)


@ec2.operation
def send_diagnostic_interrupt(call: Call, instance_id: str) -> None:
    """Make the system of an instance fail, which, as systems are set up, reboots it."""
    one = instance(call, instance_id)
    if one.state != RUNNING:
        raise wrong_state(f"The instance '{instance_id}' is not in the 'running' state.")
    states.reboot(call, one)
