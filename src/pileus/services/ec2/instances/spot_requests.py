"""Requests for spot instances: made, described, cancelled.

Left out: durations, which AWS gives no more. Groups of launches and zones are kept and shown
only.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import bad_value, missing, unsupported
from pileus.services.ec2.kinds import all_named
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import launching, spot
from .filtering import listed
from .specification import check
from .spot import ACTIVE, CANCELLED, CLOSED, DISABLED, FAILED, MESSAGES, OPEN, SECONDS, SpotRequest


def launched(path: str) -> str:
    return f"specification.{path}"


FILTERS = Filters(
    {
        "availability-zone-group": "zone_group",
        "create-time": lambda one: iso(one.created),
        "fault-code": "fault.Code",
        "fault-message": "fault.Message",
        "instance-id": lambda one: one.instance_id or None,
        "launch-group": "launch_group",
        "launch.block-device-mapping.delete-on-termination": launched("BlockDeviceMappings.Ebs.DeleteOnTermination"),
        "launch.block-device-mapping.device-name": launched("BlockDeviceMappings.DeviceName"),
        "launch.block-device-mapping.snapshot-id": launched("BlockDeviceMappings.Ebs.SnapshotId"),
        "launch.block-device-mapping.volume-size": launched("BlockDeviceMappings.Ebs.VolumeSize"),
        "launch.block-device-mapping.volume-type": launched("BlockDeviceMappings.Ebs.VolumeType"),
        "launch.group-id": launched("SecurityGroups.GroupId"),
        "launch.group-name": launched("SecurityGroups.GroupName"),
        "launch.image-id": launched("ImageId"),
        "launch.instance-type": launched("InstanceType"),
        "launch.kernel-id": launched("KernelId"),
        "launch.key-name": launched("KeyName"),
        "launch.monitoring-enabled": launched("Monitoring.Enabled"),
        "launch.ramdisk-id": launched("RamdiskId"),
        "launched-availability-zone": lambda one: one.zone or None,
        "launched-availability-zone-id": lambda one: [
            zone.id for zone in zones(one.zone[:-1]) if one.zone and zone.name == one.zone
        ],
        "network-interface.addresses.primary": launched("NetworkInterfaces.PrivateIpAddresses.Primary"),
        "network-interface.delete-on-termination": launched("NetworkInterfaces.DeleteOnTermination"),
        "network-interface.description": launched("NetworkInterfaces.Description"),
        "network-interface.device-index": launched("NetworkInterfaces.DeviceIndex"),
        "network-interface.group-id": launched("NetworkInterfaces.Groups"),
        "network-interface.network-interface-id": launched("NetworkInterfaces.NetworkInterfaceId"),
        "network-interface.private-ip-address": launched("NetworkInterfaces.PrivateIpAddress"),
        "network-interface.subnet-id": launched("NetworkInterfaces.SubnetId"),
        "product-description": lambda one: "Linux/UNIX",
        "spot-instance-request-id": "spot_instance_request_id",
        "spot-price": lambda one: f"{one.max_price:.6f}",
        "state": "state",
        "status-code": "status",
        "status-message": lambda one: MESSAGES.get(one.status, ""),
        "type": lambda one: "persistent" if one.persistent else "one-time",
        "valid-from": lambda one: listed(iso(one.valid_from) if one.valid_from else None),
        "valid-until": lambda one: listed(iso(one.valid_until) if one.valid_until else None),
    }
)


@ec2.operation
def request_spot_instances(
    call: Call,
    launch_specification: Members = {},
    spot_price: str = "",
    instance_count: int = 1,
    type: str = "one-time",  # noqa: A002
    instance_interruption_behavior: str = "terminate",
    valid_from: float = 0.0,
    valid_until: float = 0.0,
    launch_group: str = "",
    availability_zone_group: str = "",
    block_duration_minutes: int = 0,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Ask for spot instances; each request is fulfilled when the price and the capacity let it."""
    if made := made_before(call, client_token):
        return {"SpotInstanceRequests": [shown(call, one) for one in all_named(call, SpotRequest, made.split(","))]}
    if not launch_specification:
        raise missing("LaunchSpecification")
    if block_duration_minutes:
        raise unsupported("Spot Instances with a defined duration (also known as Spot blocks) are no longer available.")
    if instance_count < 1:
        raise bad_value("instanceCount", instance_count)
    _check_dates(call, valid_from, valid_until)
    persistent = type == "persistent"
    wanted = as_launch(launch_specification)
    check(wanted)
    launching.planned(call, wanted)
    requests = [
        SpotRequest(
            spot.new_request_id(),
            call.now,
            wanted,
            spot.specification(wanted),
            spot.maximum(call, wanted, spot_price),
            status="not-scheduled-yet" if valid_from else "pending-evaluation",
            updated=call.now,
            persistent=persistent,
            behaviour=spot.checked_behaviour(instance_interruption_behavior, persistent),
            valid_from=valid_from,
            valid_until=valid_until,
            launch_group=launch_group,
            zone_group=availability_zone_group,
            tags=specified(tag_specifications, "spot-instances-request"),
        ).put(call)
        for _ in range(instance_count)
    ]
    for one in requests:
        spot.evaluate.later(call, request_id=one.spot_instance_request_id, due=max(valid_from, call.now + SECONDS))
        if valid_until:
            spot.evaluate.later(call, request_id=one.spot_instance_request_id, due=valid_until)
    remember(call, client_token, ",".join(one.spot_instance_request_id for one in requests))
    return {"SpotInstanceRequests": [shown(call, one) for one in requests]}


