"""What AWS has retired, as it answers now: nothing is found of it, and nothing new can be had.

Elastic Graphics ended in January 2024, Scheduled Instances have not been sold for years, bundling is for Windows on
instance stores that nobody launches any more. Product codes belong to sellers of the Marketplace, which is not here.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, unsupported

from .instances import alive

GRAPHICS = Filters(dict.fromkeys(
    ("availability-zone", "elastic-gpu-health", "elastic-gpu-state", "elastic-gpu-type", "instance-id"), "none"
))  # fmt: skip
SCHEDULES = Filters(dict.fromkeys(("availability-zone", "instance-type", "platform"), "none"), tags=None)
BUNDLES = Filters(dict.fromkeys((
    "bundle-id", "error-code", "error-message", "instance-id", "progress", "s3-bucket", "s3-prefix", "start-time",
    "state", "update-time",
), "none"), tags=None)  # fmt: skip
NO_MORE = "Scheduled Instances are no longer available for purchase."


@ec2.operation
def describe_elastic_gpus(
    call: Call,
    elastic_gpu_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    GRAPHICS.test(filters)
    if elastic_gpu_ids:
        text = f"The elastic GPU ID '{', '.join(elastic_gpu_ids)}' does not exist"
        raise Fault("InvalidElasticGpuID.NotFound", text)
    return {"ElasticGpuSet": []}


@ec2.operation
def describe_scheduled_instance_availability(
    call: Call,
    first_slot_start_time_range: dict[str, Any],
    recurrence: dict[str, Any],
    filters: list[dict[str, Any]] = [],
    min_slot_duration_in_hours: int = 0,
    max_slot_duration_in_hours: int = 0,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """There are no schedules on offer."""
    SCHEDULES.test(filters)
    if first_slot_start_time_range["LatestTime"] < first_slot_start_time_range["EarliestTime"]:
        raise combination("LatestTime must be later than EarliestTime.")
    if recurrence.get("Frequency", "Daily") not in ("Daily", "Weekly", "Monthly"):
        raise bad_value("Recurrence.Frequency", recurrence["Frequency"])
    if max_slot_duration_in_hours and max_slot_duration_in_hours < min_slot_duration_in_hours:
        raise combination("MaxSlotDurationInHours must be greater than MinSlotDurationInHours.")
    return {"ScheduledInstanceAvailabilitySet": []}


@ec2.operation
def describe_scheduled_instances(
    call: Call,
    scheduled_instance_ids: list[str] = [],
    slot_start_time_range: dict[str, Any] = {},
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    SCHEDULES.test(filters)
    if scheduled_instance_ids:
        raise _unscheduled(*scheduled_instance_ids)
    return {"ScheduledInstanceSet": []}


def _unscheduled(*ids: str) -> Fault:
    return Fault("InvalidScheduledInstance", f"The Scheduled Instance '{', '.join(ids)}' does not exist.")


@ec2.operation
def purchase_scheduled_instances(
    call: Call, purchase_requests: list[dict[str, Any]], client_token: str = ""
) -> Members:
    raise unsupported(NO_MORE)


@ec2.operation
def run_scheduled_instances(
    call: Call,
    scheduled_instance_id: str,
    launch_specification: dict[str, Any],
    instance_count: int = 1,
    client_token: str = "",
) -> Members:
    raise _unscheduled(scheduled_instance_id)


@ec2.operation
def bundle_instance(call: Call, instance_id: str, storage: dict[str, Any]) -> Members:
    alive(call, instance_id)
    raise unsupported("BundleInstance is no longer supported. To create an AMI, use CreateImage instead.")


@ec2.operation
def cancel_bundle_task(call: Call, bundle_id: str) -> Members:
    raise _unbundled(bundle_id)


@ec2.operation
def describe_bundle_tasks(call: Call, bundle_ids: list[str] = [], filters: list[dict[str, Any]] = []) -> Members:
    BUNDLES.test(filters)
    if bundle_ids:
        raise _unbundled(*bundle_ids)
    return {"BundleTasks": []}


def _unbundled(*ids: str) -> Fault:
    return Fault("InvalidBundleID.NotFound", f"The bundle task '{', '.join(ids)}' does not exist")


@ec2.operation
def confirm_product_instance(call: Call, instance_id: str, product_code: str) -> Members:
    """Whether an instance runs what the caller sells; no account here owns a product code."""
    alive(call, instance_id)
    return {"Return": False}
