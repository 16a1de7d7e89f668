"""How volumes are, and what else is known of them: status, the attribute `autoEnableIO`, whether they may be used."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import named

from .volumes import CREATING, Volume
from .zones import zone_id

FILTERS = Filters(
    {
        "action.code": lambda volume: None,
        "action.description": lambda volume: None,
        "action.event-id": lambda volume: None,
        "attachment-status.instance-id": "attachments.instance_id",
        "attachment-status.io-performance": lambda volume: [performance(volume) for _ in volume.attachments],
        "availability-zone": "availability_zone",
        "event.description": lambda volume: None,
        "event.event-id": lambda volume: None,
        "event.event-type": lambda volume: None,
        "event.not-after": lambda volume: None,
        "event.not-before": lambda volume: None,
        "volume-status.details-name": lambda volume: [one["Name"] for one in details(volume)],
        "volume-status.details-status": lambda volume: [one["Status"] for one in details(volume)],
        "volume-status.status": lambda volume: status(volume),
    },
    tags=None,
)


def status(volume: Volume) -> str:
    """It is known as soon as the volume is there."""
    return "insufficient-data" if volume.state == CREATING else "ok"


def performance(volume: Volume) -> str:
    """It is told of those that are provisioned."""
    return "normal" if volume.volume_type in ("io1", "io2") and volume.attachments else "not-applicable"


def details(volume: Volume) -> list[dict[str, str]]:
    if volume.state == CREATING:
        return [{"Name": "io-enabled", "Status": "insufficient-data"}]
    return [
        {"Name": "io-enabled", "Status": "passed"},
        {"Name": "io-performance", "Status": performance(volume)},
        *([{"Name": "initialization-state", "Status": "completed"}] if volume.snapshot_id else []),
    ]


def shown(call: Call, volume: Volume) -> Members:
    told: Members = {
        "VolumeId": volume.volume_id,
        "AvailabilityZone": volume.availability_zone,
        "AvailabilityZoneId": zone_id(volume.availability_zone),
        "Actions": [],
        "Events": [],
        "VolumeStatus": {"Status": status(volume), "Details": details(volume)},
        "AttachmentStatuses": [
            {"InstanceId": one.instance_id, "IoPerformance": performance(volume)} for one in volume.attachments
        ],
        "Operator": {"Managed": False},
    }
    if volume.snapshot_id and volume.state != CREATING:
        kind = "provisioned-rate" if volume.rate else "default"
        told["InitializationStatusDetails"] = {"InitializationType": kind, "Progress": 100}
    return told


@ec2.operation
def describe_volume_status(
    call: Call,
    volume_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(call, Volume, FILTERS, "VolumeStatuses", shown, volume_ids, filters, max_results, next_token)


@ec2.operation
def describe_volume_attribute(call: Call, attribute: str, volume_id: str) -> Members:
    volume = named(call, Volume, volume_id)
    if attribute == "autoEnableIO":
        return {"VolumeId": volume_id, "AutoEnableIO": {"Value": volume.auto_enable_io}}
    if attribute == "productCodes":
        return {"VolumeId": volume_id, "ProductCodes": []}
    raise bad_value("attribute", attribute)


@ec2.operation
def modify_volume_attribute(call: Call, volume_id: str, auto_enable_io: dict[str, bool] = {}) -> None:
    """Say whether a volume that may be inconsistent is to be usable at once. None ever is here: nothing breaks."""
    volume = named(call, Volume, volume_id)
    if "Value" not in auto_enable_io:
        raise missing("AutoEnableIO")
    volume.auto_enable_io = auto_enable_io["Value"]
    volume.put(call)


@ec2.operation
def enable_volume_io(call: Call, volume_id: str) -> None:
    """Let a volume be used again: all that exist may be."""
    named(call, Volume, volume_id)