def as_launch(specification: Members) -> Members:
    """A launch specification in the members of RunInstances."""
    wanted = {
        name: value for name, value in specification.items() if name not in ("AddressingType", "AllSecurityGroups")
    }
    if wanted.get("NetworkInterfaces"):
        wanted.pop("SubnetId", None)
    return wanted


def _check_dates(call: Call, valid_from: float, valid_until: float) -> None:
    if valid_from and valid_from < call.now:
        raise bad_value("validFrom", iso(valid_from), "It must be in the future.")
    if valid_until and valid_until <= max(call.now, valid_from):
        raise bad_value("validUntil", iso(valid_until), "It must be later than validFrom and in the future.")


@ec2.operation
def describe_spot_instance_requests(
    call: Call,
    spot_instance_request_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        SpotRequest,
        FILTERS,
        "SpotInstanceRequests",
        shown,
        spot_instance_request_ids,
        filters,
        max_results,
        next_token,
    )


@ec2.operation
def cancel_spot_instance_requests(call: Call, spot_instance_request_ids: list[str]) -> Members:
    """Want no more instances; those that run go on, except ones that an interruption has stopped."""
    answers = []
    for one in all_named(call, SpotRequest, spot_instance_request_ids):
        if one.state in (ACTIVE, DISABLED):
            one.become(call, CANCELLED, "request-canceled-and-instance-running")
        elif one.state == OPEN:
            one.become(call, CANCELLED, "canceled-before-fulfillment")
        state = one.state if one.state in (CANCELLED, CLOSED) else "completed" if one.state == FAILED else one.state
        answers.append({"SpotInstanceRequestId": one.spot_instance_request_id, "State": state})
    return {"CancelledSpotInstanceRequests": answers}


def shown(call: Call, one: SpotRequest) -> Members:
    status = {"Code": one.status, "Message": MESSAGES.get(one.status, ""), "UpdateTime": one.updated}
    zone_id = next((zone.id for zone in zones(call.region) if zone.name == one.zone), None)
    told = {
        "SpotInstanceRequestId": one.spot_instance_request_id,
        "SpotPrice": f"{one.max_price:.6f}",
        "State": one.state,
        "Status": status,
        "Type": "persistent" if one.persistent else "one-time",
        "CreateTime": one.created,
        "InstanceId": one.instance_id or None,
        "LaunchSpecification": {"Monitoring": {"Enabled": False}} | one.specification,
        "LaunchedAvailabilityZone": one.zone or None,
        "LaunchedAvailabilityZoneId": zone_id,
        "ProductDescription": "Linux/UNIX",
        "InstanceInterruptionBehavior": one.behaviour,
        "ValidFrom": one.valid_from or None,
        "ValidUntil": one.valid_until or None,
        "LaunchGroup": one.launch_group or None,
        "AvailabilityZoneGroup": one.zone_group or None,
        "Fault": one.fault or None,
        "Tags": shown_tags(one.tags) or None,
    }
    return {name: value for name, value in told.items() if value is not None}
